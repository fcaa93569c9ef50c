"""Affine ops: they only change the matrix; what they push over the border is kept until another op cuts the canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Lt

from src.datasets.augmentation.drawing import (
    Draw,
    Drawn,
    NoProblems,
    NotNegative,
    Probability,
    Range,
    between,
    range_problem,
)
from src.datasets.augmentation.state import State, moved_path
from src.datasets.augmentation.transforms import Warp, numbers_of
from src.datasets.geometry.affine import (
    Matrix,
    horizontal_flip,
    quarter_turns,
    rotation,
    scaling,
    shearing,
    translation,
    vertical_flip,
)
from src.rng import Stream

LARGE = 1e6


def _warp(drawn: Drawn, matrix: Matrix, size: tuple[int, int] | None = None) -> Draw:
    return Draw(drawn, (Warp(matrix=numbers_of(matrix), size=size),))


@dataclass(frozen=True, kw_only=True)
class HorizontalFlip(NoProblems):
    """Mirror left and right."""

    prob: Probability = 0.5
    name: ClassVar[str] = "hflip"
    numeric: ClassVar[tuple[str, ...]] = ("prob",)

    def draw(self, state: State, rng: Stream) -> Draw:
        drawn = {"u": rng.uniform(1)[0]}
        if drawn["u"] >= self.prob:
            return Draw(drawn)
        return _warp(drawn, horizontal_flip(state.width))


@dataclass(frozen=True, kw_only=True)
class VerticalFlip(NoProblems):
    """Mirror top and bottom."""

    prob: Probability = 0.1
    name: ClassVar[str] = "vflip"
    numeric: ClassVar[tuple[str, ...]] = ("prob",)

    def draw(self, state: State, rng: Stream) -> Draw:
        drawn = {"u": rng.uniform(1)[0]}
        if drawn["u"] >= self.prob:
            return Draw(drawn)
        return _warp(drawn, vertical_flip(state.height))


@dataclass(frozen=True, kw_only=True)
class Rotate(NoProblems):
    """Turn about the centre by up to `max_degrees` either way; `expand` grows the canvas until everything fits."""

    max_degrees: Annotated[float, Ge(0), Lt(360)] = 10.0
    expand: bool = False
    prob: Probability = 0.5
    name: ClassVar[str] = "rotate"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "max_degrees")

    def draw(self, state: State, rng: Stream) -> Draw:
        u, turn = rng.uniform(2)
        drawn = {"u": u, "turn": turn}
        degrees = self.max_degrees * (2 * turn - 1)
        if u >= self.prob or degrees == 0.0:
            return Draw(drawn)
        matrix = rotation(degrees, state.width / 2, state.height / 2)
        if not self.expand:
            return _warp(drawn, matrix)
        corners = moved_path(state.visible, matrix)
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        width, height = _whole(max(xs) - min(xs)), _whole(max(ys) - min(ys))
        matrix[:2, 2] += (width - max(xs) - min(xs)) / 2, (height - max(ys) - min(ys)) / 2
        return _warp(drawn, matrix, (width, height))


def _whole(extent: float) -> int:
    """The next whole number of pixels, not counting float noise."""
    return max(1, math.ceil(extent - 1e-6))


@dataclass(frozen=True, kw_only=True)
class QuarterTurn(NoProblems):
    """Turn by 90, 180 or 270 degrees, pixel for pixel; the canvas turns along."""

    prob: Probability = 0.5
    name: ClassVar[str] = "rot90"
    numeric: ClassVar[tuple[str, ...]] = ("prob",)

    def draw(self, state: State, rng: Stream) -> Draw:
        u, pick = rng.uniform(2)
        drawn = {"u": u, "pick": pick}
        if u >= self.prob:
            return Draw(drawn)
        matrix, size = quarter_turns(1 + int(3 * pick), state.width, state.height)
        return _warp(drawn, matrix, size)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Scale the content about the centre by a factor from lo to hi; the canvas stays."""

    lo: float = 0.9
    hi: float = 1.1
    prob: Probability = 0.5
    name: ClassVar[str] = "scale"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "lo", "hi")

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("lo", (self.lo, self.hi), 0.01, 100)

    def draw(self, state: State, rng: Stream) -> Draw:
        u, unit = rng.uniform(2)
        drawn = {"u": u, "factor": unit}
        factor = between((self.lo, self.hi), unit)
        if u >= self.prob or factor == 1.0:
            return Draw(drawn)
        return _warp(drawn, scaling(factor, factor, state.width / 2, state.height / 2))


@dataclass(frozen=True, kw_only=True)
class Translate:
    """Shift by shares of the canvas width and height drawn from `x` and `y`."""

    x: Range = (-0.1, 0.1)
    y: Range = (-0.1, 0.1)
    prob: Probability = 0.5
    name: ClassVar[str] = "translate"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "x", "y")

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("x", self.x, -1, 1) + range_problem("y", self.y, -1, 1)

    def draw(self, state: State, rng: Stream) -> Draw:
        u, across, down = rng.uniform(3)
        drawn = {"u": u, "x": across, "y": down}
        dx, dy = between(self.x, across) * state.width, between(self.y, down) * state.height
        if u >= self.prob or (dx == 0.0 and dy == 0.0):
            return Draw(drawn)
        return _warp(drawn, translation(dx, dy))


@dataclass(frozen=True, kw_only=True)
class Shear(NoProblems):
    """Shear along x and y by up to the given angles either way, about the centre."""

    max_x_degrees: Annotated[float, NotNegative, Lt(60)] = 5.0
    max_y_degrees: Annotated[float, NotNegative, Lt(60)] = 0.0
    prob: Probability = 0.5
    name: ClassVar[str] = "shear"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "max_x_degrees", "max_y_degrees")

    def draw(self, state: State, rng: Stream) -> Draw:
        u, across, down = rng.uniform(3)
        drawn = {"u": u, "x": across, "y": down}
        x, y = self.max_x_degrees * (2 * across - 1), self.max_y_degrees * (2 * down - 1)
        if u >= self.prob or (x == 0.0 and y == 0.0):
            return Draw(drawn)
        return _warp(drawn, shearing(x, y, state.width / 2, state.height / 2))
