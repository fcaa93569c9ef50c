"""F1 of boxes and polygons agrees with an independent slow computation within 1e-9, scene by scene.

Catches: bounding boxes in place of polygons, an assignment that is not the largest, thresholds that miss their edge, pairs lost
to a prefilter. Planted: the first two.
"""

import pytest

from src.evaluation import pairs
from src.evaluation.config import EvaluationConfig
from tests.evaluation import oracle
from tests.evaluation.cases import EXACT, box, poly, prediction, random_predictions, report

REGIONS = ("bbox_2d", "poly")
GREEDY = EvaluationConfig(bootstrap_draws=0, assignment="greedy")


def figures(items, config):
    found = report(*items, config=config)
    return (
        [counts.f1 for _, counts in found.class_agnostic.by_threshold],
        [counts.f1 for _, counts in found.class_aware.by_threshold],
        [f1 for _, f1 in found.macro.occurring],
    )


def largest_difference(items, config=EXACT):
    """Over all scenes and figures."""
    worst = 0.0
    for item in items:
        if not item.truth and not item.objects:
            continue
        for ours, theirs in zip(
            figures([item], config), oracle.f1_by_threshold([item]), strict=True
        ):
            worst = max(worst, *(abs(a - b) for a, b in zip(ours, theirs, strict=True)))
    return worst


def scored(count, seed):
    return [p for p in random_predictions(count, seed, kinds=REGIONS) if p.truth is not None]


def test_random_scenes_agree():
    assert largest_difference(scored(150, seed=1)) <= 1e-9


@pytest.mark.full
def test_2000_random_scenes_agree():
    scenes = scored(2200, seed=2)[:2000]
    assert len(scenes) == 2000
    assert largest_difference(scenes) <= 1e-9
    for ours, theirs in zip(figures(scenes, EXACT), oracle.f1_by_threshold(scenes), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-9)


def test_the_oracle_knows_areas():
    assert oracle.iou(box(0, 0, 10, 10), box(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert oracle.iou(poly(0, 0, 10, 10, 10, 0, 0, 10), box(0, 0, 10, 10)) == pytest.approx(0.5)
    triangle = poly(0, 0, 10, 0, 0, 10)
    assert oracle.iou(triangle, box(0, 0, 5, 5)) == pytest.approx(25 / 50)


def test_planted_bounding_boxes_are_seen(monkeypatch):
    def by_boxes(first, second, rows, columns, shared, floor):
        extents = [side.boxes[:, 2:] - side.boxes[:, :2] for side in (first, second)]
        areas = [extent[:, 0] * extent[:, 1] for extent in extents]
        return shared / (areas[0][rows] + areas[1][columns] - shared)

    monkeypatch.setattr(pairs, "_mixed_iou", by_boxes)
    assert largest_difference(scored(40, seed=1)) > 1e-3


def test_planted_greedy_assignment_is_seen():
    # The second prediction fits both truths, and the one that it fits best is the only one that the first can have.
    truth = [box(0, 0, 10, 10), box(2, 0, 12, 10)]
    scene = prediction(truth, [box(0.5, 0, 10.5, 10), box(0, 0, 7, 10)])
    assert largest_difference([scene]) <= 1e-9
    assert largest_difference([scene], GREEDY) > 0.1
