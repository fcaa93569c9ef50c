"""`python -m benchmarks.evaluation`: what all figures of a prediction file cost, beside pycocotools on the same boxes.

Scenes of random boxes of ten classes, found with errors of some pixels, one in twenty missed, invented or confused. Both
sides start from values in memory: ours from predictions, pycocotools from the lists that its `createIndex` and `loadRes` take.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from src.contract.predictions import Prediction
from src.contract.records import ObjectAnnotation
from src.evaluation.comparison import compare
from src.evaluation.config import EvaluationConfig
from src.evaluation.image_counts import count_images
from src.evaluation.intervals import intervals
from src.evaluation.report import evaluate
from src.evaluation.totals import Totals
from src.rng import generator

SIDE = 640
CLASSES = tuple(f"class {n}" for n in range(10))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=5000)
    options.add_argument("--objects", type=int, default=20, help="true objects of an image")
    options.add_argument(
        "--rounds", type=int, default=3, help="the median counts; pycocotools once"
    )
    options.add_argument("--json", action="store_true", help="print JSON alone")
    chosen = options.parse_args()
    figures = measure(chosen.images, chosen.objects, chosen.rounds)
    if chosen.json:
        print(json.dumps(figures))
        return
    for label, value in figures.items():
        print(f"{label:<64} {value:>10.3f}")


def measure(num_images: int, num_objects: int, rounds: int) -> dict[str, float]:
    """Seconds of processor and clock by name."""
    config = EvaluationConfig()
    boxes = scenes(num_images, num_objects)
    polygons = [with_polygons(item) for item in boxes[: num_images // 10]]
    totals = Totals(count_images(boxes, config), config.thresholds)
    worse = [replace(item, objects=item.objects[1:]) for item in boxes]
    truth, found = coco_values(boxes)
    figures: dict[str, float] = {}
    contestants: dict[str, Callable[[], Any]] = {
        "all figures, slices and intervals": lambda: evaluate(boxes, config),
        "of it intervals": lambda: intervals(totals, config.bootstrap_draws, config.seed),
        "pycocotools": lambda: pycocotools_map(truth, found),
        "comparison of two files": lambda: compare(boxes, worse, config),
        f"all figures of {len(polygons)} images of octagons": lambda: evaluate(polygons, config),
    }
    for name, run in contestants.items():
        # Half a minute and more: once is enough.
        times = [spent(run) for _ in range(1 if name == "pycocotools" else rounds)]
        figures[f"{name}, processor s"] = statistics.median(time[0] for time in times)
        figures[f"{name}, clock s"] = statistics.median(time[1] for time in times)
    ours = figures["all figures, slices and intervals, processor s"]
    figures["pycocotools / ours, processor"] = figures["pycocotools, processor s"] / ours
    return figures


def spent(run: Callable[[], Any]) -> tuple[float, float]:
    """Processor and clock seconds."""
    began, began_clock = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - began, time.perf_counter() - began_clock


def scenes(num_images: int, num_objects: int) -> list[Prediction]:
    """Truths and answers; the same for every call."""
    rng = generator(0, "evaluation benchmark", num_images, num_objects)
    made = []
    for row in range(num_images):
        corner = rng.uniform(0, SIDE - 210, (num_objects, 2))
        truth = np.concatenate((corner, corner + rng.uniform(10, 200, (num_objects, 2))), axis=1)
        found = np.round(truth + rng.normal(0, 4, truth.shape))
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        strange = rng.random(num_objects) < 0.05
        found[strange] = np.roll(found[strange], 1, axis=0) + 15
        names = rng.integers(0, len(CLASSES), num_objects)
        said = np.where(rng.random(num_objects) < 0.05, (names + 1) % len(CLASSES), names)
        kept = rng.random(num_objects) > 0.05
        made.append(
            Prediction(
                image=f"{row}.png", row=row, width=SIDE, height=SIDE, dropped=(), is_valid=True, text="",
                finish_reason="stop", truth=objects(truth, names), objects=objects(found[kept], said[kept]),
            )
        )  # fmt: skip
    return made


def objects(boxes: Any, names: Any) -> tuple[ObjectAnnotation, ...]:
    return tuple(
        ObjectAnnotation(desc=CLASSES[name], kind="bbox_2d", points=tuple(points))
        for points, name in zip(boxes.tolist(), names.tolist(), strict=True)
    )


def with_polygons(item: Prediction) -> Prediction:
    """Every box cut to an octagon."""

    def octagon(one: ObjectAnnotation) -> ObjectAnnotation:
        x1, y1, x2, y2 = one.points
        dx, dy = (x2 - x1) / 4, (y2 - y1) / 4
        points = (
            x1 + dx, y1, x2 - dx, y1, x2, y1 + dy, x2, y2 - dy,
            x2 - dx, y2, x1 + dx, y2, x1, y2 - dy, x1, y1 + dy,
        )  # fmt: skip
        return ObjectAnnotation(desc=one.desc, kind="poly", points=points)

    sides = (tuple(map(octagon, side)) for side in (item.truth or (), item.objects))
    truth, found = sides
    return replace(item, truth=truth, objects=found)


def coco_values(items: list[Prediction]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Truths and answers as COCO's dictionaries, every score 1."""
    codes = {name: code + 1 for code, name in enumerate(CLASSES)}

    def value(image: int, one: ObjectAnnotation) -> dict[str, Any]:
        x1, y1, x2, y2 = one.points
        return {
            "image_id": image, "category_id": codes[one.desc], "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": (x2 - x1) * (y2 - y1), "iscrowd": 0,
        }  # fmt: skip

    truths = [value(item.row + 1, one) for item in items for one in item.truth or ()]
    truth = {
        "images": [{"id": item.row + 1, "width": SIDE, "height": SIDE} for item in items],
        "annotations": [{"id": number + 1, **one} for number, one in enumerate(truths)],
        "categories": [{"id": code, "name": name} for name, code in codes.items()],
    }
    found = [{"score": 1.0, **value(item.row + 1, one)} for item in items for one in item.objects]
    return truth, found


def pycocotools_map(truth: dict[str, Any], found: list[dict[str, Any]]) -> float:
    """Average precision; what matters here is its time."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(found), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])


if __name__ == "__main__":
    main()
