"""Slices by hand."""

import pytest

from tests.evaluation.cases import box, line, poly, prediction, report


def slices(dimension, *items):
    return {s.bucket: s.level.first for s in report(*items).slices if s.dimension == dimension}


def counts(found):
    return found.matched, found.truths, found.predicted


@pytest.mark.parametrize(
    ("item", "bucket"),
    [
        (box(0, 0, 31, 33), "small"),  # 1023
        (box(0, 0, 32, 32), "medium"),
        (box(0, 0, 95, 97), "medium"),  # 9215
        (box(0, 0, 96, 96), "large"),
        (poly(0, 0, 60, 0, 0, 30), "small"),  # 900 of a bounding box of 1800
    ],
)
def test_sizes_are_cocos(item, bucket):
    assert counts(slices("size", prediction([item], [item]))[bucket]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("width", "height", "bucket"),
    [
        (10, 31, "below 1:3"), (10, 20, "1:3 to 2:3"), (20, 30, "2:3 to 3:2"), (10, 10, "2:3 to 3:2"),
        (30, 20, "3:2 to 3:1"), (29, 10, "3:2 to 3:1"), (30, 10, "from 3:1"),
    ],
)  # fmt: skip
def test_aspect_ratios(width, height, bucket):
    item = box(0, 0, width, height)
    assert list(slices("aspect", prediction([item], [item]))) == [bucket]


def test_a_match_belongs_to_the_slice_of_its_truth_and_the_rest_to_their_own():
    # The truth is medium and its match small; a large invention beside them.
    found = slices("size", prediction([box(0, 0, 32, 32)], [box(0, 0, 32, 31), box(0, 0, 99, 99)]))
    assert {name: counts(c) for name, c in found.items()} == {
        "medium": (1, 1, 1),
        "large": (0, 0, 1),
    }
    assert found["medium"].precision == 1
    assert found["large"].precision == 0


def test_a_match_at_one_threshold_may_be_an_invention_at_another():
    found = report(prediction([box(0, 0, 32, 32)], [box(0, 0, 32, 20)]))
    medium, small = (
        {s.bucket: s.level for s in found.slices}[name] for name in ("medium", "small")
    )
    assert counts(medium.at(0.5)) == (1, 1, 1)
    assert counts(medium.at(0.75)) == (0, 1, 0)
    assert counts(small.at(0.5)) == (0, 0, 0)
    assert counts(small.at(0.75)) == (0, 0, 1)


def test_geometry_kinds_and_lines_without_size():
    items = prediction(
        [box(0, 0, 40, 40), line(0, 0, 90, 90)],
        [poly(0, 0, 40, 0, 40, 40, 0, 40), line(0, 0, 90, 90)],
    )
    found = slices("geometry", items)
    assert {name: counts(c) for name, c in found.items()} == {
        "bbox_2d": (1, 1, 1),
        "line": (1, 1, 1),
    }
    assert sum(c.truths for c in slices("size", items).values()) == 1
    assert sum(c.truths for c in slices("aspect", items).values()) == 1


def test_numbers_of_objects_and_data_sets():
    one, many = [box(0, 0, 9, 9)], [box(i, 0, i + 1, 1) for i in range(6)]
    items = [
        prediction(one, one, dataset="x"),
        prediction(many, one, dataset="y"),
        prediction([], one, dataset="y"),
        prediction([], [], dataset="z"),
    ]
    by_number = slices("objects in the image", *items)
    assert {name: counts(c) for name, c in by_number.items()} == {
        "0": (0, 0, 1), "1": (1, 1, 1), "6-10": (0, 6, 1)
    }  # fmt: skip
    assert {name: counts(c) for name, c in slices("data set", *items).items()} == {
        "x": (1, 1, 1), "y": (0, 6, 2)
    }  # fmt: skip


def test_slices_of_a_dimension_add_up():
    truth = [box(i * 10, 0, i * 10 + 5 + i, 40, desc=d) for i, d in enumerate("abcabc")]
    item = prediction(truth, [*truth[:4], box(0, 50, 99, 99)])
    whole = report(item).class_aware.first
    for dimension in ("geometry", "size", "aspect", "data set", "objects in the image"):
        parts = slices(dimension, item).values()
        assert tuple(map(sum, zip(*map(counts, parts), strict=True))) == counts(whole)
    classes = [counts(c) for _, c in report(item).per_class]
    assert tuple(map(sum, zip(*classes, strict=True))) == counts(whole)
