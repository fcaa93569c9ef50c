"""The fast way of pixels: bytes to the device, the processor's values there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from src.contract.records import Source
from src.datasets.builders.conversation import Conversation, Turn
from src.training.torchvision_shim import ensure_torchvision
from tests.training.test_real_trainer import losses, train

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
    from src.training.ms_swift.pixels import restorer_of, with_patch_layout
    from src.training.ms_swift.template import SwiftEncoder

    stock = SwiftEncoder(template)(talk)
    fast = SwiftEncoder(with_patch_layout(template))(talk)
    return stock, fast, restorer_of(template.processor.image_processor)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (96, 160), (1024, 768)])
def test_restored_values_are_the_processors(template, width, height):
    stock, fast, restore = both(template, conversation(width, height))
    assert fast["pixel_values"].dtype == torch.uint8
    assert (restore(fast["pixel_values"]) - stock["pixel_values"]).abs().max().item() <= 1e-6
    assert fast["image_grid_thw"].tolist() == stock["image_grid_thw"].tolist()
    assert fast["input_ids"] == stock["input_ids"]


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
    from src.training.ms_swift.pixels import PatchLayout

    with pytest.raises(AssertionError):
        PatchLayout(16, 2, 2).patches(np.zeros((48, 64, 3), dtype=np.uint8))


def test_both_paths_train_alike_with_augmentation(config_file, tmp_path):
    augmented = "custom.augmentation={enabled: true, ops: [{name: hflip}, {name: rotate}]}"
    fast = train(config_file, tmp_path / "fast", augmented, "custom.pixel_path=fast")
    stock = train(config_file, tmp_path / "stock", augmented, "custom.pixel_path=stock")
    assert losses(fast) == pytest.approx(losses(stock), abs=1e-5)
    plain = train(config_file, tmp_path / "plain")
    assert losses(plain) != pytest.approx(losses(fast), abs=1e-3)
