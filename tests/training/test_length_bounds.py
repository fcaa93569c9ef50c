"""No draw of augmentation, and no choice of objects, makes a sample longer than its bound.

Catches: a box that becomes a polygon, a copy, a larger canvas or a longer wording that the plan did not count. Planted: the exact
length in the bound's place.
"""

from dataclasses import replace
from itertools import product

import pytest

from src.config.loader import load_config
from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.preparation import prepare

OPS = {
    "turned": "{name: rotate, params: {prob: 1.0, max_degrees: 40, expand: true}}",
    "cropped": "{name: rotate, params: {prob: 1.0}}, {name: random_crop, params: {min_objects: 0, min_coverage: 0.1}}",
    "enlarged": "{name: resize_by_scale, params: {lo: 1.0, hi: 1.6, prob: 1.0}}",
    "copied": "{name: object_copy_paste, params: {prob: 1.0}}, {name: small_object_zoom_paste, params: {prob: 1.0}}",
    "flipped": "{name: hflip, params: {prob: 1.0}}",
}


@pytest.fixture(scope="module")
def length_of(template):
    from src.training.ms_swift.lengths import SwiftLength

    return SwiftLength(template)


def prepared(config_file, length_of, *overrides):
    config = load_config(config_file, overrides).config
    data = prepare(config, lambda: length_of, rank=0, world_size=1)
    return data, data.training_sets(config)[0]


def grid():
    """Every format with every op and rule for parts; by default half of them, so that each format meets each op."""
    for number, (json_format, ops, parts) in enumerate(product(FORMATS, OPS, ("largest", "split"))):
        is_default = (number + number // 2 + number // 10) % 2 == 0
        marks = () if is_default else (pytest.mark.full,)
        yield pytest.param(ops, json_format, parts, marks=marks)


@pytest.mark.parametrize(("ops", "json_format", "parts"), grid())
def test_no_draw_outgrows_its_bound(config_file, length_of, ops, json_format, parts):
    block = f"custom.augmentation={{enabled: true, parts: {parts}, ops: [{OPS[ops]}]}}"
    data, dataset = prepared(
        config_file,
        length_of,
        block,
        f"custom.json_format={json_format}",
        "global_max_length=100000",
        "template.max_pixels=40000",
    )
    lengths = data.train[0].lengths
    outgrown = 0
    for row in range(len(dataset)):
        for epoch in range(3):
            length = length_of(dataset.conversation(DrawKey(epoch, 0, row, 0)))
            assert length <= lengths.bound[row]
            outgrown += length > lengths.exact[row]
    assert (lengths.bound >= lengths.exact).all()
    if ops != "flipped":  # the planted fault would be seen
        assert outgrown > 0


@pytest.mark.parametrize("ops", ["turned", "enlarged"])
def test_a_larger_picture_is_counted_where_no_text_grows(config_file, length_of, ops):
    """Fault: only texts are bounded; the slack of dense answers would hide it."""
    data, dataset = prepared(
        config_file,
        length_of,
        f"custom.augmentation={{enabled: true, ops: [{OPS[ops]}]}}",
        "custom.use_summary=true",
        "global_max_length=100000",
        "template.max_pixels=40000",
    )
    lengths = data.train[0].lengths
    grown = 0
    for row in range(0, len(dataset), 4):
        length = length_of(dataset.conversation(DrawKey(0, 0, row, 0)))
        assert length <= lengths.bound[row]
        grown += length > lengths.exact[row]
    assert grown > 0


def test_a_capped_record_is_bounded_by_its_dearest_objects(config_file, length_of, scenes):
    _, dataset = prepared(config_file, length_of)
    capped = replace(dataset, max_objects=1)
    from src.datasets.length_bounds import LengthBound
    from src.datasets.lengths import row_length

    bound = LengthBound(dataset.builder, None, 1)
    smaller = 0
    for row in range(len(dataset)):
        whole, _ = row_length(dataset, row, length_of, None)
        exact, most = row_length(dataset, row, length_of, bound)
        lengths = [length_of(capped.conversation(DrawKey(epoch, 0, row, 0))) for epoch in range(4)]
        assert max(lengths) <= exact <= most
        smaller += exact < whole
    assert smaller > 0
