"""Figures of lines by hand, on pictures of 300 x 400: the diagonal is 500, coverage reaches 5 pixels."""

import math

import pytest

from src.evaluation.lines import LineCoverage, line_coverage, line_figures, line_pair
from tests.evaluation.cases import box, line, prediction, report

FIVE = {"diagonal": 500.0, "tolerance": 5.0}
BASE = line(100, 100, 200, 100)


@pytest.mark.parametrize(
    ("found", "coverage_f1", "endpoint_px"),
    [
        (BASE, 1, 0),
        (line(200, 100, 100, 100), 1, 0),
        (line(100, 105, 200, 105), 1, 5),
        (line(100, 106, 200, 106), 0, 6),
        # Half as long: all of it is covered, of the truth its half and 5 pixels more.
        (line(100, 100, 150, 100), 2 * 0.55 / 1.55, 25),
        # Twice as long: the truth is covered, of the prediction 105 of 200.
        (line(100, 100, 300, 100), 2 * 0.525 / 1.525, 50),
        # Crossing at a right angle: 10 pixels of either lie within 5 of the other.
        (line(150, 50, 150, 150), 0.1, math.hypot(50, 50)),
        # A detour of equal ends: both halves lie on a triangle's sides 30 away.
        (line(100, 100, 100, 130, 200, 130, 200, 100), 2 * 0.1 * (10 / 160) / (0.1 + 10 / 160), 0),
    ],
)
def test_pairs(found, coverage_f1, endpoint_px):
    pair = line_pair(BASE, found, **FIVE)
    assert pair.coverage_f1 == pytest.approx(coverage_f1, abs=1e-9)
    assert pair.endpoint_px == pytest.approx(endpoint_px, abs=1e-9)
    assert pair.endpoint_share == pytest.approx(endpoint_px / 500, abs=1e-12)


def test_coverage_does_not_need_matches():
    # Two halves of one wire: no tube overlaps the whole enough, but all of it is covered.
    halves = [line(100, 100, 150, 100), line(150, 100, 200, 100)]
    item = prediction([BASE], halves, width=300, height=400)
    found = report(item)
    # Tubes of half width 10: each half has 1000 + 314 = 1314 of the whole's 2314, above 0.5.
    assert found.class_aware.at(0.5).matched == 1
    assert found.lines.coverage_f1 == pytest.approx(1)
    assert found.lines.num_pairs == 1


def test_a_covered_share_is_at_most_one():
    # The pieces that a prediction covers are rounded otherwise than the whole.
    coverage = LineCoverage(0.1 + 0.2, 0.3000000000000001, 1.0, 1.0000000000000002)
    found = line_figures([coverage], [])
    assert (found.coverage_recall, found.coverage_precision, found.coverage_f1) == (1, 1, 1)


def test_coverage_asks_for_the_description():
    coverage = line_coverage([BASE], [line(*BASE.points, desc="b"), box(0, 0, 9, 9)], 5.0)
    assert coverage == (100, 0, 100, 0)
    assert line_coverage([box(0, 0, 9, 9)], [], 5.0) is None


def test_totals_are_weighted_by_length():
    found = report(
        prediction([BASE], [line(100, 100, 150, 100)], width=300, height=400),
        prediction([line(0, 0, 0, 300)], [], width=300, height=400),
    ).lines
    assert found.coverage_precision == pytest.approx(1)
    assert found.coverage_recall == pytest.approx(55 / 400)
    assert found.endpoint_error_px == pytest.approx(25)
    assert found.endpoint_error_share == pytest.approx(0.05)


def test_no_line_no_figures():
    assert report(prediction([box(0, 0, 9, 9)], [])).lines is None
    missed = report(prediction([BASE], [])).lines
    assert (missed.num_pairs, missed.coverage_precision, missed.coverage_recall) == (0, None, 0)
    assert (missed.coverage_f1, missed.endpoint_error_px) == (0, None)


def test_a_line_that_crosses_itself_counts_its_whole_length():
    knot = line(100, 100, 200, 100, 200, 200, 150, 200, 150, 50)
    assert line_pair(knot, knot, **FIVE).coverage_f1 == pytest.approx(1)
    assert line_coverage([knot], [knot], 5.0).truth_length == 400
