"""How a run's data become batches, and what happens to records that cannot be used. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

OverLongPolicy = Literal["fail", "quarantine", "subset_objects"]
LateFailurePolicy = Literal["stop", "filler"]
PixelPath = Literal["fast", "stock"]
TailPolicy = Literal["drop", "repeat"]


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchingConfig:
    """`custom.batching`"""

    group_window: int = field(
        default=512,
        metadata=_help(
            "samples of like length meet within so many global batches; 1 keeps batches random and only sorts inside them"
        ),
    )
    max_tokens_per_micro_batch: int | None = field(
        default=None,
        metadata=_help(
            "padded tokens of one micro-batch; their sizes then vary, per_device_train_batch_size is not used"
        ),
    )
    epoch_tail: TailPolicy = field(
        default="drop",
        metadata=_help("samples that fill no last global batch: left out, or filled up by repeats"),
    )
