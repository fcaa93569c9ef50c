"""A curriculum: op parameters as a function of the optimizer step, and of nothing else.

The step comes with the sample's key, so prefetching workers, their number and a resume cannot change a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from src.datasets.augmentation.drawing import Policy

Value = float | int | tuple[float, ...]
Values = Mapping[tuple[str, str], Value]  # (op name, parameter)
BYPASS = ("", "bypass_prob")


@dataclass(frozen=True, slots=True)
class Stage:
    """The pipeline at one step."""

    bypass_prob: float
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Steps `start` to `end` (exclusive); `before` and `after` are complete values at its two ends."""

    start: int
    end: int
    interpolation: Literal["linear", "hold"]
    before: Values
    after: Values

    def at(self, step: int) -> Values:
        if self.interpolation == "hold" or step >= self.end:
            return self.after
        share = (step - self.start) / (self.end - self.start)
        return {name: _mixed(self.before[name], self.after[name], share) for name in self.after}


def _mixed(first: Value, second: Value, share: float) -> Value:
    if isinstance(first, tuple) and isinstance(second, tuple):
        return tuple(_number(a + share * (b - a), a, b) for a, b in zip(first, second, strict=True))
    assert not isinstance(first, tuple)
    assert not isinstance(second, tuple)
    return _number(first + share * (second - first), first, second)


def _number(value: float, first: float, second: float) -> float | int:
    """Whole where both ends are whole numbers."""
    return round(value) if isinstance(first, int) and isinstance(second, int) else value


class Curriculum:
    """The ops with their values over the run; without segments they never change."""

    def __init__(
        self, policies: Sequence[Policy], bypass_prob: float, segments: Sequence[Segment] = ()
    ) -> None:
        self.policies = tuple(policies)
        self.bypass_prob = bypass_prob
        self.segments = tuple(segments)

    def values(self, step: int) -> Values:
        """Every changing parameter at an optimizer step; after the last segment its end values stay."""
        for segment in self.segments:
            if step < segment.end:
                return segment.at(step)
        return self.segments[-1].after if self.segments else {}

    def at(self, step: int) -> Stage:
        """The pipeline at an optimizer step."""
        if not self.segments:
            return Stage(self.bypass_prob, self.policies)
        return _stage(self, step)

    def build(self, step: int) -> Stage:
        values = dict(self.values(step))
        bypass = values.pop(BYPASS, self.bypass_prob)
        assert not isinstance(bypass, tuple)
        changes: dict[str, dict[str, Any]] = {}
        for (op, parameter), value in values.items():
            changes.setdefault(op, {})[parameter] = value
        policies = tuple(
            replace(policy, **changes[policy.name]) if policy.name in changes else policy  # type: ignore[type-var]
            for policy in self.policies
        )
        return Stage(bypass, policies)


@lru_cache(maxsize=64)
def _stage(curriculum: Curriculum, step: int) -> Stage:
    return curriculum.build(step)
