"""Seeded random scenes and records for tests."""

from __future__ import annotations

import numpy as np

from src.contract.records import ObjectAnnotation, Source
from src.datasets.geometry.shapes import shape_of
from src.datasets.scene import RenderedScene, SceneObject

WORDS = (
    "red card",
    "digit seven",
    'a "quoted" label',
    "back\\slash",
    "螺丝/拧紧",
    "wire, black",
    "{brace}",
    "x]y",
    "é",
)


def random_object(rng: np.random.Generator, width: int, height: int) -> ObjectAnnotation:
    """A legal object; the extent is large enough to survive any grid."""
    kind = ("bbox_2d", "poly", "line")[int(rng.integers(3))]
    desc = WORDS[int(rng.integers(len(WORDS)))]
    if kind == "bbox_2d":
        x1, x2 = np.sort(rng.uniform(0, width, 2)) + np.array([0, 0.05 * width])
        y1, y2 = np.sort(rng.uniform(0, height, 2)) + np.array([0, 0.05 * height])
        points = (x1, y1, min(x2, width), min(y2, height))
        if points[0] > 0.94 * width or points[1] > 0.94 * height:
            points = (0.0, 0.0, width / 2, height / 2)
    else:
        count = int(rng.integers(3, 9)) if kind == "poly" else int(rng.integers(2, 7))
        angles = np.sort(rng.uniform(0, 2 * np.pi, count)) + np.arange(count) * 1e-3
        centre = np.array([width, height]) / 2
        radius = rng.uniform(0.2, 0.48, count)[:, None] * np.array([width, height])
        points = tuple((centre + radius * np.stack([np.cos(angles), np.sin(angles)], 1)).ravel())
    return ObjectAnnotation(desc=desc, kind=kind, points=tuple(float(v) for v in points))


def scene_of(objects: list[ObjectAnnotation], width: int, height: int) -> RenderedScene:
    """The objects on a picture that takes no memory."""
    return RenderedScene(
        pixels=(np.broadcast_to(np.uint8(0), (height, width, 3)),),
        objects=tuple(
            SceneObject(desc=item.desc, shape=shape_of(item, index))
            for index, item in enumerate(objects)
        ),
        summary=None,
        messages=(),
        source=Source(file="made.jsonl", line=1),
    )
