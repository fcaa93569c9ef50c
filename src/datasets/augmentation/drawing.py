"""What every op has in common: it draws all that it needs from its own stream and returns transforms.

A policy is a frozen dataclass, its config and its behaviour in one. It draws the same numbers whatever the picture is like (so
that the images of one record share the draws) and decides by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol

from annotated_types import Ge, Gt, Le

from src.datasets.augmentation.state import State
from src.datasets.augmentation.transforms import Transform
from src.rng import Stream

Probability = Annotated[float, Ge(0), Le(1)]
Share = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
PositiveInt = Annotated[int, Ge(1)]
Range = tuple[float, float]
Drawn = dict[str, float]


@dataclass(frozen=True, slots=True)
class Draw:
    """An op's outcome for one picture: the numbers drawn, the transforms (none when it does nothing), and why nothing."""

    drawn: Mapping[str, float]
    transforms: tuple[Transform, ...] = ()
    skipped: str = ""


class Policy(Protocol):
    """An op: `name` as configs write it, `numeric` the parameters that a curriculum may change."""

    name: ClassVar[str]
    numeric: ClassVar[tuple[str, ...]]

    def draw(self, state: State, rng: Stream) -> Draw: ...

    def problems(self) -> list[tuple[str, str]]:
        """(parameter, what is wrong) beyond what the parameters' types already say."""
        ...


class NoProblems:
    """For ops whose parameters' types say all that must hold."""

    __slots__ = ()

    def problems(self) -> list[tuple[str, str]]:
        return []


def range_problem(name: str, value: Range, low: float, high: float) -> list[tuple[str, str]]:
    """The problem of an interval that is empty or leaves low..high."""
    if value[0] > value[1]:
        return [(name, f"the lower end {value[0]:g} is above the upper end {value[1]:g}")]
    if value[0] < low or value[1] > high:
        return [(name, f"must lie in {low:g}..{high:g}")]
    return []


def between(interval: Range, unit: float) -> float:
    """The point of an interval at `unit` (0 to 1)."""
    return interval[0] + unit * (interval[1] - interval[0])
