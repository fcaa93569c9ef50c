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

Pictures: an interval walk over the ops. `_Sizes` bounds the canvas and the content on it from above, op by op. It is exact for
flips, quarter turns, padding and a resize to the budget; elsewhere each side is bounded on its own, and the area by the op's
cap. A crop that may be refused never lowers the bound.

Shapes: all windows that cut an object meet in one convex region R of at most 4 sides for every group of cuts between two ops
that turn the axes. A polygon side meets R in at most one piece, so the result has at most two vertices a side plus the corners
of R: 2 n + 4 g over all parts (n + 4 g for a box or triangle: convex, it stays one part, and each side of R adds at most one
vertex). A part with a single piece of outline holds a corner of R, every other part has two pieces: at most (n + 4 g) / 2 parts.
A line's pieces are its runs: at most n - 1, of at most n vertices each. Where a polygon crosses itself, each of at most
n (n - 3) / 2 crossings splits two sides; `is_simple=False` counts them. The counting is our own; it needs no more than that a
line meets a convex region in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.budget import CELL, MAX_ASPECT_RATIO, PixelBudget
from src.contract.records import GeometryKind
from src.datasets.augmentation.config import OpName
from src.datasets.augmentation.curriculum import BYPASS, Curriculum, Value
from src.datasets.augmentation.drawing import Policy
from src.datasets.augmentation.ops.affine import Rotate, Scale, Shear
from src.datasets.augmentation.ops.canvas import (
    ExpandToFitAffine,
    PadToMultiple,
    ResizeByScale,
    ResizeToBudget,
)
from src.datasets.augmentation.ops.crop import RandomCrop, RoiCrop
from src.datasets.augmentation.ops.paste import ObjectCopyPaste, SmallObjectZoomPaste
from src.datasets.augmentation.pipeline import Pipeline

Array = NDArray[np.float64]
Range = tuple[float, float]
SLACK = 1e-7  # below the 1e-6 that ops take for float noise, above what these sums round by
ROUNDED_RATIO = (
    3.0  # rounding a side to a positive multiple changes it by 2/3 to 2, so a ratio by 3
)
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
        start = _start(np.asarray(widths, dtype=float), np.asarray(heights, dtype=float))
        branches = [start]
        for policy, params in self._ops:
            branches = [after for before in branches for after in _after(before, policy, params)]
        if self._may_bypass:
            branches.append(start)
        found = np.max([_fitted_cells(sizes, self._budget) for sizes in branches], axis=0)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """Upper bounds, each (N,): of the canvas `width`, `height` and `area`, of the extent of the content, and of how elongated
    canvas and content may be (longer side / shorter side).

    `source_area` is exact. `is_exact`: canvas and content have just these sizes. `on_grid`: both sides are multiples of 32.
    `is_moved`: the content is no longer an upright rectangle; `is_clipped`: nor the whole image of one.
    """

    width: Array
    height: Array
    area: Array
    content_width: Array
    content_height: Array
    ratio: Array
    source_area: Array
    is_exact: bool = True
    on_grid: bool = False
    is_moved: bool = False
    is_clipped: bool = False

    def resized(
        self, width: Array, height: Array, area: Array | None = None, **more: Any
    ) -> _Sizes:
        """Another canvas; its area is bounded by its sides and by `area`."""
        product = width * height
        smaller = product if area is None else np.minimum(product, area)
        return replace(self, width=width, height=height, area=smaller, **more)

    def cut(self, width: Array, height: Array, area: Array | None = None, **more: Any) -> _Sizes:
        """Another canvas of an op that cuts; rounding its sides may have changed their ratio."""
        return self.resized(
            width,
            height,
            area,
            **{
                "ratio": np.minimum(MAX_ASPECT_RATIO, ROUNDED_RATIO * self.ratio),
                "is_clipped": self.is_moved,
                **more,
            },
        )

    def moved(self, width: Array, height: Array, condition: float = 1.0) -> _Sizes:
        """Content of this extent after a map whose singular values have the ratio `condition`.

        Every extent of a rectangle's image lies between its shorter side times the smaller and its diagonal times the larger
        singular value; of content that was cut after it had been moved nothing is known.
        """
        shape = self.ratio if self.is_moved else np.sqrt(1 + self.ratio**2)
        ratio = np.minimum(MAX_ASPECT_RATIO, math.inf if self.is_clipped else condition * shape)
        return replace(
            self,
            content_width=width,
            content_height=height,
            ratio=ratio,
            is_exact=False,
            is_moved=True,
        )


def _start(width: Array, height: Array) -> _Sizes:
    return _Sizes(
        width=width,
        height=height,
        area=width * height,
        content_width=width,
        content_height=height,
        ratio=np.maximum(width, height) / np.minimum(width, height),
        source_area=width * height,
    )


def _after(sizes: _Sizes, policy: Policy, params: Mapping[str, Range]) -> list[_Sizes]:
    """The canvases that an op may leave; several only where one interval would be much looser (quarter turns)."""
    if params.get("prob", (1.0, 1.0))[1] == 0:
        return [sizes]
    if policy.name == "rot90":
        turned = replace(
            sizes,
            width=sizes.height,
            height=sizes.width,
            content_width=sizes.content_height,
            content_height=sizes.content_width,
        )
        return [sizes, turned]
    rule = RULES[policy.name]
    return [sizes if rule is None else rule(sizes, policy, params)]


def _rotate(sizes: _Sizes, policy: Rotate, params: Mapping[str, Range]) -> _Sizes:
    largest = math.radians(min(90.0, params["max_degrees"][1]))
    width = _turned_extent(sizes.content_width, sizes.content_height, largest)
    height = _turned_extent(sizes.content_height, sizes.content_width, largest)
    moved = sizes.moved(width, height)
    if not policy.expand:
        return moved
    # The op may also be skipped, so the canvas before it stays possible.
    return moved.resized(
        np.maximum(sizes.width, np.maximum(1.0, np.ceil(width - SLACK))),
        np.maximum(sizes.height, np.maximum(1.0, np.ceil(height - SLACK))),
        on_grid=False,
    )


def _turned_extent(along: Array, across: Array, largest: float) -> Array:
    """The largest extent of a rectangle turned by 0 to `largest` (radians, at most a quarter turn) either way."""
    diagonal = np.hypot(along, across)
    at_end = along * math.cos(largest) + across * math.sin(largest)
    return np.where(np.arctan2(across, along) <= largest, diagonal, at_end)


def _scale(sizes: _Sizes, _policy: Scale, params: Mapping[str, Range]) -> _Sizes:
    factor = max(1.0, params["hi"][1])
    return sizes.moved(sizes.content_width * factor, sizes.content_height * factor)


def _translate(sizes: _Sizes, _policy: Policy, _params: Mapping[str, Range]) -> _Sizes:
    return sizes.moved(sizes.content_width, sizes.content_height)


def _shear(sizes: _Sizes, _policy: Shear, params: Mapping[str, Range]) -> _Sizes:
    x = math.tan(math.radians(params["max_x_degrees"][1]))
    y = math.tan(math.radians(params["max_y_degrees"][1]))
    # s1 / s2 + s2 / s1 = (s1^2 + s2^2) / (s1 s2): the squared entries over the determinant.
    return sizes.moved(
        sizes.content_width + x * sizes.content_height,
        sizes.content_height + y * sizes.content_width,
        (2 + x * x + y * y) / (1 - x * y) if x * y < 1 else math.inf,
    )


def _up(extent: Array, multiple: int) -> Array:
    return np.maximum(1.0, np.ceil(extent / multiple - SLACK)) * multiple


def _expand(sizes: _Sizes, policy: ExpandToFitAffine, _params: Mapping[str, Range]) -> _Sizes:
    multiple = policy.multiple
    content_width, content_height = sizes.content_width, sizes.content_height
    width, height = _up(content_width, multiple), _up(content_height, multiple)
    cap = np.maximum(float(policy.max_pixels), sizes.source_area)
    fits = width * height <= cap
    is_grid = multiple % CELL == 0 and (sizes.on_grid or bool(fits.all()))
    if sizes.is_exact and bool(
        (fits | (content_width * content_height <= sizes.source_area)).all()
    ):
        # Above the cap a picture that no op enlarged stays as it is.
        return sizes.resized(
            np.where(fits, width, sizes.width),
            np.where(fits, height, sizes.height),
            ratio=np.minimum(MAX_ASPECT_RATIO, ROUNDED_RATIO * sizes.ratio),
            on_grid=is_grid,
        )
    # Above the cap it stays as it is, or is scaled to the cap's area, but to no side below one multiple.
    longest = np.maximum(multiple, np.sqrt(cap * sizes.ratio))
    thin = np.where(sizes.ratio > cap / multiple**2, multiple * longest, 0.0)
    # Scaling may enlarge by what rounding up both sides has added to the area.
    within = (
        np.sqrt((content_width + multiple) * (content_width + multiple * sizes.ratio)),
        np.sqrt((content_height + multiple) * (content_height + multiple * sizes.ratio)),
    )
    over_width = np.maximum(sizes.width, np.minimum(longest, np.maximum(width, within[0])))
    over_height = np.maximum(sizes.height, np.minimum(longest, np.maximum(height, within[1])))
    over_area = np.maximum(np.maximum(cap, thin), sizes.area)
    return sizes.resized(
        np.where(fits, width, over_width),
        np.where(fits, height, over_height),
        np.where(fits, width * height, over_area),
        content_width=np.where(fits, content_width, np.maximum(over_width, content_width)),
        content_height=np.where(fits, content_height, np.maximum(over_height, content_height)),
        ratio=np.minimum(MAX_ASPECT_RATIO, ROUNDED_RATIO * sizes.ratio),
        is_exact=False,
        on_grid=is_grid,
    )


def _resize_by_scale(sizes: _Sizes, policy: ResizeByScale, params: Mapping[str, Range]) -> _Sizes:
    low, high = params["lo"][0], params["hi"][1]
    if policy.scales is not None:
        low, high = min(policy.scales), max(policy.scales)
    multiple = policy.align_multiple
    width, height = (
        np.maximum(1.0, np.round(side * high / multiple)) * multiple
        for side in (sizes.width, sizes.height)
    )
    # Rounding adds at most half a multiple a side, or makes a side one multiple.
    half, longest = multiple / 2, high * np.maximum(sizes.width, sizes.height)
    area = sizes.area * high**2 + high * half * (sizes.width + sizes.height) + half**2
    area = np.maximum(area, multiple * (longest + half))
    content_width, content_height = width, height
    may_stay = params["prob"][0] < 1 or low <= 1.0 <= high
    if may_stay:
        width, height = np.maximum(width, sizes.width), np.maximum(height, sizes.height)
        area = np.maximum(area, sizes.area)
        content_width = np.maximum(width, sizes.content_width)
        content_height = np.maximum(height, sizes.content_height)
    return sizes.cut(
        width,
        height,
        area,
        content_width=content_width,
        content_height=content_height,
        is_exact=sizes.is_exact and low == high and not may_stay,
        on_grid=multiple % CELL == 0 and (sizes.on_grid or not may_stay),
    )


def _pad(sizes: _Sizes, policy: PadToMultiple, _params: Mapping[str, Range]) -> _Sizes:
    multiple = policy.multiple
    return sizes.cut(
        _up(sizes.width, multiple),
        _up(sizes.height, multiple),
        sizes.area + multiple * (sizes.width + sizes.height) + multiple**2,
        content_width=np.minimum(sizes.content_width, sizes.width),
        content_height=np.minimum(sizes.content_height, sizes.height),
        on_grid=multiple % CELL == 0,
    )


def _resize_to_budget(sizes: _Sizes, policy: ResizeToBudget, params: Mapping[str, Range]) -> _Sizes:
    low, high = params["max_pixels"]
    budget = PixelBudget(min_pixels=policy.min_pixels, max_pixels=int(high))
    cells = _fitted_cells(sizes, budget)
    is_exact = sizes.is_exact and low == high
    if is_exact:
        width, height = _fit(sizes.width, sizes.height, budget)
        # The canvas is stretched; content that did not fill it is stretched along.
        content_width = sizes.content_width * (width / sizes.width)
        content_height = sizes.content_height * (height / sizes.height)
    else:
        ratio = np.minimum(MAX_ASPECT_RATIO, ROUNDED_RATIO * sizes.ratio)
        width = height = np.maximum(CELL, CELL * np.sqrt(cells * ratio))
        content_width, content_height = width, height
    return sizes.cut(
        width,
        height,
        cells * float(CELL**2),
        content_width=content_width,
        content_height=content_height,
        is_exact=is_exact,
        on_grid=True,
    )


def _random_crop(sizes: _Sizes, policy: RandomCrop, params: Mapping[str, Range]) -> _Sizes:
    aspect = max(params["aspect"][1], 1 / params["aspect"][0])
    share = params["area"][1]
    ratio = np.minimum(MAX_ASPECT_RATIO, sizes.ratio * aspect * ROUNDED_RATIO)
    width, height, area = sizes.width, sizes.height, sizes.area
    content_width, content_height = sizes.content_width, sizes.content_height
    # A window may be refused for the objects that it keeps; only where it cannot be is anything known to be smaller.
    if params["prob"][0] == 1 and policy.min_objects == 0 and not policy.skip_if_line:
        side = min(1.0, math.sqrt(share * aspect))
        width, height = np.ceil(side * width), np.ceil(side * height)
        longest = np.maximum(sizes.width, sizes.height)
        area = np.maximum(share * area + (sizes.width + sizes.height) / 2 + 1, longest)
        content_width = np.minimum(content_width, width)
        content_height = np.minimum(content_height, height)
    return sizes.cut(
        width,
        height,
        area,
        content_width=content_width,
        content_height=content_height,
        ratio=ratio,
        is_exact=False,
        on_grid=False,
    )


def _roi_crop(sizes: _Sizes, policy: RoiCrop, _params: Mapping[str, Range]) -> _Sizes:
    longest = np.maximum(sizes.width, sizes.height)
    ratio = np.minimum(MAX_ASPECT_RATIO, np.maximum(sizes.ratio, longest / policy.min_crop_size))
    return sizes.cut(
        sizes.width, sizes.height, sizes.area, ratio=ratio, is_exact=False, on_grid=False
    )


Rule = Callable[[_Sizes, Any, Mapping[str, Range]], _Sizes]
UNTOUCHED: tuple[OpName, ...] = (
    "hflip", "vflip", "color_jitter", "gamma", "hsv", "clahe", "auto_contrast", "solarize", "posterize", "sharpness", "blur",
    "noise", "jpeg_artifacts", "small_object_zoom_paste", "object_copy_paste",
)  # fmt: skip
RULES: Mapping[str, Rule | None] = {
    **dict.fromkeys(UNTOUCHED),
    "rotate": _rotate,
    "scale": _scale,
    "translate": _translate,
    "shear": _shear,
    "expand_to_fit_affine": _expand,
    "resize_by_scale": _resize_by_scale,
    "pad_to_multiple": _pad,
    "resize_to_budget": _resize_to_budget,
    "random_crop": _random_crop,
    "roi_crop": _roi_crop,
}


def _fit(width: Array, height: Array, budget: PixelBudget) -> tuple[Array, Array]:
    """`PixelBudget.fit`, element by element and in its very arithmetic."""
    fitted_width = np.maximum(CELL, np.round(width / CELL) * CELL)
    fitted_height = np.maximum(CELL, np.round(height / CELL) * CELL)
    area = fitted_width * fitted_height
    down = np.sqrt(width * height / budget.max_pixels)
    up = np.sqrt(budget.min_pixels / (width * height))
    results = []
    for side, fitted in ((width, fitted_width), (height, fitted_height)):
        smaller = np.maximum(CELL, np.floor(side / down / CELL) * CELL)
        larger = np.ceil(side * up / CELL) * CELL
        over, under = area > budget.max_pixels, area < budget.min_pixels
        results.append(np.where(over, smaller, np.where(under, larger, fitted)))
    return results[0], results[1]


def _fitted_cells(sizes: _Sizes, budget: PixelBudget) -> Array:
    """Cells after `fit` for every canvas within the bounds."""
    if sizes.is_exact:
        width, height = _fit(sizes.width, sizes.height, budget)
        return width * height / CELL**2
    sides = sizes.width + sizes.height
    rounded = np.maximum(1, np.round(sizes.width / CELL)) * np.maximum(
        1, np.round(sizes.height / CELL)
    )
    # Rounding adds at most half a cell a side, or makes a side one cell.
    half = CELL / 2
    longest = np.maximum(sizes.width, sizes.height)
    around = np.maximum(sizes.area + half * sides + half**2, CELL * (longest + half))
    by_area = np.floor(sizes.area if sizes.on_grid else around) / CELL**2
    plain = np.floor(np.maximum(1, np.minimum(rounded, by_area)))
    # Scaled down, the area stays below the cap, but a side never falls below one cell.
    most = budget.max_pixels // CELL**2
    thin = np.floor(np.sqrt(budget.max_pixels * sizes.ratio) / CELL)
    capped = np.maximum(most, np.where(sizes.ratio > most, thin, 1))
    # Scaled up, each side is rounded up by less than a cell.
    ratio = np.sqrt(sizes.ratio)
    least = math.sqrt(budget.min_pixels) / CELL
    grown = np.floor(least**2 + least * (ratio + 1 / ratio) + 1)
    return np.maximum(np.where(plain <= most, plain, capped), grown)


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
