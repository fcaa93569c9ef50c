"""Upper bounds of a picture's canvas, op by op; `src.datasets.augmentation.bounds` tells what for.

Exact for flips, quarter turns, padding and a resize to the budget. Elsewhere each side is bounded on its own, and the area by the
op's cap. A crop that may be refused never lowers a bound. Everything is an array over pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.budget import CELL, MAX_ASPECT_RATIO, PixelBudget
from src.datasets.augmentation.config import OpName
from src.datasets.augmentation.drawing import Policy
from src.datasets.augmentation.ops.affine import Rotate, Scale, Shear
from src.datasets.augmentation.ops.canvas import (
    ExpandToFitAffine,
    PadToMultiple,
    ResizeByScale,
    ResizeToBudget,
)
from src.datasets.augmentation.ops.crop import RandomCrop, RoiCrop

Array = NDArray[np.float64]
Range = tuple[float, float]
SLACK = 1e-7  # below the 1e-6 that ops take for float noise, above what these sums round by
ROUNDED_RATIO = (
    3.0  # rounding a side to a positive multiple changes it by 2/3 to 2, so a ratio by 3
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
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

    def resized(self, width: Array, height: Array, area: Array | None = None, **more: Any) -> Sizes:
        """Another canvas; its area is bounded by its sides and by `area`."""
        product = width * height
        smaller = product if area is None else np.minimum(product, area)
        return replace(self, width=width, height=height, area=smaller, **more)

    def cut(self, width: Array, height: Array, area: Array | None = None, **more: Any) -> Sizes:
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

    def moved(self, width: Array, height: Array, condition: float = 1.0) -> Sizes:
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


def start(width: Array, height: Array) -> Sizes:
    return Sizes(
        width=width,
        height=height,
        area=width * height,
        content_width=width,
        content_height=height,
        ratio=np.maximum(width, height) / np.minimum(width, height),
        source_area=width * height,
    )


def after(sizes: Sizes, policy: Policy, params: Mapping[str, Range]) -> list[Sizes]:
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


def _rotate(sizes: Sizes, policy: Rotate, params: Mapping[str, Range]) -> Sizes:
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


def _scale(sizes: Sizes, _policy: Scale, params: Mapping[str, Range]) -> Sizes:
    factor = max(1.0, params["hi"][1])
    return sizes.moved(sizes.content_width * factor, sizes.content_height * factor)


def _translate(sizes: Sizes, _policy: Policy, _params: Mapping[str, Range]) -> Sizes:
    return sizes.moved(sizes.content_width, sizes.content_height)


def _shear(sizes: Sizes, _policy: Shear, params: Mapping[str, Range]) -> Sizes:
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


def _expand(sizes: Sizes, policy: ExpandToFitAffine, _params: Mapping[str, Range]) -> Sizes:
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


def _resize_by_scale(sizes: Sizes, policy: ResizeByScale, params: Mapping[str, Range]) -> Sizes:
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


def _pad(sizes: Sizes, policy: PadToMultiple, _params: Mapping[str, Range]) -> Sizes:
    multiple = policy.multiple
    return sizes.cut(
        _up(sizes.width, multiple),
        _up(sizes.height, multiple),
        sizes.area + multiple * (sizes.width + sizes.height) + multiple**2,
        content_width=np.minimum(sizes.content_width, sizes.width),
        content_height=np.minimum(sizes.content_height, sizes.height),
        on_grid=multiple % CELL == 0,
    )


def _resize_to_budget(sizes: Sizes, policy: ResizeToBudget, params: Mapping[str, Range]) -> Sizes:
    low, high = params["max_pixels"]
    budget = PixelBudget(min_pixels=policy.min_pixels, max_pixels=int(high))
    cells = fitted_cells(sizes, budget)
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


def _random_crop(sizes: Sizes, policy: RandomCrop, params: Mapping[str, Range]) -> Sizes:
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


def _roi_crop(sizes: Sizes, policy: RoiCrop, _params: Mapping[str, Range]) -> Sizes:
    longest = np.maximum(sizes.width, sizes.height)
    ratio = np.minimum(MAX_ASPECT_RATIO, np.maximum(sizes.ratio, longest / policy.min_crop_size))
    return sizes.cut(
        sizes.width, sizes.height, sizes.area, ratio=ratio, is_exact=False, on_grid=False
    )


Rule = Callable[[Sizes, Any, Mapping[str, Range]], Sizes]
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


def fitted_cells(sizes: Sizes, budget: PixelBudget) -> Array:
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
