"""Dense-caption mean average precision: objects must be found and described (the protocol of DenseCap, Johnson et al. 2016).

AP is computed for every pair of an IoU threshold (.3, .4, .5, .6, .7) and a text similarity threshold (0, .05, .10, .15, .20,
.25) over all objects of the file, whatever they are called, and averaged. Declared differences from the original: the similarity
is `src.evaluation.similarity.word_alignment` instead of METEOR; an object takes the free truth of largest overlap that
reaches the threshold, of equal overlaps the one described more alike, as COCO does it, so that a perfect answer scores 1;
truths that overlap are not merged, because a record describes every object once. As in the original, AP is the mean of the
highest precision at 101 recalls.

Scores come from a declared source; where they tie, figures are means over orders that follow from content (`ranking`).
Cost: about 30 us an object, and 4 us for each order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.predictions import MatchedPair, Prediction
from src.evaluation.config import EvaluationConfig, ScoreConfig, ScoreSource
from src.evaluation.located import overlaps_by_image
from src.evaluation.ranking import ScoredImage, rank_orders, scored_images
from src.evaluation.similarity import Similarity, word_alignment

CAPTION_IOUS = (0.3, 0.4, 0.5, 0.6, 0.7)
CAPTION_SIMILARITIES = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25)
NUM_RECALLS = 101
UNMATCHED = -1.0
"""Stands for the similarity of an object that takes no truth."""

Candidate = tuple[int, float, float]
"""Truth, IoU, similarity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionPrecision:
    """Mean AP over the grid and `grid` by (IoU, similarity), means over `num_orders` orders of tied objects.

    `deviation`, `low` and `high` are those of the mean AP over the orders. All None without a truth.
    """

    source: ScoreSource
    num_orders: int
    num_truths: int
    num_predicted: int
    num_missing_scores: int
    mean_ap: float | None
    deviation: float | None
    low: float | None
    high: float | None
    grid: tuple[tuple[float, float, float], ...]

    def rows(self) -> list[tuple[str, ...]]:
        """(IoU, AP at each similarity) as text, for tables; the last row is the mean."""
        if self.mean_ap is None:
            return []
        rows = [
            (f"IoU {iou:g}", *(f"{ap:.4f}" for wanted, _, ap in self.grid if wanted == iou))
            for iou in CAPTION_IOUS
        ]
        return [*rows, ("mean", f"{self.mean_ap:.4f}", f"± {self.deviation:.4f}")]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        values = asdict(self)
        cells = [{"iou": i, "similarity": s, "ap": ap} for i, s, ap in self.grid]
        return {**values, "grid": cells}


def caption_precision(
    predictions: Iterable[Prediction],
    evaluation: EvaluationConfig,
    scores: ScoreConfig,
    similarity: Similarity = word_alignment,
) -> CaptionPrecision:
    """Dense-caption mAP of the dense predictions with truth; the result does not depend on their order.

    Raises `DataError` when the file lacks the declared score source.
    """
    scored = scored_images(predictions, scores)
    overlapping = overlaps_by_image(
        (image.prediction for image in scored.images), evaluation, CAPTION_IOUS[0]
    )
    matches = _Matches(
        [
            _candidates(image, pairs, similarity)
            for image, pairs in zip(scored.images, overlapping, strict=True)
        ]
    )
    objects = [found for image in scored.images for found in image.objects]
    values = np.array([found.score for found in objects], dtype=np.float64)
    keys = np.array([found.key for found in objects], dtype=np.uint64)
    num_truths = sum(len(image.truths) for image in scored.images)
    grids = [
        _grid(matches.in_order(ranks), ranks, num_truths)
        for ranks in rank_orders(values, keys, scores)
        if num_truths
    ]
    means = [float(grid.mean()) for grid in grids]
    mean_grid = np.mean(grids, axis=0) if grids else np.zeros((0, 0))
    return CaptionPrecision(
        source=scores.source,
        num_orders=len(grids),
        num_truths=num_truths,
        num_predicted=len(objects),
        num_missing_scores=scored.num_missing,
        mean_ap=float(np.mean(means)) if means else None,
        deviation=float(np.std(means)) if means else None,
        low=min(means, default=None),
        high=max(means, default=None),
        grid=tuple(
            (iou, threshold, float(ap))
            for iou, row in zip(CAPTION_IOUS, mean_grid, strict=False)
            for threshold, ap in zip(CAPTION_SIMILARITIES, row, strict=True)
        ),
    )


def _candidates(
    image: ScoredImage, pairs: Iterable[MatchedPair], similarity: Similarity
) -> list[list[Candidate]]:
    """For each object in the image's order, the truths that it may take: best overlap first, then best described."""
    truth = image.prediction.truth or ()
    number = {index: place for place, index in enumerate(image.truth_indices)}
    fitting: dict[int, list[Candidate]] = {found.index: [] for found in image.objects}
    for pair in pairs:
        found = image.prediction.objects[pair.predicted]
        alike = similarity(truth[pair.truth].desc, found.desc)
        fitting[pair.predicted].append((number[pair.truth], pair.iou, alike))
    return [
        sorted(fitting[found.index], key=lambda entry: (-entry[1], -entry[2], entry[0]))
        for found in image.objects
    ]


def _take(
    image: Sequence[Sequence[Candidate]], order: Sequence[int], matched: NDArray[np.float64]
) -> None:
    """Let an image's objects take truths in this order; writes similarities into `matched`, (IoUs, objects of the image)."""
    for row, threshold in enumerate(CAPTION_IOUS):
        taken: set[int] = set()
        for place in order:
            for truth, iou, alike in image[place]:
                if iou >= threshold and truth not in taken:
                    taken.add(truth)
                    matched[row, place] = alike
                    break


class _Matches:
    """Similarity of each object with the truth that it takes, in one order of objects after another.

    Images in which no truth is wanted by two objects are settled once.
    """

    def __init__(self, candidates: Sequence[Sequence[Sequence[Candidate]]]) -> None:
        self._settled = np.full((len(CAPTION_IOUS), sum(map(len, candidates))), UNMATCHED)
        self._contested: list[tuple[slice, Sequence[Sequence[Candidate]]]] = []
        start = 0
        for image in candidates:
            part = slice(start, start + len(image))
            wanted = [truth for fitting in image for truth, _, _ in fitting]
            if len(set(wanted)) < len(wanted):
                self._contested.append((part, image))
            else:
                _take(image, range(len(image)), self._settled[:, part])
            start = part.stop

    def in_order(self, ranks: NDArray[np.int64]) -> NDArray[np.float64]:
        """(IoUs, objects); `UNMATCHED` where an object takes no truth."""
        matched = self._settled.copy()
        for part, image in self._contested:
            _take(image, np.argsort(ranks[part]).tolist(), matched[:, part])
        return matched


def _grid(
    matched: NDArray[np.float64], ranks: NDArray[np.int64], num_truths: int
) -> NDArray[np.float64]:
    """AP by IoU and similarity threshold."""
    order = np.argsort(ranks)
    ranked = matched[:, order]
    return np.array(
        [
            [interpolated_ap(row >= threshold, num_truths) for threshold in CAPTION_SIMILARITIES]
            for row in ranked
        ]
    )


def interpolated_ap(hits: NDArray[np.bool_], num_truths: int) -> float:
    """Mean of the highest precision reached at or after each of the recalls 0, .01, ... 1; 0 where the recall is not reached."""
    if not hits.size:
        return 0.0
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall r / 100 is reached where found / truths >= r / 100; in whole numbers nothing is rounded.
    places = np.searchsorted(found * (NUM_RECALLS - 1), np.arange(NUM_RECALLS) * num_truths)
    return float(highest[places[places < len(hits)]].sum() / NUM_RECALLS)
