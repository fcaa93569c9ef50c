"""What counts as a match. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """`line_tolerance` is half a tube's width as a share of the image diagonal; `duplicate_iou` bounds duplicates."""

    thresholds: tuple[float, ...] = THRESHOLDS
    line_tolerance: float = 0.02
    duplicate_iou: float = 0.9


LARGER_IS_BETTER = (
    "f1_50", "f1_75", "f1_95", "f1_mean", "macro_f1_50", "loc_f1_50", "loc_f1_75", "loc_f1_mean",
    "precision_50", "recall_50", "parse_rate",
)  # fmt: skip
SMALLER_IS_BETTER = (
    "count_mae", "truncated_rate", "repetition_rate", "duplicate_rate", "hallucination_rate",
)  # fmt: skip
FIGURES = (*LARGER_IS_BETTER, *SMALLER_IS_BETTER)
"""The names of `EvaluationReport.scalars`, any of which may choose the best checkpoint."""
