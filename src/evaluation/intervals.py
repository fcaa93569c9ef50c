"""Bootstrap intervals over images: what the figures might have been with other images of the same kind.

A draw takes as many images as there are, with replacement, and computes F1 from their summed counts. Sums are of whole numbers
below 2**53 and therefore exact in any order; the draws depend on the seed and the number of images alone, and the images stand in the
order of their content. Cost: 0.3 s for 1,000 draws of 5,000 images of 20 objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.evaluation.totals import Codes, Totals
from src.rng import generator

CHUNK = 100  # Draws at a time; bounds the memory.
LEVEL = 0.95
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % percentile interval of the figure `name`."""

    name: str
    low: float
    high: float

    def to_json(self) -> list[float]:
        return [self.low, self.high]


def interval(name: str, draws: Values) -> Interval:
    """The middle 95 % of the draws."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return Interval(name=name, low=low, high=high)


def intervals(totals: Totals, num_draws: int, seed: int) -> tuple[Interval, ...]:
    """Intervals of the primary figures; none without draws or images."""
    if not num_draws or not totals.images:
        return ()
    resampled = resample([totals], num_draws, seed)[0]
    return tuple(interval(name, draws) for name, draws in resampled.items())


def resample(sides: list[Totals], num_draws: int, seed: int) -> list[dict[str, Values]]:
    """Figures by name over draws of images, (num_draws,) each, the same draws for every side.

    `sides` hold the same number of images. Paired sides must be in paired order.
    """
    count = len(sides[0].images)
    rng = generator(seed, "bootstrap", count)
    parts: list[list[dict[str, Values]]] = [[] for _ in sides]
    prepared = [_Prepared(side) for side in sides]
    for begin in range(0, num_draws, CHUNK):
        weights = _weights(rng, count, min(CHUNK, num_draws - begin))
        for part, side in zip(parts, prepared, strict=True):
            part.append(side.figures(weights))
    return [
        {name: np.concatenate([chunk[name] for chunk in part]) for name in part[0]}
        for part in parts
    ]


def f1_of(matched: Values, objects: Values) -> Values:
    """F1 from sums of matches and of truths plus predictions; 1 where there is nothing."""
    return np.divide(2 * matched, objects, out=np.ones_like(matched), where=objects > 0)


def _weights(rng: np.random.Generator, count: int, num_draws: int) -> Values:
    """How often each draw takes each image, (num_draws, count)."""
    chosen = rng.integers(0, count, (num_draws, count)) + np.arange(num_draws)[:, None] * count
    taken = np.bincount(chosen.ravel(), minlength=num_draws * count)
    return taken.reshape(num_draws, count).astype(np.float64)


class _Prepared:
    """Counts by image, and by image and class, ready to be weighted."""

    def __init__(self, totals: Totals) -> None:
        self.thresholds = totals.thresholds
        self.aware, self.objects = (part.astype(np.float64) for part in totals.per_image())
        self.agnostic = totals.per_image(agnostic=True)[0].astype(np.float64)
        bits = totals.truths.aware
        hit = bits & 1 == 1
        truths, found, shape = totals.truths, totals.found, (len(totals.names), len(totals.images))
        self.class_matched = _class_counts([truths.name[hit]], [truths.image[hit]], shape)
        self.class_objects = _class_counts(
            [truths.name, found.name], [truths.image, found.image], shape
        )

    def figures(self, weights: Values) -> dict[str, Values]:
        objects = (weights @ self.objects)[:, None]
        found: dict[str, Values] = {}
        for prefix, matched in (("f1", self.aware), ("loc_f1", self.agnostic)):
            table = f1_of(weights @ matched, np.broadcast_to(objects, (len(weights), matched.shape[1])))
            for k, threshold in enumerate(self.thresholds):
                if threshold in (0.5, 0.75, 0.95):
                    found[f"{prefix}_{round(threshold * 100)}"] = table[:, k]
            found[f"{prefix}_mean"] = table.mean(axis=1)
        found[f"macro_f1_{round(self.thresholds[0] * 100)}"] = self._macro(weights)
        return found

    def _macro(self, weights: Values) -> Values:
        """Mean F1 at the first threshold over the classes that occur in a draw."""
        objects = self.class_objects @ weights.T
        table = f1_of(self.class_matched @ weights.T, objects)
        occurs = objects > 0
        number = occurs.sum(axis=0)
        sums = np.where(occurs, table, 0.0).sum(axis=0)
        return np.divide(sums, number, out=np.ones_like(sums), where=number > 0)


def _class_counts(names: list[Codes], images: list[Codes], shape: tuple[int, int]) -> Any:
    """How often (class, image) occurs, as a sparse matrix."""
    from scipy.sparse import csr_array

    places = (np.concatenate(names), np.concatenate(images))
    return csr_array((np.ones(len(places[0])), places), shape=shape)
