"""What counts as a match. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """`line_tolerance` is half a tube's width as a share of the image diagonal; `duplicate_iou` bounds duplicates."""

    thresholds: tuple[float, ...] = THRESHOLDS
    line_tolerance: float = 0.02
    duplicate_iou: float = 0.9


ScoreSource = Literal["constant", "logprob", "verbalised"]


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
