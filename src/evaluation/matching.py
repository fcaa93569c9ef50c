"""One image's matches, for pictures and tables of single images."""

from __future__ import annotations

import numpy as np

from src.contract.predictions import ImageMatches, MatchedPair, Prediction
from src.evaluation.config import EvaluationConfig
from src.evaluation.image_counts import ComparedImages


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
        duplicates=tuple(np.flatnonzero(made.repeats.is_duplicate).tolist()),
    )
