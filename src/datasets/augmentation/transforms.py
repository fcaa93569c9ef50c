"""What policies draw: deterministic changes of a state, plain data that a trace can hold and replay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from src.datasets.augmentation.colour import Colour
from src.datasets.augmentation.state import Patch, State, moved_path
from src.datasets.augmentation.table import Floors, Tracked
from src.datasets.geometry.affine import Matrix, inverse
from src.datasets.geometry.clip import Path

Numbers = tuple[float, ...]
IDENTITY: Numbers = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def shift(dx: float, dy: float) -> Numbers:
    """A translation, as the two rows that a warp holds."""
    return (1.0, 0.0, float(dx), 0.0, 1.0, float(dy))


def stretch(sx: float, sy: float) -> Numbers:
    """A scaling about the origin, as the two rows that a warp holds."""
    return (sx, 0.0, 0.0, 0.0, sy, 0.0)


def numbers_of(matrix: Matrix) -> Numbers:
    """The upper two rows of a 3x3 matrix, row by row."""
    return tuple(matrix[:2].ravel().tolist())


def matrix_of(numbers: Numbers) -> Matrix:
    """3x3 matrix from its upper two rows."""
    return np.array([*numbers, 0.0, 0.0, 1.0]).reshape(3, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """An affine map of the canvas, to a canvas of `size` (None: the same size).

    `cut_before`: content outside the old canvas is lost first (resizing, padding). `cut_after`: content outside the new one
    is lost at once (cropping), objects being judged by `floors` instead of the pipeline's.
    """

    matrix: Numbers
    size: tuple[int, int] | None = None
    cut_before: bool = False
    cut_after: bool = False
    floors: tuple[float, float] | None = None
    fill: int | None = None
    kind: Literal["warp"] = "warp"

    def apply(self, state: State, op: str) -> State:
        if self.cut_before:
            state = state.cut(op)
        state = state.moved(matrix_of(self.matrix), self.size)
        if self.fill is not None:
            state = replace(state, fill=self.fill)
        if self.cut_after:
            state = state.cut(op, Floors(*self.floors) if self.floors else None)
        return state

    def inverse_map(self) -> Matrix:
        """Canvas after -> canvas before; what was cut does not come back."""
        return inverse(matrix_of(self.matrix))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paste:
    """A copy of one object's pixels on another place of the same canvas, with a shape of its own. It has no inverse."""

    object_id: int
    new_id: int
    matrix: Numbers
    outline: tuple[tuple[float, float], ...]
    kind: Literal["paste"] = "paste"

    def apply(self, state: State, op: str) -> State:
        """The copy's outline is given on the canvas before the copy; the matrix moves it to its place."""
        state = state.cut(op)
        matrix = matrix_of(self.matrix)
        table = state.table
        copies: list[tuple[Tracked, Path]] = []
        for index, item in enumerate(table.items):
            if item.object_id == self.object_id:
                copied = item._replace(object_id=self.new_id)
                copies.append((copied, moved_path(table.path(index), matrix)))
        patch = Patch(matrix @ state.matrix, moved_path(list(self.outline), matrix))
        return replace(state, table=table.extended(copies), patches=(*state.patches, patch))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recolour:
    """A change of colour; colours are applied to the finished canvas in order, the fill stays what it is.

    Clipped or quantised colours do not come back, so there is no inverse.
    """

    colour: Colour
    kind: Literal["recolour"] = "recolour"

    def apply(self, state: State, _op: str) -> State:
        return replace(state, colours=(*state.colours, self.colour))


Transform = Warp | Paste | Recolour
