"""One image's matches in the order of its prediction, for pictures and tables of single images."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from src.contract.predictions import ImageMatches, MatchedPair, Prediction
from src.evaluation.config import EvaluationConfig
from src.evaluation.image_counts import compare_image
from src.evaluation.overlap_table import ObjectSet, Overlaps, overlap_table
from src.evaluation.repeats import duplicates


def overlaps(prediction: Prediction, config: EvaluationConfig) -> Overlaps:
    """IoU of every truth with every predicted object, (truths, predicted); regions and lines by their own rules."""
    tube = config.line_tolerance * math.hypot(prediction.width, prediction.height)
    return overlap_table(ObjectSet(prediction.truth or (), tube), ObjectSet(prediction.objects, tube))


def same_label(prediction: Prediction) -> NDArray[np.bool_]:
    """Whether the descriptions are equal, (truths, predicted)."""
    truths = [item.desc for item in prediction.truth or ()]
    found = [item.desc for item in prediction.objects]
    return np.array([[a == b for b in found] for a in truths], dtype=bool).reshape(
        len(truths), len(found)
    )


def match_image(prediction: Prediction, config: EvaluationConfig) -> ImageMatches:
    """Class-aware matches at the first threshold, as they are counted, and duplicates."""
    made = compare_image(prediction, config)
    pairs = sorted(
        (made.truth_order[row], made.found_order[column], iou)
        for row, column, iou in made.aware.pairs
    )
    hit_truths = {pair[0] for pair in pairs}
    hit_found = {pair[1] for pair in pairs}
    return ImageMatches(
        pairs=tuple(MatchedPair(truth=t, predicted=p, iou=iou) for t, p, iou in pairs),
        missed=tuple(i for i in range(len(prediction.truth or ())) if i not in hit_truths),
        extra=tuple(i for i in range(len(prediction.objects)) if i not in hit_found),
        duplicates=duplicates(made.repeats),
    )
