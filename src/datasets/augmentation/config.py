"""`custom.augmentation`. Standard library only: `src.config` composes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OpSpec:
    """One op of the pipeline, by name."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationConfig:
    """The pipeline of a run; ops apply in order."""

    enabled: bool = field(default=False, metadata={"help": "apply the ops to training samples"})
    bypass_prob: float = field(default=0.0, metadata={"help": "share of samples left untouched"})
    ops: tuple[OpSpec, ...] = field(default=(), metadata={"help": "ops in order: name, params"})
