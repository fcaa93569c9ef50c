"""Predicted objects that repeat others of the same answer: duplicates and loops."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from src.contract.records import ObjectAnnotation
from src.evaluation.pairs import ObjectSet, repeated_pairs


class Repeats:
    """What repeats what among the predicted objects of several images: same description, IoU of at least `lowest`.

    An object that equals another repeats it whatever their IoU: a polygon may have no area to overlap with.
    `is_duplicate` (N,) is true where an object repeats any earlier one of its answer, `repeats_previous` (N,) where it repeats
    the one right before it.
    """

    def __init__(self, found: ObjectSet, lowest: float) -> None:
        pairs = repeated_pairs(found, lowest)
        self.is_duplicate: NDArray[np.bool_] = np.zeros(len(found.items), dtype=bool)
        self.is_duplicate[pairs.second] = True
        self.repeats_previous: NDArray[np.bool_] = np.zeros(len(found.items), dtype=bool)
        self.repeats_previous[pairs.second[pairs.second == pairs.first + 1]] = True
        self._add_equals(found)

    def _add_equals(self, found: ObjectSet) -> None:
        """Boxes have an area, so that equal ones are known already."""
        last: dict[tuple[int, ObjectAnnotation], int] = {}
        others = np.flatnonzero(~found.is_box).tolist()
        for index, image in zip(others, found.image[others].tolist(), strict=True):
            key = image, found.items[index]
            if key in last:
                self.is_duplicate[index] = True
                self.repeats_previous[index] |= last[key] == index - 1
            last[key] = index


def looped(repeats_previous: Iterable[bool], loop_length: int) -> int:
    """How many objects of one answer stand in runs of at least `loop_length`, each repeating the one right before it."""
    total, run = 0, 0
    for repeats in (*repeats_previous, False):
        if repeats:
            run += 1
        else:
            total += run if run >= loop_length else 0
            run = 1
    return total
