"""Which predicted object stands where which truth is, whatever either is called. Cost: that of `src.evaluation.matching`."""

from __future__ import annotations

from collections.abc import Sequence

from src.contract.predictions import Prediction
from src.contract.records import ObjectAnnotation
from src.evaluation.config import EvaluationConfig
from src.evaluation.matching import assign, overlaps

LOCATED_IOU = 0.5


def located_pairs(prediction: Prediction, config: EvaluationConfig) -> list[tuple[int, int]]:
    """(index of the truth, index of the predicted object) of the class-agnostic assignment at an IoU of 0.5.

    Objects are taken in the order of their content, so that neither file's order decides a tie.
    """
    truths = _canonical(prediction.truth or ())
    found = _canonical(prediction.objects)
    table = overlaps(prediction, config)[truths][:, found]
    return sorted((truths[row], found[column]) for row, column in assign(table, LOCATED_IOU))


def _canonical(objects: Sequence[ObjectAnnotation]) -> list[int]:
    keys = [(item.points, item.kind, item.desc) for item in objects]
    return sorted(range(len(keys)), key=keys.__getitem__)
