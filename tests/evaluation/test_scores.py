"""Averages and headline numbers, by hand."""

import pytest

from src.evaluation.scores import Counts, Level, macro, mean
from tests.evaluation.cases import box, prediction, report


def level(*matched, truths=4, predicted=4):
    thresholds = (0.5, 0.75)
    return Level(
        by_threshold=tuple(
            (t, Counts(matched=m, truths=truths, predicted=predicted))
            for t, m in zip(thresholds, matched, strict=True)
        )
    )


@pytest.mark.parametrize(
    ("counts", "precision", "recall", "f1"),
    [
        ((1, 2, 4), 0.25, 0.5, 1 / 3),
        ((0, 0, 0), 1, 1, 1),
        ((0, 3, 0), 0, 0, 0),
        ((0, 0, 3), 0, 0, 0),
        ((3, 3, 3), 1, 1, 1),
    ],
)
def test_precision_recall_and_f1(counts, precision, recall, f1):
    made = Counts(matched=counts[0], truths=counts[1], predicted=counts[2])
    assert (made.precision, made.recall, made.f1) == (precision, recall, f1)


def test_both_macro_conventions():
    found = macro([level(4, 2), level(2, 0), level(0, 0)], (0.5, 0.75))
    # F1 by class: 1 and 0.5; 0.5 and 0; 0 and 0.
    assert dict(found.occurring) == {0.5: 0.5, 0.75: pytest.approx(0.5 / 3)}
    assert found.occurring_mean == pytest.approx((0.5 + 0.5 / 3) / 2)
    assert dict(found.nonzero) == {0.5: 0.75, 0.75: 0.5}
    assert found.nonzero_mean == pytest.approx((1 + 0.5 + 0.5) / 3)


def test_macro_without_a_hit_and_without_a_class():
    missed = macro([level(0, 0)], (0.5, 0.75))
    assert (missed.occurring_mean, missed.nonzero_mean) == (0, 0)
    nothing = macro([], (0.5, 0.75))
    assert (nothing.occurring_mean, nothing.nonzero_mean) == (1, 1)


def test_a_class_that_only_predictions_have_counts_as_occurring():
    found = report(prediction([box(0, 0, 9, 9)], [box(0, 0, 9, 9), box(50, 50, 60, 60, desc="b")]))
    assert dict(found.macro.occurring)[0.5] == 0.5
    assert dict(found.macro.nonzero)[0.5] == 1


def test_means_do_not_depend_on_order():
    values = [1e16, 1.0, -1e16, 3.0]
    assert mean(values) == mean(values[::-1]) == 1.0


def test_headline_numbers():
    items = [
        # IoU 0.8: matched at 7 of 10 thresholds.
        prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 8), box(0, 0, 10, 8, desc="b")]),
        prediction([], [box(0, 0, 5, 5)], finish_reason="repetition"),
        prediction([], [], is_valid=False, finish_reason="length"),
    ]
    found = report(*items).scalars()
    assert found == {
        "f1_50": 0.5, "f1_75": 0.5, "f1_95": 0.0, "f1_mean": pytest.approx(0.35), "macro_f1_50": pytest.approx(1 / 3),
        "loc_f1_50": 0.5, "loc_f1_75": 0.5, "loc_f1_mean": pytest.approx(0.35),
        "precision_50": pytest.approx(1 / 3), "recall_50": 1.0,
        "parse_rate": pytest.approx(2 / 3), "truncated_rate": pytest.approx(1 / 3),
        "repetition_rate": pytest.approx(1 / 3), "duplicate_rate": 0.0, "count_mae": pytest.approx(2 / 3),
        "hallucination_rate": 0.5,
    }  # fmt: skip
    assert report(*items).scalars()["macro_f1_50"] == pytest.approx((2 / 3 + 0) / 2)


def test_headline_numbers_are_left_out_where_nothing_defines_them():
    assert report().scalars() == {}
    assert report(prediction(None, [])).scalars().keys() == {
        "parse_rate", "truncated_rate", "repetition_rate"
    }  # fmt: skip
    assert "hallucination_rate" not in report(prediction([box(0, 0, 9, 9)], [])).scalars()


def test_summaries_are_no_negatives():
    found = report(prediction([], [], mode="summary", summary="two cups"))
    assert found.behaviour.num_summary == 1
    assert (found.behaviour.num_scored, found.behaviour.num_negatives) == (0, 0)
    assert "f1_50" not in found.scalars()
