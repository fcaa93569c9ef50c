"""A planned picture as pixels: decode once, one warp, colours.

Costs for a 1024x768 JPEG on one core: decode 3 to 4 ms, warp 2 to 4 ms, colour matrix 0.5 ms. Why it is fast: OpenCV 5's linear
warp is three times slower on three channels than on four, so pictures are decoded to RGBA; the fourth channel also tells fill
from content. Below scale 0.46 a JPEG is decoded at half size, which is faster and, being prefiltered, better.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from src.contract.images import size_issue
from src.contract.records import Source
from src.datasets.augmentation.colour import (
    Colour,
    ColourMatrix,
    apply_colours,
    apply_matrix,
    fused,
)
from src.datasets.augmentation.state import State
from src.datasets.geometry.affine import (
    Matrix,
    grid_map,
    inverse,
    largest_scale,
    rectangle,
    scaling,
    to_pixel_centres,
    transform_points,
    upright,
)
from src.datasets.geometry.clip import Path as Outline
from src.datasets.geometry.clip import area_of, clip_polygon
from src.datasets.scene import Pixels
from src.errors import RecordError
from src.images import RgbaPicture, load_rgba

Backend = Literal["opencv", "pillow"]
HALF_BELOW = 0.46  # where half-size decoding is better, not only faster (docs/benchmarks.md)
FAST_HALF_BELOW = 0.625  # enlarges by at most 1.25
SUBPIXEL_BITS = 8
OPAQUE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """How pixels are made. `fast_decode` allows half-size decoding up to scale 0.625."""

    fast_decode: bool = False
    backend: Backend = "opencv"

    def paint(self, path: Path, state: State, source: Source) -> Pixels:
        """RGB uint8 (height, width, 3) of the state's canvas.

        `ImageError` for a bad file, `RecordError` naming `source` when its upright size is not the one planned for.
        """
        scale = max(largest_scale(m) for m in (state.matrix, *(p.matrix for p in state.patches)))
        limit = FAST_HALF_BELOW if self.fast_decode else HALF_BELOW
        picture = load_rgba(path, halve=scale < limit)
        if picture.upright_size != state.source_size:
            raise RecordError(size_issue(source, state.source_size, path, picture.upright_size))
        colours = fused(state.colours)
        width, height = state.size
        matrix = state.matrix @ _stored_to_upright(picture)
        exact = None if state.patches else grid_map(matrix)
        covered = content_area(state) >= width * height - 1e-6
        if exact is not None and covered:
            pixels = _lattice(picture.pixels, exact, width, height)
            return apply_colours(pixels, colours, None) if colours else pixels
        border = None if covered else _border(colours, state.fill)
        canvas = self._warp(picture.pixels, matrix, state, border or (state.fill,) * 3)
        if not covered and _hides_content(state):
            _fill_outside(canvas, state.visible, border or (state.fill,) * 3)
        for patch in state.patches:
            self._lay(canvas, picture, patch.matrix, patch.outline)
        return _finish(canvas, colours, state.fill, needs_mask=not covered and border is None)

    def _warp(
        self, pixels: Pixels, matrix: Matrix, state: State, border: tuple[int, ...]
    ) -> Pixels:
        return warp(pixels, matrix, state.width, state.height, (*border, 0), self.backend)

    def _lay(
        self, canvas: Pixels, picture: RgbaPicture, patch_matrix: Matrix, outline: Outline
    ) -> None:
        """Copy a patch into its outline, anti-aliasing left out: a pixel is the patch's or it is not."""
        from src.utils.opencv import cv2

        xs, ys = [x for x, _ in outline], [y for _, y in outline]
        x1, y1 = max(0, int(np.floor(min(xs)))), max(0, int(np.floor(min(ys))))
        x2 = min(canvas.shape[1], int(np.ceil(max(xs))))
        y2 = min(canvas.shape[0], int(np.ceil(max(ys))))
        if x2 <= x1 or y2 <= y1:
            return
        matrix = patch_matrix @ _stored_to_upright(picture)
        shifted = matrix.copy()
        shifted[:2, 2] -= (x1, y1)
        patch = warp(picture.pixels, shifted, x2 - x1, y2 - y1, (0, 0, 0, 0), self.backend)
        mask = np.zeros(patch.shape[:2], dtype=np.uint8)
        cv2.fillPoly(mask, [_fixed_point(outline, x1, y1)], OPAQUE, shift=SUBPIXEL_BITS)
        mask[patch[..., 3] < OPAQUE] = 0
        cv2.copyTo(patch, mask, canvas[y1:y2, x1:x2])


def content_area(state: State) -> float:
    """Pixels of the canvas that show source content."""
    return min(area_of(state.visible), float(state.width * state.height))


def _stored_to_upright(picture: RgbaPicture) -> Matrix:
    """Decoded pixels (perhaps halved, not turned by EXIF) -> the upright picture at its full size."""
    # A half-size pixel stands for two whole ones a side, also where an odd size was rounded up.
    factor = 1.0 if picture.pixels.shape[1] == picture.stored_size[0] else 2.0
    return upright(picture.orientation, *picture.stored_size) @ scaling(factor, factor)


def warp(
    pixels: Pixels,
    matrix: Matrix,
    width: int,
    height: int,
    border: tuple[int, ...],
    backend: Backend = "opencv",
) -> Pixels:
    """RGBA (height, width, 4): linear interpolation of `pixels` through `matrix` (pixel edges), `border` outside."""
    if backend == "pillow":
        return _warp_by_pillow(pixels, matrix, width, height, border)
    from src.utils.opencv import cv2

    shrink = largest_scale(matrix)
    while shrink < HALF_BELOW and min(pixels.shape[:2]) >= 4:
        # Linear interpolation looks at two pixels a side: a smaller scale than this needs a prefilter.
        pixels, matrix = _halved(pixels, matrix)
        shrink *= 2
    return cast(
        Pixels,
        cv2.warpAffine(
            pixels,
            to_pixel_centres(matrix),
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=border,
        ),
    )


def _halved(pixels: Pixels, matrix: Matrix) -> tuple[Pixels, Matrix]:
    """2x2 means (of an even-sized part; the last odd row or column is stretched in by less than a pixel)."""
    from src.utils.opencv import cv2

    height, width = pixels.shape[:2]
    half = (width // 2, height // 2)
    small = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
    return cast(Pixels, small), matrix @ scaling(width / half[0], height / half[1])


def _warp_by_pillow(
    pixels: Pixels, matrix: Matrix, width: int, height: int, border: tuple[int, ...]
) -> Pixels:
    from PIL import Image

    # Pillow takes the inverse map and already adds half a pixel, so the pixel-edge matrix serves as it is.
    back = inverse(matrix)[:2].ravel().tolist()
    image = Image.fromarray(pixels)
    out = image.transform(
        (width, height), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR,
        fillcolor=tuple(border),
    )  # fmt: skip
    return np.array(out)


def _lattice(pixels: Pixels, numbers: tuple[int, ...], width: int, height: int) -> Pixels:
    """The picture through a map of the pixel grid onto itself, by slicing alone: bit-identical pixels."""
    a, b, c, d, e, f = numbers
    rgb = pixels[..., :3]
    if a == 0:  # x comes from y: mirror at the diagonal first
        rgb = rgb.transpose(1, 0, 2)
        a, e = b, d
    if a < 0:
        rgb, c = rgb[:, ::-1], c - rgb.shape[1]
    if e < 0:
        rgb, f = rgb[::-1], f - rgb.shape[0]
    return np.ascontiguousarray(rgb[-f : height - f, -c : width - c])


def _border(colours: list[Colour], fill: int) -> tuple[int, int, int] | None:
    """The border value that the colours turn into exactly `fill`; None when there is none (then fill is put back)."""
    if not colours:
        return fill, fill, fill
    if len(colours) > 1 or not isinstance(colours[0], ColourMatrix):
        return None
    matrix = colours[0].matrix
    linear = matrix[:, :3]
    if abs(np.linalg.det(linear)) < 1e-6:
        return None
    wanted = np.linalg.solve(linear, fill - matrix[:, 3])
    base = np.floor(wanted).astype(int)
    for offset in product((0, 1), repeat=3):
        value = base + offset
        if value.min() < 0 or value.max() > 255:
            continue
        pixel = value.astype(np.uint8)[None, None]
        if (apply_matrix(pixel, colours[0]) == fill).all():
            red, green, blue = value.tolist()
            return red, green, blue
    return None


def _hides_content(state: State) -> bool:
    """Whether an earlier op cut away source content that the one warp would show again."""
    source_width, source_height = state.source_size
    shown = abs(np.linalg.det(state.matrix[:2, :2])) * source_width * source_height
    # Content cut only by the canvas itself needs nothing: pixels outside the canvas are not painted.
    if abs(area_of(state.visible) - shown) <= 1e-6 * shown:
        return False
    return not _is_cut_by_canvas_alone(state)


def _is_cut_by_canvas_alone(state: State) -> bool:
    whole = transform_points(np.array(rectangle(*state.source_size)), state.matrix)
    window = (0.0, 0.0, float(state.width), float(state.height))
    parts = clip_polygon([(x, y) for x, y in whole.tolist()], window)
    area = sum(area_of(part) for part in parts)
    return abs(area - area_of(state.visible)) <= 1e-6 * max(1.0, area)


def _fixed_point(outline: Outline, x0: float = 0.0, y0: float = 0.0) -> NDArray[np.int32]:
    """OpenCV's polygon coordinates: pixel centres, `SUBPIXEL_BITS` fractional bits."""
    points = np.array(outline) - (x0 + 0.5, y0 + 0.5)
    return np.rint(points * (1 << SUBPIXEL_BITS)).astype(np.int32)


def _fill_outside(canvas: Pixels, visible: Outline, border: tuple[int, ...]) -> None:
    from src.utils.opencv import cv2

    outside = np.full(canvas.shape[:2], OPAQUE, dtype=np.uint8)
    cv2.fillConvexPoly(outside, _fixed_point(visible), 0, shift=SUBPIXEL_BITS)
    canvas[outside > 0] = (*border, 0)


def _finish(canvas: Pixels, colours: list[Colour], fill: int, *, needs_mask: bool) -> Pixels:
    """RGBA canvas -> RGB with its colours; with `needs_mask` the fill is put back where there is no content."""
    from src.utils.opencv import cv2

    rgb = cast(Pixels, cv2.cvtColor(canvas, cv2.COLOR_RGBA2RGB))
    if not colours:
        return rgb
    if not needs_mask:
        # Either there is no fill, or its border value is what the one matrix turns into the fill.
        return apply_colours(rgb, colours, None)
    valid = cast(NDArray[np.uint8], cv2.extractChannel(canvas, 3))
    painted = apply_colours(rgb, colours, valid)
    return cast(Pixels, cv2.copyTo(painted, valid, np.full_like(rgb, fill)))
