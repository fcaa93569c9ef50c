"""A made report of known content, and its counts by another way than the page's."""

from __future__ import annotations

import numpy as np

from src.contract.predictions import ImageMatches, MatchedPair, Prediction
from src.contract.records import ObjectAnnotation
from src.report.page import ReportSample

EVIL = "</script><script>window.hurt=1</script><img src=x onerror='window.hurt=1'>"
CLASSES = ("red card", "螺丝", EVIL)
GROUPS = tuple(f"step {step}" for step in range(100, 1000, 100))
NUM_PICTURES = 40
WIDTH, HEIGHT = 400, 300


def made_samples() -> list[ReportSample]:
    """The same pictures at every step; objects of every size, verdict and class."""
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 255, (NUM_PICTURES, 6, 8, 3), np.uint8)
    return [
        made_sample(rng, number, group, pixels[number])
        for group in GROUPS
        for number in range(NUM_PICTURES)
    ]


def made_sample(rng: np.random.Generator, number: int, group: str, pixels: np.ndarray):
    truth = tuple(made_object(rng) for _ in range(rng.integers(0, 5)))
    found = tuple(made_object(rng) for _ in range(rng.integers(0, 5)))
    count = int(rng.integers(0, min(len(truth), len(found)) + 1))
    pairs = tuple(
        MatchedPair(truth=i, predicted=i, iou=float(rng.uniform(0.5, 1))) for i in range(count)
    )
    extra = tuple(range(count, len(found)))
    prediction = Prediction(
        image=f"folder/pic_{number:03d}.jpg", row=number, width=WIDTH, height=HEIGHT, truth=truth, objects=found,
        dropped=(), is_valid=number % 7 != 0, text=f"answer {number} {EVIL}",
        finish_reason="length" if number % 5 == 0 else "stop", dataset=f"set {number % 2}",
    )  # fmt: skip
    matches = ImageMatches(
        pairs=pairs, missed=tuple(range(count, len(truth))), extra=extra, duplicates=extra[:1]
    )
    return ReportSample(prediction=prediction, matches=matches, picture=pixels, group=group)


def made_object(rng: np.random.Generator) -> ObjectAnnotation:
    side = float(rng.choice([20, 31, 32, 60, 95, 96, 150]))
    x, y = rng.uniform(0, WIDTH - side), rng.uniform(0, HEIGHT - side)
    desc = CLASSES[int(rng.integers(3))]
    if rng.random() < 0.3:
        points = (x, y, x + side, y, x, y + side)
        return ObjectAnnotation(desc=desc, kind="poly", points=points)
    return ObjectAnnotation(desc=desc, kind="bbox_2d", points=(x, y, x + side, y + side))


def entries(sample: ReportSample) -> list[tuple[str, str, str, float | None]]:
    """(class, verdict, size, IoU) of what one counts: predictions, and truths that none hit."""
    item, matches = sample.prediction, sample.matches
    ious = {pair.predicted: pair.iou for pair in matches.pairs}
    listed = []
    for index, shape in enumerate(item.objects):
        verdict = (
            "hit" if index in ious else "duplicate" if index in matches.duplicates else "extra"
        )
        listed.append((shape, verdict, ious[index] if index in ious else None))
    listed += [(item.truth[index], "missed", None) for index in matches.missed]
    return [(shape.desc, verdict, size(shape), iou) for shape, verdict, iou in listed]


def size(shape: ObjectAnnotation) -> str:
    side = max(shape.points[::2]) - min(shape.points[::2])
    area = round(side * side / (2 if shape.kind == "poly" else 1), 1)
    return "small" if area < 32**2 else "medium" if area < 96**2 else "large"


def f1(sample: ReportSample) -> float:
    total = len(sample.prediction.truth) + len(sample.prediction.objects)
    return 2 * len(sample.matches.pairs) / total if total else 1.0


def errors(sample: ReportSample) -> int:
    return sum(verdict != "hit" for _, verdict, _, _ in entries(sample))
