"""Precision, recall and F1 from whole numbers, and the two ways to average over classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Matches, truths and predictions; precision, recall and F1 follow (1.0 when there is nothing to find or find wrong)."""

    matched: int
    truths: int
    predicted: int

    @property
    def precision(self) -> float:
        return self.matched / self.predicted if self.predicted else float(self.truths == 0)

    @property
    def recall(self) -> float:
        return self.matched / self.truths if self.truths else float(self.predicted == 0)

    @property
    def f1(self) -> float:
        return f1_score(self.matched, self.truths + self.predicted)

    @property
    def is_empty(self) -> bool:
        return not (self.truths or self.predicted)

    def to_json(self) -> dict[str, float]:
        values = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {**asdict(self), **values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One way of matching: counts per IoU threshold, thresholds ascending."""

    by_threshold: tuple[tuple[float, Counts], ...]

    def at(self, threshold: float) -> Counts:
        return dict(self.by_threshold)[threshold]

    @property
    def first(self) -> Counts:
        """Counts at the lowest threshold."""
        return self.by_threshold[0][1]

    @property
    def is_empty(self) -> bool:
        return all(counts.is_empty for _, counts in self.by_threshold)

    @property
    def mean_f1(self) -> float:
        """Mean of F1 over the thresholds."""
        return mean([counts.f1 for _, counts in self.by_threshold])

    def to_json(self) -> dict[str, Any]:
        by_threshold = {f"{t:.2f}": counts.to_json() for t, counts in self.by_threshold}
        return {"by_iou": by_threshold, "mean_f1": self.mean_f1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """F1 averaged over classes, by threshold and over all of them.

    `occurring`: over classes that occur in truths or predictions. `nonzero`: Rex-Omni's convention, whose mean leaves out what is
    zero: at a threshold over the classes with an F1 above 0, in the mean over the pairs of class and threshold with one. The
    second is never the smaller one, and a class that is never found does not lower it.
    """

    occurring: tuple[tuple[float, float], ...]
    nonzero: tuple[tuple[float, float], ...]
    occurring_mean: float
    nonzero_mean: float

    def to_json(self) -> dict[str, Any]:
        return {
            "occurring": {f"{t:.2f}": value for t, value in self.occurring},
            "occurring_mean": self.occurring_mean,
            "nonzero": {f"{t:.2f}": value for t, value in self.nonzero},
            "nonzero_mean": self.nonzero_mean,
        }


def macro(classes: Iterable[Level], thresholds: Sequence[float]) -> Macro:
    """Average the class-aware levels of classes; 1.0 where no class occurs at all."""
    table = [[counts.f1 for _, counts in level.by_threshold] for level in classes]
    columns = [[row[k] for row in table] for k in range(len(thresholds))]
    occurring = [mean(column) if column else 1.0 for column in columns]
    nonzero = [_nonzero_mean(column) if column else 1.0 for column in columns]
    return Macro(
        occurring=tuple(zip(thresholds, occurring, strict=True)),
        nonzero=tuple(zip(thresholds, nonzero, strict=True)),
        occurring_mean=mean(occurring),
        nonzero_mean=_nonzero_mean([value for row in table for value in row]) if table else 1.0,
    )


def f1_score(matched: int, objects: int) -> float:
    """Of matches and the objects (or words) of both sides together; 1.0 where there is none."""
    return 2 * matched / objects if objects else 1.0


def f1_scores(matched: Values, objects: Values) -> Values:
    """The same of arrays of one shape."""
    return np.divide(2 * matched, objects, out=np.ones_like(matched), where=objects > 0)


def mean(values: Sequence[float]) -> float:
    """Correctly rounded, so that order does not matter."""
    return math.fsum(values) / len(values)


def _nonzero_mean(values: Sequence[float]) -> float:
    kept = [value for value in values if value > 0]
    return mean(kept) if kept else 0.0
