"""How large a picture, and how long an object, augmentation can make: upper bounds over every draw and curriculum stage.

A data plan must know before training that no sample outgrows its place, without drawing one. `OutputBounds(pipeline)` answers:

    bounds = OutputBounds(pipeline)
    bounds.cells(widths, heights) -> int64 (N,)        32-pixel cells (= image tokens) of a picture after `budget.fit`
    bounds.cells_of(width, height) -> int              the same for one picture
    bounds.shape(kind, num_vertices, is_simple=True) -> ShapeBound(kind, vertices, parts, total_vertices)
    bounds.num_pasted -> int                           objects that pastes may add to a picture, each bounded by `shape` of
                                                       the object that it copies (with all its parts)

A bypassed sample is within the bounds too. Texts change by `Emission.wording` alone. Cost: about 0.1 ms a call of `cells` plus
0.3 us a picture; `shape` 2 us.

Pictures: `src.datasets.augmentation.canvas_bounds` walks over the ops; it is exact for flips, quarter turns, padding and a
resize to the budget.

Shapes: all windows that cut an object meet in one convex region R of at most 4 sides for every group of cuts between two ops
that turn the axes. A polygon side meets R in at most one piece, so the result has at most two vertices a side plus the corners
of R: 2 n + 4 g over all parts (n + 4 g for a box or triangle: convex, it stays one part, and each side of R adds at most one
vertex). A part with a single piece of outline holds a corner of R, every other part has two pieces: at most (n + 4 g) / 2 parts.
A line's pieces are its runs: at most n - 1, of at most n vertices each. Where a polygon crosses itself, each of at most
n (n - 3) / 2 crossings splits two sides; `is_simple=False` counts them. The counting is our own; it needs no more than that a
line meets a convex region in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.records import GeometryKind
from src.datasets.augmentation.canvas_bounds import Range, after, fitted_cells, start
from src.datasets.augmentation.config import OpName
from src.datasets.augmentation.curriculum import BYPASS, Curriculum, Value
from src.datasets.augmentation.drawing import Policy
from src.datasets.augmentation.ops.paste import ObjectCopyPaste, SmallObjectZoomPaste
from src.datasets.augmentation.pipeline import Pipeline

WINDOW_SIDES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeBound:
    """What one object may become: `kind` and `vertices` of each part, how many parts, and their vertices together.

    A box that may be turned is given as the polygon that is its longest spelling.
    """

    kind: GeometryKind
    vertices: int
    parts: int
    total_vertices: int


class OutputBounds:
    """The bounds of a pipeline; see the module text."""

    def __init__(self, pipeline: Pipeline) -> None:
        stages = _Parameters(pipeline.curriculum)
        self._budget = pipeline.budget
        self._ops = [(policy, stages.of(policy)) for policy in pipeline.curriculum.policies]
        self._may_bypass = stages.bypass[1] > 0
        self._limit = pipeline.emission.max_poly_vertices
        self._splits = pipeline.rules.parts == "split"
        self._turns = any(_turns(policy) for policy, _ in self._ops)
        self._boxes_turn = self._turns and pipeline.emission.rotated_box == "poly"
        self._corners = WINDOW_SIDES * _cut_groups([policy for policy, _ in self._ops])
        self.num_pasted = sum(_num_pasted(policy) for policy, _ in self._ops)

    def cells_of(self, width: int, height: int) -> int:
        """An upper bound on the 32-pixel cells of the output for an upright picture of width x height."""
        return int(self.cells(np.array([width]), np.array([height]))[0])

    def cells(self, widths: NDArray[Any], heights: NDArray[Any]) -> NDArray[np.int64]:
        """The same for N pictures: (N,) and (N,) -> int64 (N,)."""
        untouched = start(np.asarray(widths, dtype=float), np.asarray(heights, dtype=float))
        branches = [untouched]
        for policy, params in self._ops:
            branches = [then for now in branches for then in after(now, policy, params)]
        if self._may_bypass:
            branches.append(untouched)
        found = np.max([fitted_cells(sizes, self._budget) for sizes in branches], axis=0)
        return np.asarray(found, dtype=np.int64)

    def shape(self, kind: GeometryKind, num_vertices: int, *, is_simple: bool = True) -> ShapeBound:
        """The bound of an object of `kind`; `num_vertices` is not read for a box."""
        if kind == "line":
            return self._line(num_vertices)
        if kind == "bbox_2d":
            if not self._boxes_turn:
                return ShapeBound(kind=kind, vertices=2, parts=1, total_vertices=2)
            vertices = 4 + self._corners  # convex
            return ShapeBound(kind="poly", vertices=vertices, parts=1, total_vertices=vertices)
        return self._polygon(num_vertices, is_simple)

    def _line(self, num_vertices: int) -> ShapeBound:
        if not self._corners:
            return ShapeBound(
                kind="line", vertices=num_vertices, parts=1, total_vertices=num_vertices
            )
        parts = max(1, num_vertices - 1) if self._splits else 1
        total = max(num_vertices, 2 * parts)
        return ShapeBound(kind="line", vertices=num_vertices, parts=parts, total_vertices=total)

    def _polygon(self, num_vertices: int, is_simple: bool) -> ShapeBound:
        total, parts = num_vertices, 1
        if self._corners and num_vertices == 3:
            total += self._corners
        elif self._corners:
            sides = num_vertices
            if not is_simple:
                sides += num_vertices * max(0, num_vertices - 3)
            total = 2 * sides + self._corners
            if not is_simple:
                # While it stays one curve, each of its sides may be led around all corners of R.
                total = max(total, num_vertices * (2 + self._corners))
            parts = (sides + self._corners) // 2 if self._splits else 1
        vertices = total if self._limit is None else min(total, self._limit)
        return ShapeBound(
            kind="poly", vertices=vertices, parts=parts, total_vertices=min(total, parts * vertices)
        )


class _Parameters:
    """The interval of every numeric parameter over the whole run; what lies between two phases lies between their ends."""

    def __init__(self, curriculum: Curriculum) -> None:
        self._changes: dict[tuple[str, str], list[Value]] = {}
        for segment in curriculum.segments:
            for values in (segment.before, segment.after):
                for name, value in values.items():
                    self._changes.setdefault(name, []).append(value)
        bypass = [curriculum.bypass_prob, *self._changes.get(BYPASS, [])]
        self.bypass = _hull(bypass)

    def of(self, policy: Policy) -> Mapping[str, Range]:
        """(lowest, highest) of each numeric parameter; of a range, its lowest low end and its highest high end."""
        return {
            name: _hull([getattr(policy, name), *self._changes.get((policy.name, name), [])])
            for name in policy.numeric
        }


def _hull(values: list[Value]) -> Range:
    lows = [value[0] if isinstance(value, tuple) else value for value in values]
    highs = [value[-1] if isinstance(value, tuple) else value for value in values]
    return float(min(lows)), float(max(highs))


def _turns(policy: Policy) -> bool:
    return policy.name in ("rotate", "shear")


def _cut_groups(policies: list[Policy]) -> int:
    """How often windows may cut objects with other axes than before; the canvas at the end is the last window."""
    moves, groups, is_counted = False, 0, False
    for policy in policies:
        crops = policy.name in ("random_crop", "roi_crop")
        if (crops or (moves and policy.name in CUTTING)) and not is_counted:
            groups, is_counted = groups + 1, True
        moves = moves or policy.name in ("rotate", "scale", "translate", "shear")
        is_counted = is_counted and not _turns(policy)
    return groups + (moves and not is_counted)


CUTTING: tuple[OpName, ...] = (
    "resize_by_scale", "pad_to_multiple", "resize_to_budget", "small_object_zoom_paste", "object_copy_paste",
)  # fmt: skip


def _num_pasted(policy: Policy) -> int:
    if isinstance(policy, SmallObjectZoomPaste):
        return policy.max_targets
    return policy.max_objects if isinstance(policy, ObjectCopyPaste) else 0
