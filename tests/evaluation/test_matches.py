"""Hand-computed overlaps and matches; lines on a 100x100 picture are tubes of half width 2.83 (2 % of the diagonal)."""

import math

import pytest

from src.datasets.geometry.overlap import Region
from src.evaluation.matching import match_image
from tests.evaluation.cases import (
    C_SHAPE,
    CONFIG,
    box,
    line,
    poly,
    prediction,
    random_predictions,
    report,
)
from tests.evaluation.overlap_tables import overlaps, region_iou

TUBE = 0.02 * math.hypot(100, 100)


@pytest.mark.parametrize(
    ("first", "second", "iou"),
    [
        (box(0, 0, 10, 10), box(0, 0, 10, 10), 1),
        (box(0, 0, 10, 10), box(5, 0, 15, 10), 1 / 3),
        (box(0, 0, 10, 10), box(10, 0, 20, 10), 0),
        (box(0, 0, 10, 10), box(2, 2, 8, 8), 0.36),
        (box(0, 0, 10, 10), poly(0, 0, 10, 0, 10, 10, 0, 10), 1),
        (box(0, 0, 10, 10), poly(0, 0, 10, 0, 0, 10), 0.5),
        (poly(*C_SHAPE), box(0, 0, 30, 30), 700 / 900),
        (poly(*C_SHAPE), box(10, 10, 30, 20), 0),
        (poly(*C_SHAPE), poly(*C_SHAPE[6:], *C_SHAPE[:6]), 1),
        (poly(0, 0, 10, 10, 10, 0, 0, 10), box(0, 0, 10, 10), 0.5),
        (line(10, 50, 90, 50), line(10, 50, 90, 50), 1),
        (line(10, 50, 90, 50), line(90, 50, 10, 50), 1),
        (line(10, 50, 90, 50), line(10, 60, 90, 60), 0),
        (line(10, 50, 90, 50), box(0, 0, 100, 100), 0),
        (line(10, 50, 90, 50), poly(10, 45, 90, 45, 90, 55, 10, 55), 0),
        # The box of 600 covers the C's upper stroke and a piece of its back: 300 + 100.
        (poly(*C_SHAPE), box(0, 0, 30, 20), 400 / 900),
        # A bar of 300 through the C's gap meets its back only: 100.
        (poly(*C_SHAPE), poly(30, 10, 0, 10, 0, 20, 30, 20), 100 / 900),
        # An L and a box in its notch touch only.
        (poly(0, 0, 20, 0, 20, 10, 10, 10, 10, 20, 0, 20), box(10, 10, 20, 20), 0),
        (poly(0, 0, 20, 0, 20, 10, 10, 10, 10, 20, 0, 20), box(0, 0, 20, 20), 0.75),
        # A star of four points against its square hull of 400: four spikes, area 40 + 40 = 80.
        (
            poly(10, 0, 12, 8, 20, 10, 12, 12, 10, 20, 8, 12, 0, 10, 8, 8),
            box(0, 0, 20, 20),
            80 / 400,
        ),
        # No area at all.
        (poly(0, 0, 10, 10, 20, 20), box(0, 0, 20, 20), 0),
        (box(5, 5, 5, 9), box(0, 0, 10, 10), 0),
        (poly(0, 0, 10, 0, 10, 0, 10, 10, 0, 10), box(0, 0, 10, 10), 1),
    ],
)
def test_overlaps(first, second, iou):
    assert region_iou(Region(first, TUBE), Region(second, TUBE)) == pytest.approx(iou, abs=1e-9)
    assert region_iou(Region(second, TUBE), Region(first, TUBE)) == pytest.approx(iou, abs=1e-9)
    assert overlaps(prediction([first], [second]), CONFIG)[0, 0] == pytest.approx(iou, abs=1e-9)


def test_tables_equal_single_overlaps_bit_for_bit():
    for item in random_predictions(60, seed=4):
        table = overlaps(item, CONFIG)
        for row, truth in enumerate(item.truth or ()):
            for column, found in enumerate(item.objects):
                assert table[row, column] == region_iou(Region(truth, TUBE), Region(found, TUBE))


def test_crossing_lines_share_a_rhombus():
    # Two bands of width 2 t that cross at a right angle share a square of (2 t)^2; each has length 80 and round ends.
    first, second = line(10, 50, 90, 50), line(50, 10, 50, 90)
    area = 80 * 2 * TUBE + 16 * TUBE**2 * math.sin(
        math.pi / 16
    )  # Ends: a 32-gon, half on either side.
    expected = 4 * TUBE**2 / (2 * area - 4 * TUBE**2)
    assert overlaps(prediction([first], [second]), CONFIG)[0, 0] == pytest.approx(
        expected, abs=1e-9
    )
    # At half that angle the shared rhombus is larger by 1 / sin.
    half = line(
        50 - 40 * math.cos(0.5),
        50 - 40 * math.sin(0.5),
        50 + 40 * math.cos(0.5),
        50 + 40 * math.sin(0.5),
    )
    shared = 4 * TUBE**2 / math.sin(0.5)
    expected = shared / (2 * area - shared)
    assert overlaps(prediction([first], [half]), CONFIG)[0, 0] == pytest.approx(expected, abs=1e-4)


def test_a_shifted_line_loses_overlap_by_its_width():
    tube = 0.02 * math.hypot(100, 100)
    got = region_iou(
        Region(line(0, 50, 80, 50), tube), Region(line(0, 50 + tube, 80, 50 + tube), tube)
    )
    # Half of each tube is shared, but for the round ends.
    assert got == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize(
    ("truth", "objects", "matched", "aware"),
    [
        ([box(0, 0, 10, 10)], [box(0, 0, 10, 10)], 1, 1),
        ([box(0, 0, 10, 10)], [box(0, 0, 10, 10, desc="b")], 1, 0),
        ([box(0, 0, 10, 10)], [box(0, 0, 10, 5)], 1, 1),
        ([box(0, 0, 10, 10)], [box(0, 0, 10, 4.9)], 0, 0),
        ([box(0, 0, 10, 10)], [box(0, 0, 10, 10), box(0, 0, 10, 10)], 1, 1),
        ([box(0, 0, 10, 10), box(0, 0, 10, 10)], [box(0, 0, 10, 10)], 1, 1),
        ([], [], 0, 0),
        ([], [box(0, 0, 1, 1)], 0, 0),
        ([box(0, 0, 1, 1)], [], 0, 0),
    ],
)
def test_matches(truth, objects, matched, aware):
    found = report(prediction(truth, objects))
    assert found.class_agnostic.at(0.5).matched == matched
    assert found.class_aware.at(0.5).matched == aware
    assert found.class_aware.at(0.5).truths == len(truth)
    assert found.class_aware.at(0.5).predicted == len(objects)


def test_the_assignment_is_optimal_not_greedy():
    # The first prediction fits both truths and best the first; greedy would leave the second truth alone.
    truth = [box(0, 0, 10, 10), box(2, 0, 12, 10)]
    objects = [box(1.2, 0, 11.2, 10), box(0, 0, 6, 10)]
    assert report(prediction(truth, objects)).class_agnostic.at(0.5).matched == 2


def test_counts_by_hand():
    items = [
        prediction(
            [box(0, 0, 10, 10), box(50, 50, 60, 60, desc="b")],
            [box(0, 0, 10, 10), box(80, 80, 90, 90)],
        ),
        prediction([box(0, 0, 10, 10)], [], is_valid=False, finish_reason="length"),
        prediction([], []),
        prediction([], [box(0, 0, 10, 10)]),
        prediction(None, [box(0, 0, 10, 10), box(0, 0, 10, 10)]),
    ]
    found = report(*items)
    counts = found.class_aware.at(0.5)
    assert (counts.matched, counts.truths, counts.predicted) == (1, 3, 3)
    assert counts.precision == counts.recall == counts.f1 == pytest.approx(1 / 3)
    seen = found.behaviour
    assert (seen.num_images, seen.num_without_truth, seen.num_parsed, seen.num_truncated) == (
        5,
        1,
        4,
        1,
    )
    assert (seen.count_abs_error, seen.count_over, seen.count_under) == (2, 1, 1)
    assert (seen.num_negatives, seen.num_negatives_correct) == (2, 1)
    assert seen.num_duplicates == 1
    assert dict(found.per_class)["a"].matched == 1
    assert found.macro.occurring[0][1] == pytest.approx((2 * 1 / (2 + 3) + 0) / 2)


def test_the_mean_runs_over_ten_thresholds():
    found = report(prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 7.6)]))
    assert found.class_aware.at(0.75).matched == 1
    assert found.class_aware.mean_f1 == pytest.approx(0.6)


def test_nothing_to_find_and_nothing_found_is_perfect():
    counts = report(prediction([], [])).class_aware.at(0.5)
    assert counts.f1 == counts.precision == counts.recall == 1.0


def test_matches_of_one_image_name_hits_misses_extras_and_duplicates():
    truth = [box(0, 0, 10, 10), box(50, 50, 60, 60)]
    objects = [box(0, 0, 10, 10), box(0, 0, 10, 10), box(80, 0, 90, 10)]
    found = match_image(prediction(truth, objects), CONFIG)
    assert [(p.truth, p.iou) for p in found.pairs] == [(0, 1.0)]
    assert found.missed == (1,)
    assert len(found.extra) == 2
    assert found.duplicates == (1,)
