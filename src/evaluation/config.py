"""What counts as a match, a duplicate, a loop, and where scores come from. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
SHOWN = (0.5, 0.75, 0.95)
"""Thresholds whose figures have a name of their own, such as `f1_50`, where they are among those of an evaluation."""
MAX_THRESHOLDS = 20
AssignmentRule = Literal["optimal", "greedy"]
ScoreSource = Literal["constant", "logprob", "verbalised"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """Rules of an evaluation; the report repeats them beside its figures.

    `thresholds` are IoU values in ascending order, the first decides pictures and per-object figures. `assignment`: `optimal` has
    as many matches as possible and then the largest total IoU, `greedy` takes pairs by descending IoU. `line_tolerance` is half
    a tube's width and `coverage_tolerance` how far covered pieces of lines may lie apart, both as shares of the image diagonal.
    `duplicate_iou` bounds duplicates and loops, `loop_length` is how many almost equal objects in a row make a loop,
    `oversized_share` the share of the image above which a predicted region is oversized. `bootstrap_draws` 0 leaves intervals
    out; the draws follow from `seed`.
    """

    thresholds: tuple[float, ...] = THRESHOLDS
    assignment: AssignmentRule = "optimal"
    line_tolerance: float = 0.02
    coverage_tolerance: float = 0.01
    duplicate_iou: float = 0.9
    loop_length: int = 3
    oversized_share: float = 0.9
    bootstrap_draws: int = 1000
    seed: int = 17

    def __post_init__(self) -> None:
        assert 0 < len(self.thresholds) <= MAX_THRESHOLDS, "one bit a threshold, and at least one"
        assert list(self.thresholds) == sorted(set(self.thresholds)), "thresholds must ascend"
        assert self.thresholds[0] > 0, "a threshold of 0 would match objects that do not touch"
        assert self.loop_length >= 2, "a loop has at least two objects"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreConfig:
    """Where the scores of average precision come from, and what happens where they tie.

    `constant` gives every object the same score. Objects of equal score are put in `num_orders` random orders, seeded by `seed`
    and by the content of image and object; figures are means over these orders. An object without a score has `missing_score`:
    by default it ranks last, so that a model gains nothing by claiming no score.
    """

    source: ScoreSource = "constant"
    num_orders: int = 10
    missing_score: float = 0.0
    seed: int = 17

    def __post_init__(self) -> None:
        assert self.num_orders >= 1, "an average needs at least one order"


LARGER_IS_BETTER = (
    "f1_50", "f1_75", "f1_95", "f1_mean", "macro_f1_50", "loc_f1_50", "loc_f1_75", "loc_f1_mean",
    "precision_50", "recall_50", "parse_rate", "text_exact", "text_normalised", "text_head", "text_token_f1",
    "summary_exact", "summary_item_f1", "summary_label_f1",
)  # fmt: skip
SMALLER_IS_BETTER = (
    "count_mae", "truncated_rate", "repetition_rate", "duplicate_rate", "hallucination_rate", "summary_count_mae",
)  # fmt: skip
FIGURES = (*LARGER_IS_BETTER, *SMALLER_IS_BETTER)
"""What an evaluation in training tells: `EvaluationReport.scalars`, wording and summaries. Any may choose the best checkpoint."""
