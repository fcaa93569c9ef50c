"""Hand-computed cases; lines on a 100x100 picture are tubes of half width 2.83 (2 % of the diagonal)."""

import math
import random

import pytest

from src.contract.predictions import Prediction
from src.contract.records import ObjectAnnotation
from src.datasets.geometry.overlap import Region, region_iou
from src.evaluation.config import EvaluationConfig
from src.evaluation.matching import match_image
from src.evaluation.report import evaluate

CONFIG = EvaluationConfig()
C_SHAPE = (0, 0, 30, 0, 30, 10, 10, 10, 10, 20, 30, 20, 30, 30, 0, 30)  # concave, area 700


def box(*points, desc="a"):
    return ObjectAnnotation(desc=desc, kind="bbox_2d", points=points)


def poly(*points, desc="a"):
    return ObjectAnnotation(desc=desc, kind="poly", points=points)


def line(*points, desc="a"):
    return ObjectAnnotation(desc=desc, kind="line", points=points)


def prediction(truth, objects, **changes):
    values = {
        "image": "x.png", "row": 0, "width": 100, "height": 100, "dropped": (), "is_valid": True, "text": "",
        "finish_reason": "stop",
        "truth": None if truth is None else tuple(truth), "objects": tuple(objects),
    }  # fmt: skip
    return Prediction(**{**values, **changes})


def report(*items):
    return evaluate(items, CONFIG)


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
    ],
)
def test_overlaps(first, second, iou):
    tube = 0.02 * math.hypot(100, 100)
    assert region_iou(Region(first, tube), Region(second, tube)) == pytest.approx(iou, abs=1e-9)
    assert region_iou(Region(second, tube), Region(first, tube)) == pytest.approx(iou, abs=1e-9)


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


def random_items(count, seed=0):
    rng = random.Random(seed)
    for row in range(count):

        def some(n, rng=rng):
            made = []
            for _ in range(n):
                x, y = rng.uniform(0, 60), rng.uniform(0, 60)
                made.append(
                    box(x, y, x + rng.uniform(5, 40), y + rng.uniform(5, 40), desc=rng.choice("ab"))
                )
            return made

        yield prediction(some(rng.randint(0, 6)), some(rng.randint(0, 6)), row=row)


def test_the_order_of_images_and_objects_changes_nothing():
    items = list(random_items(60))
    expected = report(*items).to_json()
    shuffled = [
        prediction(random.Random(i).sample(item.truth, len(item.truth)), item.objects)
        for i, item in enumerate(items)
    ]
    random.Random(1).shuffle(shuffled)
    assert report(*shuffled).to_json() == expected


def test_a_slow_oracle_agrees_on_the_number_of_matches():
    from itertools import permutations

    for item in random_items(120, seed=5):
        best = 0
        small, large = sorted((item.truth, item.objects), key=len)
        for chosen in permutations(large, len(small)):
            pairs = zip(small, chosen, strict=True)
            best = max(best, sum(region_iou(Region(a, 1), Region(b, 1)) >= 0.5 for a, b in pairs))
        assert report(item).class_agnostic.at(0.5).matched == best


def test_matches_of_one_image_name_hits_misses_extras_and_duplicates():
    truth = [box(0, 0, 10, 10), box(50, 50, 60, 60)]
    objects = [box(0, 0, 10, 10), box(0, 0, 10, 10), box(80, 0, 90, 10)]
    found = match_image(prediction(truth, objects), CONFIG)
    assert [(p.truth, p.iou) for p in found.pairs] == [(0, 1.0)]
    assert found.missed == (1,)
    assert len(found.extra) == 2
    assert found.duplicates == (1,)
