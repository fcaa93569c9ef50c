"""Objects, predictions and random scenes for tests; pictures are 100 x 100 unless said otherwise."""

from __future__ import annotations

import random

from src.contract.predictions import Prediction
from src.contract.records import ObjectAnnotation
from src.evaluation.config import EvaluationConfig
from src.evaluation.report import evaluate

CONFIG = EvaluationConfig()
EXACT = EvaluationConfig(bootstrap_draws=0)
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


def report(*items, config=EXACT):
    return evaluate(items, config)


def moved(item, rng, amount):
    """The same kind of object with every coordinate moved a little."""
    points = [value + rng.gauss(0, amount) for value in item.points]
    if item.kind == "bbox_2d":
        points = [*map(min, points[:2], points[2:]), *map(max, points[:2], points[2:])]
    return ObjectAnnotation(desc=item.desc, kind=item.kind, points=tuple(points))


def random_object(rng, kinds=("bbox_2d", "poly", "line")):
    x, y, w, h = rng.uniform(0, 60), rng.uniform(0, 60), rng.uniform(5, 40), rng.uniform(5, 40)
    desc, kind = rng.choice("abc"), rng.choice(kinds)
    if kind == "bbox_2d":
        return box(x, y, x + w, y + h, desc=desc)
    if kind == "line":
        return line(*(rng.uniform(0, 100) for _ in range(2 * rng.randint(2, 4))), desc=desc)
    if rng.random() < 0.4:
        points = [x + v / 30 * w if i % 2 == 0 else y + v / 30 * h for i, v in enumerate(C_SHAPE)]
    else:
        points = [
            (x if i % 2 == 0 else y) + rng.uniform(0, 40) for i in range(2 * rng.randint(3, 6))
        ]
    return poly(*points, desc=desc)


def random_predictions(count, seed, *, kinds=("bbox_2d", "poly", "line"), most=6):
    """Scenes with hits of every quality, misses, inventions, confusions of description, negatives and broken answers."""
    rng = random.Random(seed)
    for row in range(count):
        truth = [random_object(rng, kinds) for _ in range(rng.choice((0, 1, 2, 4, most)))]
        found = [moved(item, rng, rng.choice((0.2, 1, 3))) for item in truth if rng.random() < 0.8]
        found += [random_object(rng, kinds) for _ in range(rng.choice((0, 0, 1, 3)))]
        found += [rng.choice(found) for _ in range(rng.choice((0, 0, 3))) if found]
        if rng.random() < 0.3:
            found = [
                ObjectAnnotation(desc=rng.choice("abc"), kind=o.kind, points=o.points)
                for o in found
            ]
        yield prediction(
            None if rng.random() < 0.05 else truth,
            found,
            row=row,
            image=f"{row}.png",
            dataset=rng.choice(("", "x", "y")),
            is_valid=rng.random() < 0.9,
            finish_reason=rng.choice(("stop", "stop", "length", "repetition")),
        )
