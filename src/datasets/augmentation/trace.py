"""What an augmentation did, as plain data: enough to explain it, and to do it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from src.datasets.augmentation.table import Dropped
from src.datasets.augmentation.transforms import Numbers, Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One op: the numbers it drew, the transforms that followed, or why there are none."""

    op: str
    drawn: Mapping[str, float] = field(default_factory=dict)
    transforms: tuple[Transform, ...] = ()
    skipped: str = ""


class KeptObject(NamedTuple):
    """An object of the result. `visible`: its share of the original object. `source_id`: where a copy came from."""

    object_id: int
    source_id: int
    visible: float
    is_partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One picture's way. `matrix`: upright source -> result (two rows). Sizes are (width, height) in pixels.

    `padding_ratio`: share of the result that shows no source content.
    """

    bypassed: bool
    steps: tuple[Step, ...]
    matrix: Numbers
    source_size: tuple[int, int]
    size: tuple[int, int]
    kept: tuple[KeptObject, ...]
    dropped: tuple[Dropped, ...]
    padding_ratio: float


@lru_cache(maxsize=1)
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Trace)


def dump_trace(trace: Trace) -> bytes:
    """JSON; floats round-trip exactly."""
    data: bytes = _adapter().dump_json(trace)
    return data


def load_trace(data: bytes) -> Trace:
    """The trace that `dump_trace` wrote."""
    trace: Trace = _adapter().validate_json(data)
    return trace
