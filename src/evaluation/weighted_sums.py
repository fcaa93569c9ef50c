"""Figures of images that count as often as their weights say: the ground of resampling and of permutation tests.

Sums are of whole numbers below 2**53, so they are exact in any order and on any number of cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.evaluation.config import SHOWN
from src.evaluation.scores import f1_scores
from src.evaluation.totals import Codes, Totals

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums for D sets of weights: matches (D, T), objects of both sides (D, 1), and by class (C, D) at the first threshold."""

    aware: Values
    agnostic: Values
    objects: Values
    class_matched: Values
    class_objects: Values

    def __add__(self, other: Self) -> Sums:
        return Sums(
            self.aware + other.aware,
            self.agnostic + other.agnostic,
            self.objects + other.objects,
            self.class_matched + other.class_matched,
            self.class_objects + other.class_objects,
        )


class ImageSums:
    """Counts by image, and by image and class, ready to be weighted."""

    def __init__(self, totals: Totals) -> None:
        aware, objects = totals.per_image()
        self.aware, self.objects = aware.astype(np.float64), objects.astype(np.float64)
        self.agnostic = totals.per_image(agnostic=True)[0].astype(np.float64)
        truths, found = totals.truths, totals.found
        hit = truths.aware & 1 == 1
        shape = (len(totals.names), len(totals.images))
        self.class_matched = _by_class(truths.name[hit], truths.image[hit], shape)
        self.class_objects = _by_class(
            np.concatenate((truths.name, found.name)),
            np.concatenate((truths.image, found.image)),
            shape,
        )

    def weighted(self, weights: Values) -> Sums:
        """Sums over images under `weights` (D, images), whole numbers."""
        return Sums(
            weights @ self.aware,
            weights @ self.agnostic,
            (weights @ self.objects)[:, None],
            self.class_matched @ weights.T,
            self.class_objects @ weights.T,
        )


def figures(sums: Sums, thresholds: tuple[float, ...]) -> dict[str, Values]:
    """Primary figures by name, (D,) each: F1 with and without regard to descriptions, and macro F1 over classes that occur."""
    found: dict[str, Values] = {}
    for prefix, matched in (("f1", sums.aware), ("loc_f1", sums.agnostic)):
        table = f1_scores(matched, np.broadcast_to(sums.objects, matched.shape))
        for k, threshold in enumerate(thresholds):
            if threshold in SHOWN:
                found[f"{prefix}_{round(threshold * 100)}"] = table[:, k]
        found[f"{prefix}_mean"] = table.mean(axis=1)
    occurs = sums.class_objects > 0
    number = occurs.sum(axis=0)
    total = np.where(occurs, f1_scores(sums.class_matched, sums.class_objects), 0.0).sum(axis=0)
    found[f"macro_f1_{round(thresholds[0] * 100)}"] = np.divide(
        total, number, out=np.ones_like(total), where=number > 0
    )
    return found


def _by_class(names: Codes, images: Codes, shape: tuple[int, int]) -> Any:
    """How often (class, image) occurs, as a sparse matrix."""
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(names)), (names, images)), shape=shape)
