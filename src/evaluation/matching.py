"""One image's overlaps and matches, for pictures and tables of single images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from src.contract.predictions import ImageMatches, MatchedPair, Prediction
from src.evaluation.config import EvaluationConfig
from src.evaluation.image_counts import ComparedImages
from src.evaluation.pairs import ObjectSet, Values, overlapping_pairs
from src.evaluation.repeats import duplicates


def overlaps(prediction: Prediction, config: EvaluationConfig) -> Values:
    """IoU of every truth with every predicted object, (truths, predicted); regions and lines by their own rules."""
    tube = config.line_tolerance * float(np.hypot(prediction.width, prediction.height))
    truths = ObjectSet([prediction.truth or ()], [tube], {})
    found = ObjectSet([prediction.objects], [tube], {})
    table = np.zeros((len(truths.items), len(found.items)))
    pairs = overlapping_pairs(truths, found, 0.0)
    table[pairs.first, pairs.second] = pairs.iou
    return table


def same_label(prediction: Prediction) -> NDArray[np.bool_]:
    """Whether the descriptions are equal, (truths, predicted)."""
    truths = [item.desc for item in prediction.truth or ()]
    found = [item.desc for item in prediction.objects]
    return np.array([[a == b for b in found] for a in truths], dtype=bool).reshape(
        len(truths), len(found)
    )


def match_image(prediction: Prediction, config: EvaluationConfig) -> ImageMatches:
    """Class-aware matches at the first threshold, just as they are counted, and duplicates."""
    made = ComparedImages([prediction], config)
    matched = made.aware.pairs
    return ImageMatches(
        pairs=tuple(
            MatchedPair(truth=truth, predicted=predicted, iou=iou)
            for truth, predicted, iou in zip(
                matched.first.tolist(), matched.second.tolist(), matched.iou.tolist(), strict=True
            )
        ),
        missed=tuple(np.flatnonzero(made.aware.truth_bits & 1 == 0).tolist()),
        extra=tuple(np.flatnonzero(made.aware.found_bits & 1 == 0).tolist()),
        duplicates=duplicates(made.repeats_by_image()[0]),
    )
