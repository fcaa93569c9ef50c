"""Which predicted object stands where which truth is, whatever either is called.

Chunks of images are compared together. Cost: that of `src.evaluation.pairs` and `assignment`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from src.contract.predictions import MatchedPair, Prediction
from src.evaluation.assignment import match_at_all
from src.evaluation.chunks import chunks, object_sets
from src.evaluation.config import EvaluationConfig
from src.evaluation.pairs import ObjectSet, Pairs, overlapping_pairs

LOCATED_IOU = 0.5

Located = tuple[Prediction, list[MatchedPair]]


def located_pairs(predictions: Iterable[Prediction], config: EvaluationConfig) -> Iterator[Located]:
    """Each prediction with the pairs of its class-agnostic assignment at an IoU of 0.5."""
    for chunk in chunks(predictions):
        truths, found = object_sets(chunk, config)
        pairs = overlapping_pairs(truths, found, LOCATED_IOU)
        matched = match_at_all(pairs, truths, found, (LOCATED_IOU,), config.assignment).pairs
        yield from zip(chunk, _by_image(matched, truths, found), strict=True)


def overlaps_by_image(
    predictions: Iterable[Prediction], config: EvaluationConfig, floor: float
) -> Iterator[list[MatchedPair]]:
    """Each prediction's pairs of truths and predicted objects whose IoU is at least `floor`; none is assigned."""
    for chunk in chunks(predictions):
        truths, found = object_sets(chunk, config)
        yield from _by_image(overlapping_pairs(truths, found, floor), truths, found)


def _by_image(pairs: Pairs, truths: ObjectSet, found: ObjectSet) -> list[list[MatchedPair]]:
    """Pairs by image, with indices into `Prediction.truth` and `.objects`."""
    images = truths.image[pairs.first]
    rows = (pairs.first - truths.starts[images]).tolist()
    columns = (pairs.second - found.starts[images]).tolist()
    by_image: list[list[MatchedPair]] = [[] for _ in truths.starts[1:]]
    for image, row, column, iou in zip(
        images.tolist(), rows, columns, pairs.iou.tolist(), strict=True
    ):
        by_image[image].append(MatchedPair(truth=row, predicted=column, iou=iou))
    return by_image
