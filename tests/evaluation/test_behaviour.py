"""What a model does wrong apart from places, by hand."""

import pytest

from src.evaluation.config import EvaluationConfig
from src.evaluation.repeats import looped
from tests.evaluation.cases import box, line, poly, prediction, report


def seen(truth, objects, **changes):
    return report(prediction(truth, objects, **changes)).behaviour


def row(count, shift, desc="a"):
    """Boxes of 100 x 10, each `shift` to the right of the one before; a shift of 5 leaves an IoU of 95 / 105 = 0.905."""
    return [box(i * shift, 0, i * shift + 100, 10, desc=desc) for i in range(count)]


@pytest.mark.parametrize(
    ("objects", "duplicates", "in_loops"),
    [
        (row(1, 5), 0, 0),
        (row(2, 5), 1, 0),
        (row(3, 5), 2, 3),
        (row(3, 6), 0, 0),
        (row(2, 5) + row(1, 0, "b") + row(1, 0), 2, 0),
        ([*row(3, 0), box(0, 50, 9, 60), *row(4, 0)], 6, 7),
        ([box(0, 0, 10, 10), box(0, 0, 10, 9)], 1, 0),
        ([box(0, 0, 10, 10), box(0, 0, 10, 8.9)], 0, 0),
        ([box(0, 0, 10, 10), poly(0, 0, 10, 0, 10, 10, 0, 10)], 1, 0),
        ([line(0, 0, 50, 50)] * 3, 2, 3),
        ([box(0, 0, 10, 10), box(0, 0, 10, 10, desc="b")], 0, 0),
        ([poly(0, 0, 5, 5, 10, 10)] * 50, 49, 50),  # No area, so no IoU with itself.
        ([poly(0, 0, 5, 5, 10, 10), poly(0, 0, 5, 5, 10, 11)] * 2, 2, 0),
        ([poly(0, 0, 5, 5, 10, 10), poly(0, 0, 5, 5, 10, 10, desc="b")], 0, 0),
        ([poly(0, 0, 5, 5, 10, 10), line(0, 0, 5, 5, 10, 10)], 0, 0),
    ],
)
def test_duplicates_and_loops(objects, duplicates, in_loops):
    found = seen(None, objects, width=300)
    assert (found.num_duplicates, found.num_looped) == (duplicates, in_loops)
    assert found.num_loop_answers == (in_loops > 0)


def test_a_loop_is_as_long_as_the_config_says():
    repeats = [False, True, True, False, False, False, True]
    assert [looped(repeats, length) for length in (2, 3, 4)] == [5, 3, 0]
    assert looped([], 2) == looped([False], 2) == 0
    config = EvaluationConfig(loop_length=4, bootstrap_draws=0)
    assert report(prediction([], row(3, 0)), config=config).behaviour.num_looped == 0


@pytest.mark.parametrize(
    ("truth", "objects", "oversized"),
    [
        ([box(0, 0, 10, 10)], [box(0, 0, 100, 100)], 1),
        ([box(0, 0, 10, 10)], [box(0, 0, 100, 90)], 0),  # Exactly 90 % is not above it.
        ([box(0, 0, 100, 50)], [box(0, 0, 100, 100)], 0),  # Half of it: a truth like it.
        ([box(0, 0, 100, 49)], [box(0, 0, 100, 100)], 1),
        ([box(0, 0, 99, 99, desc="b")], [box(0, 0, 100, 100)], 0),
        ([], [box(0, 0, 100, 100), box(1, 0, 100, 100)], 2),
        ([], [poly(0, 0, 100, 0, 0, 100)], 0),  # The bounding box is large, the region is not.
        (None, [box(0, 0, 100, 100)], 0),
        ([], [line(0, 0, 100, 100)], 0),
    ],
)
def test_oversized_regions(truth, objects, oversized):
    assert seen(truth, objects).num_oversized == oversized


def test_negatives():
    items = [
        prediction([], []),
        prediction([], [], is_valid=False),
        prediction([], [box(0, 0, 9, 9), box(20, 0, 29, 9), box(40, 0, 49, 9)]),
        prediction([box(0, 0, 9, 9)], []),
        prediction(None, [box(0, 0, 9, 9)]),
    ]
    found = report(*items).behaviour
    assert (found.num_negatives, found.num_negatives_correct, found.num_negatives_hallucinated) == (
        3,
        1,
        1,
    )
    rates = found.rates()
    assert rates["hallucination_rate"] == rates["correct_empty_rate"] == pytest.approx(1 / 3)
    assert rates["objects_per_negative"] == 1


def test_summaries_have_no_part_in_the_parse_rate():
    def summary(**changes):
        return prediction(None, [], mode="summary", summary="a", **changes)

    found = report(prediction([], []), prediction([], [], is_valid=False), *[summary()] * 8)
    assert (found.behaviour.num_parsed, found.behaviour.num_dense) == (1, 2)
    assert found.behaviour.rates()["parse_rate"] == found.parse_rate == 0.5
    only = report(summary())
    assert "parse_rate" not in only.behaviour.rates()
    assert only.parse_rate == 1.0


def test_count_errors():
    found = report(
        prediction([box(0, 0, 9, 9)] * 3, [box(0, 0, 9, 9)]),
        prediction([], [box(0, 0, 9, 9)]),
        prediction([box(0, 0, 9, 9)], [box(50, 50, 59, 59)]),
        prediction(None, [box(0, 0, 9, 9)] * 5),
    ).behaviour
    assert (found.count_abs_error, found.count_over, found.count_under) == (3, 1, 1)
    assert (found.count_over_objects, found.count_under_objects) == (1, 2)
    assert found.rates()["count_mae"] == 1
