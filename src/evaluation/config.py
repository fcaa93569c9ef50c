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
