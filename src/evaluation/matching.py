"""One-to-one assignment of predictions to truths in one image.

At a threshold, pairs whose overlap is below it cannot match; among the rest the assignment has as many pairs as possible and, of
those, the largest total overlap (`scipy.optimize.linear_sum_assignment` on 1 + IoU / 1000). The number of matches
therefore does not depend on the order of objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from src.contract.predictions import ImageMatches, MatchedPair, Prediction
from src.contract.records import ObjectAnnotation
from src.datasets.geometry.overlap import Region, region_iou
from src.evaluation.config import EvaluationConfig

Overlaps = NDArray[np.float64]


def overlaps(prediction: Prediction, config: EvaluationConfig) -> Overlaps:
    """IoU of every truth with every predicted object, (truths, predicted); regions and lines by their own rules."""
    tube = config.line_tolerance * math.hypot(prediction.width, prediction.height)
    truths = [Region(item, tube) for item in prediction.truth or ()]
    found = [Region(item, tube) for item in prediction.objects]
    table = np.zeros((len(truths), len(found)))
    for row, truth in enumerate(truths):
        for column, other in enumerate(found):
            table[row, column] = region_iou(truth, other)
    return table


def same_label(prediction: Prediction) -> NDArray[np.bool_]:
    """Whether the descriptions are equal, (truths, predicted)."""
    truths = [item.desc for item in prediction.truth or ()]
    found = [item.desc for item in prediction.objects]
    return np.array([[a == b for b in found] for a in truths], dtype=bool).reshape(
        len(truths), len(found)
    )


def assign(table: Overlaps, threshold: float) -> list[tuple[int, int]]:
    """Matched (row, column) pairs at a threshold."""
    allowed = table >= threshold
    if not allowed.any():
        return []
    rows, columns = np.nonzero(allowed.any(axis=1))[0], np.nonzero(allowed.any(axis=0))[0]
    if allowed.sum(axis=0).max() == 1 and allowed.sum(axis=1).max() == 1:
        return [(int(row), int(np.flatnonzero(allowed[row])[0])) for row in rows]
    from scipy.optimize import linear_sum_assignment

    part = table[np.ix_(rows, columns)]
    gain = np.where(part >= threshold, 1.0 + part / 1000.0, 0.0)
    chosen = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    return [(int(rows[r]), int(columns[c])) for r, c in chosen if part[r, c] >= threshold]


def duplicates(
    objects: Sequence[ObjectAnnotation], size: tuple[int, int], config: EvaluationConfig
) -> tuple[int, ...]:
    """Indices of objects that repeat an earlier one: same description, IoU of at least `duplicate_iou`."""
    tube = config.line_tolerance * math.hypot(*size)
    regions = [Region(item, tube) for item in objects]
    return tuple(
        index
        for index, region in enumerate(regions)
        if any(
            earlier.item.desc == region.item.desc
            and region_iou(earlier, region) >= config.duplicate_iou
            for earlier in regions[:index]
        )
    )


def match_image(prediction: Prediction, config: EvaluationConfig) -> ImageMatches:
    """Class-aware matches at the first threshold, for pictures and tables of single images."""
    table = np.where(same_label(prediction), overlaps(prediction, config), 0.0)
    pairs = assign(table, config.thresholds[0])
    hit_truths = {row for row, _ in pairs}
    hit_found = {column for _, column in pairs}
    return ImageMatches(
        pairs=tuple(
            MatchedPair(truth=row, predicted=column, iou=float(table[row, column]))
            for row, column in pairs
        ),
        missed=tuple(i for i in range(len(prediction.truth or ())) if i not in hit_truths),
        extra=tuple(i for i in range(len(prediction.objects)) if i not in hit_found),
        duplicates=duplicates(prediction.objects, (prediction.width, prediction.height), config),
    )
