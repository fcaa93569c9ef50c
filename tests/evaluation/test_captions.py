"""Dense-caption mAP and its text similarity, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from src.evaluation.captions import CAPTION_SIMILARITIES, caption_precision, interpolated_ap
from src.evaluation.config import EvaluationConfig, ScoreConfig
from src.evaluation.similarity import aligned, chunks, word_alignment
from src.rng import generator
from tests.evaluation.cases import box, prediction
from tests.evaluation.prediction_making import disordered, random_predictions

CONFIG = EvaluationConfig()


def precision(*items, similarity=word_alignment, **scores):
    return caption_precision(items, CONFIG, ScoreConfig(**scores), similarity)


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        # Equal: P = R = 1, one chunk of m words: 1 - 0.5 / m^3.
        ("bolt", "bolt", 0.5),
        ("red bolt", "red bolt", 1 - 0.5 / 8),
        ("a red bolt", "a red bolt", 1 - 0.5 / 27),
        ("a red bolt", "A Red Bolts!", 1 - 0.5 / 27),
        # Two words in the other order: two chunks of two matches.
        ("red bolt", "bolt red", 0.5),
        # P = 1, R = 1/2, F = 10 * .5 / (.5 + 9) = 10/19.
        ("red bolt", "bolt", 10 / 19 * 0.5),
        # P = 1/2, R = 1, F = 10 * .5 / (1 + 4.5) = 10/11.
        ("bolt", "red bolt", 10 / 11 * 0.5),
        # Two of three in one chunk: P = R = 2/3.
        ("a red bolt", "a red nut", 2 / 3 * (1 - 0.5 / 8)),
        # Two of three in two chunks.
        ("a red bolt", "a big bolt", 2 / 3 * 0.5),
        ("华为设备", "华为设备", 1 - 0.5 / 64),
        ("bolt", "nut", 0.0),
        ("", "", 1.0),
        ("bolt", "", 0.0),
        ("", "bolt", 0.0),
    ],
)
def test_similarity(truth, found, expected):
    assert word_alignment(truth, found) == pytest.approx(expected, abs=1e-12)


def test_alignment_keeps_chunks_whole_and_uses_a_word_once():
    wanted = ("the", "bolt", "on", "the", "plate")
    assert aligned(wanted, ("on", "the", "plate")) == [2, 3, 4]
    assert aligned(wanted, ("the", "the", "the")) == [0, 3, None]
    assert aligned(("bolts",), ("bolt", "bolts")) == [None, 0]
    assert chunks([2, 3, 4]) == 1
    assert chunks([0, 3, None]) == 2
    assert chunks([0, None, 1]) == 2
    assert chunks([]) == 0


@pytest.mark.parametrize(
    ("hits", "truths", "expected"),
    [
        ([1], 1, 1.0),
        ([0, 1], 1, 0.5),
        ([1, 0], 1, 1.0),
        # Recalls 0 to .5 at precision 1, the other 50 are not reached.
        ([1], 2, 51 / 101),
        # 0 to .5 at 1, .51 to 1 at 2/3.
        ([1, 0, 1], 2, (51 + 50 * 2 / 3) / 101),
        ([0, 0], 1, 0.0),
        ([], 1, 0.0),
        ([1] * 10, 10, 1.0),
    ],
)
def test_interpolated_ap(hits, truths, expected):
    assert interpolated_ap(np.array(hits, dtype=bool), truths) == pytest.approx(expected, abs=1e-12)


def test_a_perfect_answer_scores_one_even_where_boxes_are_equal():
    truth = [box(0, 0, 9, 9, desc="red bolt"), box(0, 0, 9, 9, desc="big nut"), box(20, 20, 40, 40)]
    found = precision(prediction(truth, truth[::-1]))
    assert found.mean_ap == 1.0
    assert (found.low, found.high, found.deviation) == (1.0, 1.0, 0.0)


def test_the_grid_tells_place_from_wording():
    # IoU 0.6; one word of two, similarity 10/19/2 = .263 of the truth "red bolt", .0 of "nut".
    truth = [box(0, 0, 10, 10, desc="red bolt"), box(50, 50, 60, 60, desc="nut")]
    objects = [box(0, 0, 10, 6, desc="bolt"), box(50, 50, 60, 60, desc="wire")]
    item = prediction(truth, objects, logprob_scores=(0.9, 0.8))
    grid = {(iou, s): ap for iou, s, ap in precision(item, source="logprob").grid}
    for iou in (0.3, 0.4, 0.5, 0.6):
        assert grid[iou, 0.0] == 1.0
        for similarity in CAPTION_SIMILARITIES[1:]:
            assert grid[iou, similarity] == pytest.approx(51 / 101)
    # At 0.7 the first is no hit: one of two truths, found second.
    assert grid[0.7, 0.0] == pytest.approx(51 * 0.5 / 101)
    assert grid[0.7, 0.05] == 0.0
    expected = (4 * (1 + 5 * 51 / 101) + 51 * 0.5 / 101) / 30
    assert precision(item, source="logprob").mean_ap == pytest.approx(expected, abs=1e-12)


def test_a_second_object_on_a_truth_is_false():
    item = prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 10), box(0, 0, 10, 9)])
    first = precision(replace(item, logprob_scores=(0.9, 0.1)), source="logprob")
    last = precision(replace(item, logprob_scores=(0.1, 0.9)), source="logprob")
    # Either may take the truth: the one of higher score does.
    assert first.mean_ap == last.mean_ap == 1.0
    far = prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 10), box(50, 0, 60, 9)])
    last = precision(replace(far, logprob_scores=(0.1, 0.9)), source="logprob")
    assert last.mean_ap == pytest.approx(0.5)


def test_tied_scores_are_averaged():
    item = prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 10), box(50, 0, 60, 9)])
    found = precision(item, num_orders=100)
    assert (found.low, found.high) == (0.5, 1.0)
    assert found.mean_ap == pytest.approx(0.75, abs=0.08)


def test_nothing_to_describe_gives_no_figure():
    for item in (
        prediction([], []),
        prediction(None, [box(0, 0, 9, 9)]),
        prediction([], [box(0, 0, 9, 9)]),
    ):
        found = precision(item)
        assert found.mean_ap is None
        assert found.rows() == []
    assert precision(prediction([box(0, 0, 9, 9)], [])).mean_ap == 0.0


def test_any_similarity_can_be_put_in_its_place():
    item = prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 10, desc="nothing like it")])
    assert precision(item).mean_ap == pytest.approx(1 / 6)
    assert precision(item, similarity=lambda truth, found: 0.12).mean_ap == pytest.approx(3 / 6)


def test_order_and_names_change_nothing():
    rng = generator(4, "caption-order")
    items = random_predictions(rng, 40, ("red bolt", "bolt", "big nut"))
    items += items[:3]
    expected = precision(*items)
    assert expected.num_orders == 10
    assert expected.deviation > 0
    for _ in range(3):
        assert precision(*disordered(rng, items)) == expected
    assert [row[0] for row in expected.rows()] == [
        f"IoU {v}" for v in (0.3, 0.4, 0.5, 0.6, 0.7)
    ] + ["mean"]
    assert len(expected.to_json()["grid"]) == 30
