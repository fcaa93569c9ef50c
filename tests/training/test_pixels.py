"""The fast way of pixels: bytes to the device, the processor's values there."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from src.contract.records import Source
from src.datasets.builders.conversation import Conversation, Turn
from src.errors import ConfigError
from src.training.torchvision_shim import ensure_torchvision
from tests.training.test_real_trainer import losses

ensure_torchvision()


def conversation(width: int, height: int) -> Conversation:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Conversation(
        system=None,
        turns=(Turn("user", "Detect."), Turn("assistant", "nothing")),
        pixels=(pixels,),
        spans=(),
        source=Source(file="x.jsonl", line=1),
    )


def both(template, talk):
    from src.training.ms_swift.pixels import fast_encoder, restorer_of
    from src.training.ms_swift.template import SwiftEncoder

    stock = SwiftEncoder(template)(talk)
    fast = fast_encoder(template)(talk)
    return stock, fast, restorer_of(template.processor.image_processor)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (96, 160), (1024, 768)])
def test_restored_values_are_the_processors(template, width, height):
    stock, fast, restore = both(template, conversation(width, height))
    assert fast["pixel_values"].dtype == torch.uint8
    assert (restore(fast["pixel_values"]) - stock["pixel_values"]).abs().max().item() <= 1e-6
    assert fast["image_grid_thw"].tolist() == stock["image_grid_thw"].tolist()
    for name in ("input_ids", "labels"):
        assert fast[name].tolist() == stock[name]
    assert torch.equal(fast["mm_token_type_ids"], stock["mm_token_type_ids"])


def test_the_check_sees_patches_in_another_order(template):
    stock, fast, restore = both(template, conversation(96, 160))
    swapped = fast["pixel_values"].flip(0)
    assert (restore(swapped) - stock["pixel_values"]).abs().max().item() > 0.1


def size_of(encoded) -> int:
    tensors = [value for value in encoded.values() if isinstance(value, torch.Tensor)]
    numbers = [value for value in encoded.values() if isinstance(value, list)]
    return sum(t.numel() * t.element_size() for t in tensors) + sum(8 * len(n) for n in numbers)


def test_a_sample_hands_over_at_most_a_seventh_of_the_bytes(template):
    stock, fast, _ = both(template, conversation(1024, 768))
    assert size_of(fast) <= size_of(stock) / 7


def test_the_shared_processor_is_left_alone(template):
    before = template.processor.image_processor
    both(template, conversation(64, 64))
    assert template.processor.image_processor is before
    assert both(template, conversation(64, 64))[0]["pixel_values"].dtype == torch.float32


def test_pixels_off_the_grid_are_refused(template):
    from src.training.ms_swift.pixels import PatchLayout, fast_encoder

    with pytest.raises(AssertionError):
        PatchLayout(16, 2, 2).patches(np.zeros((48, 64, 3), dtype=np.uint8))
    # The whole encoder too: ms-swift's own fetch_image would resize such a picture before the layout sees it.
    with pytest.raises(AssertionError):
        fast_encoder(template)(conversation(100, 64))


def test_pictures_of_several_sizes_keep_their_order(template):
    one, two = conversation(96, 160), conversation(64, 128)
    pair = replace(one, pixels=(two.pixels[0], one.pixels[0]))
    stock, fast, restore = both(template, pair)
    assert fast["image_grid_thw"].tolist() == stock["image_grid_thw"].tolist()
    assert (restore(fast["pixel_values"]) - stock["pixel_values"]).abs().max().item() <= 1e-6


def test_sliced_and_read_only_pixels_are_encoded_alike(template):
    whole = conversation(96, 160)
    wide = np.zeros((160, 128, 3), dtype=np.uint8)
    wide[:, 32:] = whole.pixels[0]
    view = wide[:, 32:]
    view.flags.writeable = False
    fast = both(template, whole)[1]
    assert torch.equal(
        both(template, replace(whole, pixels=(view,)))[1]["pixel_values"], fast["pixel_values"]
    )


def test_another_template_is_refused_with_the_stock_path_as_remedy(template):
    from src.training.ms_swift.pixels import fast_encoder

    other = copy.copy(template)
    other.__class__ = type("Other", (type(template),), {})
    with pytest.raises(ConfigError, match="pixel_path: stock"):
        fast_encoder(other)


def test_the_fast_encoder_is_picklable(template):
    from src.training.ms_swift.pixels import fast_encoder

    encoder = fast_encoder(template)
    talk = conversation(64, 64)
    again = pickle.loads(pickle.dumps(encoder))(talk)
    assert torch.equal(again["pixel_values"], encoder(talk)["pixel_values"])


def test_both_paths_train_alike_with_augmentation(config_file, train, tmp_path):
    augmented = "custom.augmentation={enabled: true, ops: [{name: hflip}, {name: rotate}]}"
    fast = train(config_file, tmp_path / "fast", augmented, "custom.pixel_path=fast")
    stock = train(config_file, tmp_path / "stock", augmented, "custom.pixel_path=stock")
    assert losses(fast) == pytest.approx(losses(stock), abs=1e-6)
    plain = train(config_file, tmp_path / "plain")
    assert losses(plain) != pytest.approx(losses(fast), abs=1e-3)
