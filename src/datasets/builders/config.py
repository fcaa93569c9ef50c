"""How a record becomes the text that the model learns to write. Standard library only: `src.config` composes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from src.contract.coordinates import Norm

JsonFormat = Literal["standard", "qwen", "compact", "grouped"]
OrderingPolicy = Literal["reference_tlbr", "center_tlbr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderConfig:
    """`assistant_prefix_format` may hold {task}, {domain} and {dataset}; it is written before the answer."""

    json_format: JsonFormat
    emit_norm: Norm
    object_ordering_policy: OrderingPolicy = "reference_tlbr"
    use_summary: bool = False
    assistant_prefix_format: str | None = None
