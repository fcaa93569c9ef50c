"""What the template makes of a conversation, against the processor and against counting."""

import numpy as np
import pytest

from src.contract.budget import PixelBudget
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Conversation, Prompts, Turn
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.render import blank, render
from src.datasets.scene import open_scene
from src.errors import ConfigError, DataError
from src.training.torchvision_shim import ensure_torchvision

ensure_torchvision()


def conversations(folder, count, budget, draw=render):
    index = JsonlIndex.open(folder / "train.jsonl")
    resolver = ImageResolver(folder)
    builder = JsonLinesBuilder(
        BuilderConfig(json_format="standard", emit_norm="norm1000"),
        Prompts(system="Look.", user="Detect."),
    )
    for row in range(count):
        record = index.record(row)
        paths = [resolver.resolve(image, record.source) for image in record.images]
        yield builder.build(draw(open_scene(record, paths), budget))


def test_pixel_values_equal_the_processors(template, scenes):
    from src.training.ms_swift.template import SwiftEncoder

    for talk in conversations(scenes, 4, PixelBudget()):
        encoded = SwiftEncoder(template)(talk)
        own = template.processor.image_processor(images=list(talk.pixels), return_tensors="pt")
        assert encoded["image_grid_thw"].tolist() == own["image_grid_thw"].tolist()
        difference = (encoded["pixel_values"] - own["pixel_values"]).abs().max().item()
        assert difference <= 1e-6


@pytest.mark.parametrize("max_pixels", [64 * 64, 128 * 128])
def test_lengths_are_exact_without_decoding(template, scenes, max_pixels):
    from src.training.ms_swift.lengths import SwiftLength
    from src.training.ms_swift.template import SwiftEncoder

    budget = PixelBudget(min_pixels=max_pixels, max_pixels=max_pixels)
    length = SwiftLength(template)
    whole = list(conversations(scenes, 40, budget))
    for real, empty in zip(whole, conversations(scenes, 40, budget, blank), strict=True):
        assert length(empty) == len(SwiftEncoder(template)(real)["input_ids"])


def test_only_the_answer_carries_loss(template, scenes):
    from src.training.ms_swift.template import SwiftEncoder

    tokenizer = template.processor.tokenizer
    for talk in conversations(scenes, 5, PixelBudget()):
        encoded = SwiftEncoder(template)(talk)
        learned = [
            t
            for t, label in zip(encoded["input_ids"], encoded["labels"], strict=True)
            if label != -100
        ]
        assert tokenizer.decode(learned).rstrip("\n") == f"{talk.target}<|im_end|>"


def test_image_tokens_match_the_grid_and_are_never_cut(template, scenes):
    from src.training.ms_swift.template import SwiftEncoder

    talk = next(conversations(scenes, 1, PixelBudget()))
    encoded = SwiftEncoder(template)(talk)
    cells = int(encoded["image_grid_thw"].prod()) // 4
    assert encoded["input_ids"].count(template.image_token_id) == cells == 4
    template.max_length = 30
    try:
        with pytest.raises(DataError, match="does not fit global_max_length"):
            SwiftEncoder(template)(talk)
    finally:
        template.max_length = 32768


def test_a_tokenizer_without_image_tokens_is_refused(template):
    from types import SimpleNamespace

    from src.training.ms_swift.template import fit_token_ids

    tokenizer = SimpleNamespace(convert_tokens_to_ids=lambda token: None, unk_token_id=None)
    empty = SimpleNamespace(processor=SimpleNamespace(tokenizer=tokenizer))
    with pytest.raises(ConfigError, match="no <\\|image_pad\\|> token"):
        fit_token_ids(empty)


def test_the_budget_is_qwens_own_rule():
    from qwen_vl_utils.vision_process import smart_resize

    rng = np.random.default_rng(3)
    for _ in range(500):
        width, height = (int(v) for v in rng.integers(8, 3000, 2))
        low = int(rng.integers(1, 20)) * 1024
        high = low * int(rng.integers(2, 200))
        if max(width, height) > 200 * min(width, height):
            continue
        expected = smart_resize(height, width, factor=32, min_pixels=low, max_pixels=high)
        if 0 in expected:
            continue  # its own fault for very flat pictures; ours keeps one cell
        assert PixelBudget(min_pixels=low, max_pixels=high).fit(width, height) == expected[::-1]


def test_a_row_shares_the_pixels_memory(scenes):
    from src.training.ms_swift.template import to_swift_row

    talk = next(conversations(scenes, 1, PixelBudget()))
    row = to_swift_row(talk, with_target=False)
    assert [message["role"] for message in row["messages"]] == ["system", "user"]
    assert np.array_equal(np.asarray(row["images"][0]), talk.pixels[0])
    prompt = Conversation(
        system=None, turns=(Turn("user", "x"),), pixels=(), spans=(), source=talk.source
    )
    assert to_swift_row(prompt, with_target=True)["messages"] == [{"role": "user", "content": "x"}]
