"""Of the assignments with most matches, the one with the largest total IoU is taken, and its mean is reported.

Catches: an assignment that is as large but overlaps less, a mean over other pairs than the matches. Planted: the smallest total.
"""

import itertools
import random

import numpy as np
import pytest
from scipy import optimize

from src.evaluation.config import EvaluationConfig
from src.evaluation.matching import match_image
from tests.evaluation.cases import box, moved, prediction, report
from tests.evaluation.overlap_tables import overlaps

LOW = 0.3
CONFIG = EvaluationConfig(thresholds=(LOW,), bootstrap_draws=0)
NUM_SCENES = 60


def crowd(rng):
    """Up to 6 boxes on either side that all lie about one place."""
    base = box(20, 20, 60, 60)
    sizes = rng.randint(2, 6), rng.randint(2, 6)
    truth, found = ([moved(base, rng, 6) for _ in range(size)] for size in sizes)
    return prediction(truth, found)


def best_total(table):
    """(most matches, largest total IoU with so many), by trying every assignment."""
    if table.shape[0] > table.shape[1]:
        table = table.T
    rows = range(table.shape[0])
    tried = []
    for columns in itertools.permutations(range(table.shape[1]), len(rows)):
        kept = [table[pair] for pair in zip(rows, columns, strict=True) if table[pair] >= LOW]
        tried.append((len(kept), sum(kept)))
    return max(tried)


def differences():
    """How far the total of each scene's matches is from the best, among those that have as many matches as possible."""
    rng = random.Random(5)
    found = []
    for _ in range(NUM_SCENES):
        scene = crowd(rng)
        most, total = best_total(overlaps(scene, CONFIG))
        pairs = match_image(scene, CONFIG).pairs
        assert len(pairs) == most
        found.append(total - sum(pair.iou for pair in pairs))
    return found


def test_totals_are_the_largest_of_all_assignments():
    assert max(map(abs, differences())) <= 1e-9


def test_planted_smallest_total_is_seen(monkeypatch):
    solve = optimize.linear_sum_assignment

    def smallest(gain, _):
        # A pair outweighs all overlaps as before, and an overlap is worth the less the larger it is.
        return solve(np.where(gain > 0, 3 * min(gain.shape) - gain, 0.0), True)

    monkeypatch.setattr(optimize, "linear_sum_assignment", smallest)
    assert max(differences()) > 0.01


# Truths at x = 0 and 2, predictions at 1 and 4, all 10 wide: IoU 9/11 and 6/14 of the first, 9/11 and 8/12 of the second.
CHAIN = [box(0, 0, 10, 10), box(2, 0, 12, 10)], [box(1, 0, 11, 10), box(4, 0, 14, 10)]


@pytest.mark.parametrize("order", [1, -1])
def test_a_total_by_hand(order):
    truth, found = CHAIN
    pairs = match_image(prediction(truth[::order], found[::order]), CONFIG).pairs
    # 9/11 + 8/12 in order; crosswise 6/14 + 9/11.
    assert sorted(pair.iou for pair in pairs) == pytest.approx([8 / 12, 9 / 11])


def test_mean_iou_of_matches_by_hand():
    items = [
        prediction(*CHAIN),
        prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 6)]),
        prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 4)]),  # No match at 0.5.
        prediction([box(0, 0, 10, 10)], [box(0, 0, 10, 10, desc="b")]),  # Another description.
        prediction(None, [box(0, 0, 10, 10)]),
    ]
    found = report(*items)
    assert found.mean_iou == pytest.approx((9 / 11 + 8 / 12 + 0.6) / 3)
    assert found.to_json()["mean_iou"] == found.mean_iou
    assert "mean IoU of class-aware matches 0.695" in found.table()
    assert report(items[2]).mean_iou is None
