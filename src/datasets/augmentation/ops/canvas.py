"""Canvas ops: they choose the size of the picture. All of them still end in the one warp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from src.contract.budget import CELL, MAX_PIXELS, MIN_PIXELS, PixelBudget
from src.datasets.augmentation.drawing import (
    Draw,
    Drawn,
    NoProblems,
    PositiveInt,
    Probability,
    between,
    range_problem,
)
from src.datasets.augmentation.state import State
from src.datasets.augmentation.transforms import IDENTITY, Warp, numbers_of, stretch
from src.datasets.geometry.affine import identity, scaling, translation
from src.rng import Stream

Grey = Annotated[int, Ge(0), Le(255)]


def resized(state: State, width: int, height: int) -> Warp:
    """The whole canvas stretched to width x height."""
    matrix = stretch(width / state.width, height / state.height)
    return Warp(matrix=matrix, size=(width, height), cut_before=True)


def unchanged(state: State, drawn: Drawn) -> Draw:
    """The size fits already; the canvas is cut all the same, so that what follows does not hang on that chance."""
    if state.is_whole:
        return Draw(drawn)
    return Draw(drawn, (Warp(matrix=IDENTITY, cut_before=True),))


@dataclass(frozen=True, kw_only=True)
class ExpandToFitAffine:
    """A canvas that shows all content that affine ops moved, its sides multiples of `multiple`.

    Its area stays within the larger of `max_pixels` and the input's area; above that the content is scaled down evenly. A
    picture that no op enlarged is never scaled: when its padded size would exceed the cap it is left as it is.
    """

    multiple: PositiveInt = CELL
    max_pixels: PositiveInt = 921_600
    fill: Grey = 128
    name: ClassVar[str] = "expand_to_fit_affine"
    numeric: ClassVar[tuple[str, ...]] = ()

    def problems(self) -> list[tuple[str, str]]:
        if self.max_pixels < self.multiple**2:
            return [("max_pixels", "smaller than one cell of `multiple`")]
        return []

    def draw(self, state: State, rng: Stream) -> Draw:
        xs, ys = [x for x, _ in state.visible], [y for _, y in state.visible]
        width, height = max(xs) - min(xs), max(ys) - min(ys)
        source_width, source_height = state.source_size
        cap = max(self.max_pixels, source_width * source_height)
        size = (self._up(width), self._up(height))
        scale = 1.0
        if size[0] * size[1] > cap:
            if round(width) * round(height) <= source_width * source_height:
                return Draw({}, skipped="padding would exceed the cap")
            size = self._within(width, height, cap)
            scale = min(size[0] / width, size[1] / height)
        whole = scale == 1.0 and all(float(v).is_integer() for v in (width, height))
        # Whole pixels stay whole pixels: padding a picture must not resample it.
        left = (size[0] - scale * width) / 2
        top = (size[1] - scale * height) / 2
        if whole:
            left, top = math.floor(left), math.floor(top)
        matrix = scaling(scale, scale)
        matrix = translation(left, top) @ matrix @ translation(-min(xs), -min(ys))
        if size == state.size and (matrix == identity()).all():
            return Draw({})
        return Draw({}, (Warp(matrix=numbers_of(matrix), size=size, fill=self.fill),))

    def _up(self, extent: float) -> int:
        return max(1, math.ceil(extent / self.multiple - 1e-6)) * self.multiple

    def _within(self, width: float, height: float, cap: int) -> tuple[int, int]:
        """The largest canvas of the content's shape below the cap, sides rounded down to the multiple."""
        scale = math.sqrt(cap / (width * height))
        return (
            max(1, math.floor(width * scale / self.multiple)) * self.multiple,
            max(1, math.floor(height * scale / self.multiple)) * self.multiple,
        )


@dataclass(frozen=True, kw_only=True)
class ResizeByScale:
    """Resize the canvas by a factor from lo to hi, or by one of `scales`; sides rounded to `align_multiple`."""

    lo: float = 0.8
    hi: float = 1.2
    scales: tuple[float, ...] | None = None
    align_multiple: PositiveInt = CELL
    prob: Probability = 1.0
    name: ClassVar[str] = "resize_by_scale"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "lo", "hi")

    def problems(self) -> list[tuple[str, str]]:
        if self.scales is not None and (not self.scales or min(self.scales) <= 0):
            return [("scales", "must be positive factors, at least one")]
        return range_problem("lo", (self.lo, self.hi), 0.01, 100)

    def draw(self, state: State, rng: Stream) -> Draw:
        u, unit = rng.uniform(2)
        drawn = {"u": u, "factor": unit}
        factor = between((self.lo, self.hi), unit)
        if self.scales is not None:
            factor = self.scales[int(unit * len(self.scales))]
        if u >= self.prob:
            return Draw(drawn)
        if factor == 1.0:
            return unchanged(state, drawn)
        width, height = (
            max(1, round(side * factor / self.align_multiple)) * self.align_multiple
            for side in state.size
        )
        if (width, height) == state.size:
            return unchanged(state, drawn)
        return Draw(drawn, (resized(state, width, height),))


@dataclass(frozen=True, kw_only=True)
class PadToMultiple(NoProblems):
    """Grow the canvas to the right and downwards to multiples of `multiple`; pixels stay where they are."""

    multiple: PositiveInt = CELL
    fill: Grey = 128
    name: ClassVar[str] = "pad_to_multiple"
    numeric: ClassVar[tuple[str, ...]] = ()

    def draw(self, state: State, rng: Stream) -> Draw:
        width, height = (-(-side // self.multiple) * self.multiple for side in state.size)
        if (width, height) == state.size:
            return unchanged(state, {})
        warp = Warp(matrix=IDENTITY, size=(width, height), cut_before=True, fill=self.fill)
        return Draw({}, (warp,))


@dataclass(frozen=True, kw_only=True)
class ResizeToBudget:
    """Resize to Qwen3-VL's 32-pixel grid with an area between min_pixels and max_pixels, whatever the input's size."""

    min_pixels: PositiveInt = MIN_PIXELS
    max_pixels: PositiveInt = MAX_PIXELS
    name: ClassVar[str] = "resize_to_budget"
    numeric: ClassVar[tuple[str, ...]] = ("max_pixels",)

    def problems(self) -> list[tuple[str, str]]:
        if not CELL**2 <= self.min_pixels <= self.max_pixels:
            return [("max_pixels", f"needs {CELL**2} <= min_pixels <= max_pixels")]
        return []

    def draw(self, state: State, rng: Stream) -> Draw:
        budget = PixelBudget(min_pixels=self.min_pixels, max_pixels=self.max_pixels)
        width, height = budget.fit(*state.size)
        if (width, height) == state.size:
            return unchanged(state, {})
        return Draw({}, (resized(state, width, height),))
