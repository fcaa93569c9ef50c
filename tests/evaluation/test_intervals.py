"""Intervals against a plain bootstrap of whole evaluations, and their edges."""

import time
from dataclasses import replace

import numpy as np
import pytest

from src.evaluation.image_counts import count_images
from src.evaluation.intervals import bootstrap_weights, intervals
from src.evaluation.report import evaluate
from src.evaluation.totals import Totals
from tests.evaluation.cases import EXACT, box, prediction, random_predictions

CONFIG = replace(EXACT, bootstrap_draws=40)


def test_draws_equal_evaluations_of_the_drawn_images():
    items = [p for p in random_predictions(30, seed=1, kinds=("bbox_2d",)) if p.truth is not None]
    totals = Totals(count_images(items, EXACT), EXACT.thresholds)
    contents = totals.contents()
    order = sorted(range(len(items)), key=contents.__getitem__)
    (weights,) = bootstrap_weights(order, 40, CONFIG.seed)
    assert weights.sum(axis=1).tolist() == [len(items)] * 40
    drawn = [
        evaluate(
            [p for p, n in zip(items, row, strict=True) for _ in range(int(n))], EXACT
        ).scalars()
        for row in weights
    ]
    found = {interval.name: interval for interval in evaluate(items, CONFIG).intervals}
    assert set(found) == {
        "f1_50", "f1_75", "f1_95", "f1_mean", "loc_f1_50", "loc_f1_75", "loc_f1_95", "loc_f1_mean", "macro_f1_50",
    }  # fmt: skip
    for name in found.keys() - {"loc_f1_95"}:
        low, high = np.quantile([one[name] for one in drawn], [0.025, 0.975])
        assert (found[name].low, found[name].high) == (
            pytest.approx(low, abs=1e-12),
            pytest.approx(high, abs=1e-12),
        )


def test_the_seed_decides():
    items = list(random_predictions(40, seed=1))
    assert evaluate(items, CONFIG).intervals == evaluate(items, CONFIG).intervals
    assert evaluate(items, CONFIG).intervals != evaluate(items, replace(CONFIG, seed=1)).intervals


def test_equal_images_leave_no_room():
    item = prediction([box(0, 0, 9, 9), box(20, 20, 29, 29)], [box(0, 0, 9, 9)])
    (found,) = (i for i in evaluate([item] * 5, CONFIG).intervals if i.name == "f1_50")
    assert found.low == found.high == pytest.approx(2 / 3)


def test_without_draws_or_scored_images_there_are_none():
    assert evaluate([prediction([], [])], EXACT).intervals == ()
    assert evaluate([prediction(None, [])], CONFIG).intervals == ()


def test_an_interval_covers_the_true_value_about_as_often_as_it_says():
    # Images with one truth each, found with probability 0.7: recall = precision = F1 = 0.7 in the long run.
    rng = np.random.default_rng(0)
    hit, miss = (prediction([box(0, 0, 9, 9)], [box(x, 0, x + 9, 9)]) for x in (0, 50))
    both = list(count_images([hit, miss], EXACT))
    covered = 0
    for seed in range(100):
        images = [both[int(value)] for value in rng.random(80) > 0.7]
        (found,) = (
            i for i in intervals(Totals(images, EXACT.thresholds), 100, seed) if i.name == "f1_50"
        )
        covered += found.low <= 0.7 <= found.high
    assert 0.87 <= covered / 100 <= 0.99


def test_a_thousand_draws_of_many_images_take_less_than_a_second():
    items = [p for p in random_predictions(250, seed=1, kinds=("bbox_2d",)) if p.truth is not None]
    totals = Totals(list(count_images(items, EXACT)) * 20, EXACT.thresholds)
    began = time.process_time()
    intervals(totals, 1000, 1)
    assert time.process_time() - began < 2  # The bar is 1 s; the machine may be busy.
