"""The buckets that figures are sliced by: size and aspect ratio of an object, number of objects of an image."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.evaluation.pairs import ObjectSet

NO_BUCKET = -1
"""Of an object that a slicing leaves out: lines have neither area nor aspect ratio."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """`names[i]` holds values from `edges[i - 1]` up to, but without, `edges[i]`."""

    dimension: str
    names: tuple[str, ...]
    edges: tuple[float, ...]


# COCO's areas in square pixels: 32 x 32 and 96 x 96.
SIZES = Buckets("size", ("small", "medium", "large"), (32.0**2, 96.0**2))
# Width over height of the bounding box.
ASPECTS = Buckets(
    "aspect",
    ("below 1:3", "1:3 to 2:3", "2:3 to 3:2", "3:2 to 3:1", "from 3:1"),
    (1 / 3, 2 / 3, 1.5, 3.0),
)
# True objects of an image.
OBJECT_COUNTS = Buckets(
    "objects in the image",
    ("0", "1", "2-5", "6-10", "11-20", "21-50", "51+"),
    (1, 2, 6, 11, 21, 51),
)


def size_buckets(objects: ObjectSet) -> list[int]:
    """Number of each object's bucket in `SIZES`, by its true area."""
    buckets = np.searchsorted(SIZES.edges, objects.areas, side="right")
    return _but_lines(buckets, objects)


def aspect_buckets(objects: ObjectSet) -> list[int]:
    """Number of each object's bucket in `ASPECTS`, by its bounding box; a box without height is the widest."""
    extent = objects.boxes[:, 2:] - objects.boxes[:, :2]
    with np.errstate(divide="ignore", invalid="ignore"):
        buckets = np.searchsorted(ASPECTS.edges, extent[:, 0] / extent[:, 1], side="right")
    return _but_lines(buckets, objects)


def _but_lines(buckets: NDArray[np.int64], objects: ObjectSet) -> list[int]:
    numbers: list[int] = np.where(objects.is_line, NO_BUCKET, buckets).tolist()
    return numbers


def count_bucket(num_truths: int) -> int:
    """Number of the image's bucket in `OBJECT_COUNTS`."""
    return bisect_right(OBJECT_COUNTS.edges, num_truths)
