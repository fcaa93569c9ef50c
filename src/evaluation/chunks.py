"""Predictions compared together: chunks of bounded size, and the sets of their truths and predicted objects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from src.contract.predictions import Prediction
from src.evaluation.config import EvaluationConfig
from src.evaluation.pairs import ObjectSet

MAX_IMAGES = 256
MAX_PAIRS = 500_000
"""Images compared at a time, and pairs of objects, which bound the memory; figures do not depend on either."""


def chunks(predictions: Iterable[Prediction]) -> Iterator[list[Prediction]]:
    """The predictions in order; a chunk ends with the one that reaches a limit."""
    chunk: list[Prediction] = []
    num_pairs = 0
    for item in predictions:
        chunk.append(item)
        num_pairs += (len(item.truth or ()) + len(item.objects)) * len(item.objects)
        if len(chunk) == MAX_IMAGES or num_pairs >= MAX_PAIRS:
            yield chunk
            chunk, num_pairs = [], 0
    if chunk:
        yield chunk


def object_sets(
    predictions: Sequence[Prediction], config: EvaluationConfig
) -> tuple[ObjectSet, ObjectSet]:
    """Truths and predicted objects, one image after the other; descriptions are numbered alike in both."""
    tubes = [config.line_tolerance * math.hypot(p.width, p.height) for p in predictions]
    names: dict[str, int] = {}
    truths = ObjectSet([p.truth or () for p in predictions], tubes, names)
    return truths, ObjectSet([p.objects for p in predictions], tubes, names)
