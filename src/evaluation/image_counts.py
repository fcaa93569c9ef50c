"""One image's part in every figure, as values that can be gathered from anywhere and summed in any order.

Whole numbers wherever possible; the few lengths and IoU values are summed exactly (`math.fsum`) by their users. Neither the order
of a data set's objects nor that of an answer decides anything, but for duplicates and loops, which are about an answer's order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from src.contract.predictions import Prediction
from src.evaluation.assignment import Matching, match_at_all
from src.evaluation.buckets import aspect_buckets, size_buckets
from src.evaluation.chunks import chunks, object_sets
from src.evaluation.config import EvaluationConfig
from src.evaluation.lines import LineCoverage, LinePair, line_coverage, line_pair
from src.evaluation.pairs import Indices, ObjectSet, Pairs, overlapping_pairs
from src.evaluation.repeats import Repeats, looped


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of one image's truths, or of its predicted objects: one entry an object in every column.

    Bit k of `aware` (`agnostic`) says whether it is matched at threshold k with (without) regard to descriptions; `sizes` and
    `aspects` are numbers of buckets.
    """

    descs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    aspects: tuple[int, ...] = ()
    aware: tuple[int, ...] = ()
    agnostic: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.descs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCounts:
    """Everything that figures need to know of one prediction.

    `image`, `row` and `dataset` name it. `truths` is None where there is no truth to compare with (then `found` is empty), as
    in summary mode. `matched_ious`, `line_pairs` and `line_coverage` belong to class-aware matches at the first threshold.
    """

    image: str
    row: int
    dataset: str
    is_summary: bool
    is_valid: bool
    is_truncated: bool
    is_repetition: bool
    num_dropped: int
    num_objects: int
    num_duplicates: int
    num_looped: int
    num_oversized: int
    truths: Outcomes | None
    found: Outcomes
    matched_ious: tuple[float, ...]
    line_pairs: tuple[LinePair, ...]
    line_coverage: LineCoverage | None

    def matched(self, threshold_number: int) -> int:
        """Class-aware matches at a threshold."""
        return sum(bits >> threshold_number & 1 for bits in self.truths.aware) if self.truths else 0


class ComparedImages:
    """Truths and predicted objects of several images with both assignments; indices run over all images."""

    def __init__(self, predictions: Sequence[Prediction], config: EvaluationConfig) -> None:
        self.truths, self.found = object_sets(predictions, config)
        self.pairs = overlapping_pairs(self.truths, self.found, config.thresholds[0])
        self.agnostic = self._match(self.pairs, config)
        same = self.truths.names[self.pairs.first] == self.found.names[self.pairs.second]
        self.aware = self.agnostic if same.all() else self._match(self.pairs.only(same), config)
        self.repeats = Repeats(self.found, config.duplicate_iou)

    def _match(self, pairs: Pairs, config: EvaluationConfig) -> Matching:
        return match_at_all(pairs, self.truths, self.found, config.thresholds, config.assignment)

    def oversized_by_image(self, areas: Sequence[float], share: float) -> list[int]:
        """Predicted regions of more than `share` of their image's area that no truth, of any description, is like."""
        limits = share * np.array(areas, dtype=np.float64)[self.found.image]
        alone = np.bincount(self.pairs.second, minlength=len(self.found.items)) == 0
        large = (self.found.areas > limits) & alone
        counted: list[int] = np.bincount(self.found.image[large], minlength=len(areas)).tolist()
        return counted


def count_image(prediction: Prediction, config: EvaluationConfig) -> ImageCounts:
    """One image's part in every figure. Cost: 0.5 ms alone, a quarter of that within `count_images`."""
    return next(iter(_counted([prediction], config)))


def count_images(
    predictions: Iterable[Prediction], config: EvaluationConfig
) -> Iterator[ImageCounts]:
    """`count_image` of each, in order; chunks of images are compared together."""
    for chunk in chunks(predictions):
        yield from _counted(chunk, config)


def _counted(predictions: Sequence[Prediction], config: EvaluationConfig) -> Iterator[ImageCounts]:
    made = ComparedImages(predictions, config)
    truths = _outcomes(made.truths, made.aware.truth_bits, made.agnostic.truth_bits)
    found = _outcomes(made.found, made.aware.found_bits, made.agnostic.found_bits)
    oversized = made.oversized_by_image(
        [p.width * p.height for p in predictions], config.oversized_share
    )
    pair_starts = np.searchsorted(made.aware.pairs.first, made.truths.starts).tolist()
    ious = made.aware.pairs.iou.tolist()
    answers = [slice(begin, end) for begin, end in pairwise(made.found.starts.tolist())]
    for i, item in enumerate(predictions):
        is_scored = item.truth is not None and item.mode == "dense"
        pairs = slice(pair_starts[i], pair_starts[i + 1])
        lines = _line_values(item, made, pairs, config) if is_scored else ((), None)
        yield ImageCounts(
            image=item.image,
            row=item.row,
            dataset=item.dataset,
            is_summary=item.mode == "summary",
            is_valid=item.is_valid,
            is_truncated=item.finish_reason == "length",
            is_repetition=item.finish_reason == "repetition",
            num_dropped=len(item.dropped),
            num_objects=len(item.objects),
            num_duplicates=int(made.repeats.is_duplicate[answers[i]].sum()),
            num_looped=looped(
                made.repeats.repeats_previous[answers[i]].tolist(), config.loop_length
            ),
            num_oversized=oversized[i] if is_scored else 0,
            truths=truths[i] if is_scored else None,
            found=found[i] if is_scored else Outcomes(),
            matched_ious=tuple(ious[pairs]) if is_scored else (),
            line_pairs=lines[0],
            line_coverage=lines[1],
        )


def _outcomes(objects: ObjectSet, aware: Indices, agnostic: Indices) -> list[Outcomes]:
    """One image's after the other."""
    columns = (
        [item.desc for item in objects.items],
        [item.kind for item in objects.items],
        size_buckets(objects),
        aspect_buckets(objects),
        aware.tolist(),
        agnostic.tolist(),
    )
    starts = objects.starts.tolist()
    return [
        Outcomes(*(tuple(column[begin:end]) for column in columns))
        for begin, end in pairwise(starts)
    ]


def _line_values(
    item: Prediction, made: ComparedImages, pairs: slice, config: EvaluationConfig
) -> tuple[tuple[LinePair, ...], LineCoverage | None]:
    truth = item.truth or ()
    if all(one.kind != "line" for side in (truth, item.objects) for one in side):
        return (), None
    diagonal = math.hypot(item.width, item.height)
    tolerance = config.coverage_tolerance * diagonal
    matched = made.aware.pairs
    compared = tuple(
        line_pair(
            made.truths.items[row], made.found.items[column], diagonal=diagonal, tolerance=tolerance
        )
        for row, column in zip(
            matched.first[pairs].tolist(), matched.second[pairs].tolist(), strict=True
        )
        if made.truths.is_line[row]
    )
    return compared, line_coverage(truth, item.objects, tolerance)
