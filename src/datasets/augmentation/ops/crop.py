"""Crops: a window of the canvas, chosen by area or around an object, with the objects that stay visible enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from src.datasets.augmentation.drawing import (
    Draw,
    PositiveInt,
    Probability,
    Range,
    Share,
    between,
    range_problem,
)
from src.datasets.augmentation.ops.canvas import unchanged
from src.datasets.augmentation.state import State
from src.datasets.augmentation.transforms import Warp, shift
from src.rng import Stream

CLASS_ENDS = "/,="


def is_of_class(desc: str, names: tuple[str, ...]) -> bool:
    """Whether a `desc` is one of the names, or its head before the first `/`, `,` or `=` is."""
    head = desc
    for end in CLASS_ENDS:
        head = head.split(end, 1)[0]
    return desc in names or head in names


def window_warp(x: int, y: int, width: int, height: int, floors: tuple[float, float]) -> Warp:
    """Cut the canvas to a window of whole pixels."""
    return Warp(
        matrix=shift(-x, -y),
        size=(width, height),
        cut_before=True,
        cut_after=True,
        floors=floors,
    )


def _num_inside(state: State, warp: Warp) -> int:
    """Objects that lie wholly in a crop's window, and so need no clipping to be known as kept."""
    assert warp.size is not None
    x, y = -warp.matrix[2], -warp.matrix[5]
    right, bottom = x + warp.size[0], y + warp.size[1]
    return sum(
        x1 >= x and y1 >= y and x2 <= right and y2 <= bottom
        for x1, y1, x2, y2 in state.table.bounds().tolist()
    )


@dataclass(frozen=True, kw_only=True)
class RandomCrop:
    """A window of `area` (share of the canvas) and `aspect` (relative to the canvas's).

    Objects visible by less than `min_coverage` of their original area or length are dropped; those below
    `completeness_threshold` get the domain pack's wording for partly shown ones. A window that keeps fewer than `min_objects`
    (or than there are) is not used, nor, with `skip_if_line`, one that keeps a line; then the next of `max_attempts` is
    tried.
    """

    area: Range = (0.6, 1.0)
    aspect: Range = (0.8, 1.2)
    min_coverage: Share = 0.3
    completeness_threshold: Share = 0.95
    min_objects: Annotated[int, Ge(0)] = 1
    skip_if_line: bool = False
    max_attempts: PositiveInt = 4
    prob: Probability = 1.0
    name: ClassVar[str] = "random_crop"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "area", "aspect", "min_coverage")

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("area", self.area, 0.01, 1) + range_problem(
            "aspect", self.aspect, 0.1, 10
        )

    def draw(self, state: State, rng: Stream) -> Draw:
        u = rng.uniform(1)[0]
        drawn = {"u": u}
        if u >= self.prob:
            return Draw(drawn)
        uncut, state = state, state.cut(self.name)
        reason = ""
        for _ in range(self.max_attempts):
            # Attempt n gets the same four numbers on every picture, whichever attempt succeeds.
            area, aspect, across, down = rng.uniform(4)
            drawn = {"u": u, "area": area, "aspect": aspect, "x": across, "y": down}
            width, height = self._size(
                state, between(self.area, area), between(self.aspect, aspect)
            )
            if (width, height) == state.size:
                return unchanged(uncut, drawn)
            x = int(across * (state.width - width + 1))
            y = int(down * (state.height - height + 1))
            warp = window_warp(
                x, y, width, height, (self.min_coverage, self.completeness_threshold)
            )
            reason = self._objection(state, warp)
            if not reason:
                return Draw(drawn, (warp,))
        return Draw(drawn, skipped=reason)

    def _size(self, state: State, area: float, aspect: float) -> tuple[int, int]:
        share = math.sqrt(area)
        width = min(state.width, max(1, round(state.width * share * math.sqrt(aspect))))
        height = min(state.height, max(1, round(state.height * share / math.sqrt(aspect))))
        return width, height

    def _objection(self, state: State, warp: Warp) -> str:
        wanted = min(self.min_objects, len(state.table))
        if not self.skip_if_line and _num_inside(state, warp) >= wanted:
            return ""
        after = warp.apply(state, self.name).table
        if len(after) < wanted:
            return f"only {len(after)} objects left"
        if self.skip_if_line and any(item.kind == "line" for item in after.items):
            return "a line would be kept"
        return ""


@dataclass(frozen=True, kw_only=True)
class RoiCrop:
    """A window around a randomly chosen object of `anchor_classes` (any class when empty).

    Its sides are the anchor's, grown by a factor from `scale_range` and to at least `min_crop_size` pixels; the anchor lies
    anywhere inside it.
    """

    anchor_classes: tuple[str, ...] = ()
    scale_range: Range = (1.2, 2.0)
    min_crop_size: PositiveInt = 320
    min_coverage: Share = 0.4
    completeness_threshold: Share = 0.95
    prob: Probability = 0.5
    name: ClassVar[str] = "roi_crop"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "scale_range", "min_coverage")

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("scale_range", self.scale_range, 1, 100)

    def draw(self, state: State, rng: Stream) -> Draw:
        u, pick, scale, across, down = rng.uniform(5)
        drawn = {"u": u, "pick": pick, "scale": scale, "x": across, "y": down}
        if u >= self.prob:
            return Draw(drawn)
        uncut, state = state, state.cut(self.name)
        anchors = [
            index
            for index, item in enumerate(state.table.items)
            if not self.anchor_classes or is_of_class(item.desc, self.anchor_classes)
        ]
        if not anchors:
            return Draw(drawn, skipped="no anchor object")
        box = state.table.bounds()[anchors[int(pick * len(anchors))]].tolist()
        factor = between(self.scale_range, scale)
        x, width = self._side(box[0], box[2], factor, across, state.width)
        y, height = self._side(box[1], box[3], factor, down, state.height)
        if (width, height) == state.size:
            return unchanged(uncut, drawn)
        floors = (self.min_coverage, self.completeness_threshold)
        return Draw(drawn, (window_warp(x, y, width, height, floors),))

    def _side(
        self, low: float, high: float, factor: float, unit: float, limit: int
    ) -> tuple[int, int]:
        """(start, length) of the window along one axis: the anchor inside it, the window inside the canvas."""
        length = min(limit, math.ceil(max((high - low) * factor, self.min_crop_size)))
        first = max(0, math.ceil(high - length))
        last = min(limit - length, math.floor(low))
        start = min(max(first, 0), limit - length) if last < first else first
        return start + int(unit * (max(last, start) - start + 1)), length
