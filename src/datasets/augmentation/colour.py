"""Colour changes as plain data, and how a list of them is applied to pixels in as few passes as possible.

Pixels are RGB uint8 (H, W, 3). Consecutive matrices become one 3x4 matrix, without rounding in between, and consecutive
tables one table; the rest is one pass each. `cv2` is imported where it is used: planning needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from src.datasets.scene import Pixels
from src.rng import generator

MID_GREY = 128.0
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
CHANNELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourMatrix:
    """rgb' = M rgb + offset; `numbers` are the rows of the 3x4 matrix [M | offset]."""

    numbers: tuple[float, ...]
    kind: Literal["matrix"] = "matrix"

    @property
    def matrix(self) -> NDArray[np.float64]:
        return np.array(self.numbers).reshape(3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gamma:
    """v' = gain * v ** gamma on 0..1."""

    gamma: float
    gain: float
    kind: Literal["gamma"] = "gamma"


@dataclass(frozen=True, slots=True, kw_only=True)
class Solarize:
    """Values from `threshold` on are inverted."""

    threshold: int
    kind: Literal["solarize"] = "solarize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterize:
    """Only the top `bits` bits of a value stay."""

    bits: int
    kind: Literal["posterize"] = "posterize"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoContrast:
    """Each channel's range, without `cutoff` percent at either end, is stretched to 0..255 (fill not counted)."""

    cutoff: float
    kind: Literal["auto_contrast"] = "auto_contrast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hsv:
    """Hue turned by `degrees`, saturation and value multiplied."""

    degrees: float
    saturation: float
    value: float
    kind: Literal["hsv"] = "hsv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clahe:
    """Contrast-limited adaptive histogram equalisation of the lightness channel (Lab)."""

    clip_limit: float
    tile_grid: tuple[int, int]
    kind: Literal["clahe"] = "clahe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness:
    """Blend with a 3x3-smoothed copy: 0 is the smoothed copy, 1 the picture, above 1 sharper (as Pillow's)."""

    factor: float
    kind: Literal["sharpness"] = "sharpness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blur:
    """Gaussian blur; `sigma` in pixels."""

    sigma: float
    kind: Literal["blur"] = "blur"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Independent Gaussian noise of standard deviation `sigma` (grey levels), from its own seed."""

    sigma: float
    seed: int
    kind: Literal["noise"] = "noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegArtifacts:
    """Compressed and decompressed once as JPEG."""

    quality: int
    kind: Literal["jpeg"] = "jpeg"


Table = Gamma | Solarize | Posterize | AutoContrast
Colour = ColourMatrix | Table | Hsv | Clahe | Sharpness | Blur | Noise | JpegArtifacts


def jitter_matrix(brightness: float, contrast: float, saturation: float) -> ColourMatrix:
    """Brightness (factor), then contrast (about mid grey 128), then saturation (about BT.601 luma), as one matrix.

    The pivot of contrast is fixed, not the picture's mean: the result is then the same for a crop of the picture as for the
    crop's part in the whole, and one pass suffices.
    """
    gain, offset = contrast * brightness, (1 - contrast) * MID_GREY
    # Rows of gain * (s I + (1 - s) 1 luma'); a grey offset is not changed by the saturation.
    red, green, blue = (gain * ((1 - saturation) * weight) for weight in LUMA)
    own_red, own_green, own_blue = (
        gain * ((1 - saturation) * weight + saturation) for weight in LUMA
    )
    return ColourMatrix(
        numbers=(
            *(own_red, green, blue, offset),
            *(red, own_green, blue, offset),
            *(red, green, own_blue, offset),
        )
    )


def fused(colours: Sequence[Colour]) -> list[Colour]:
    """The colours with consecutive matrices multiplied."""
    result: list[Colour] = []
    for colour in colours:
        last = result[-1] if result else None
        if isinstance(colour, ColourMatrix) and isinstance(last, ColourMatrix):
            first, second = np.vstack([last.matrix, [0, 0, 0, 1]]), colour.matrix
            result[-1] = ColourMatrix(numbers=tuple((second @ first).ravel().tolist()))
        else:
            result.append(colour)
    return result


def apply_matrix(pixels: Pixels, colour: ColourMatrix) -> Pixels:
    """Rounded to nearest and saturated."""
    from src.utils.opencv import cv2

    return cast(Pixels, cv2.transform(pixels, colour.matrix.astype(np.float32)))


def apply_colours(
    pixels: Pixels, colours: Sequence[Colour], valid: NDArray[np.uint8] | None
) -> Pixels:
    """All colours in order; `valid` (H, W) is 0 where there is fill, which statistics leave out."""
    waiting: list[Table] = []
    for colour in fused(colours):
        if isinstance(colour, Gamma | Solarize | Posterize):
            waiting.append(colour)
            continue
        if waiting:
            pixels = _looked_up(pixels, [_table_of(table) for table in waiting])
            waiting = []
        pixels = _apply_one(pixels, colour, valid)
    if waiting:
        pixels = _looked_up(pixels, [_table_of(table) for table in waiting])
    return pixels


def _table_of(colour: Table) -> NDArray[np.float64]:
    """(256,) what each value becomes, not rounded yet."""
    values = np.arange(256.0)
    if isinstance(colour, Gamma):
        return np.clip(255.0 * colour.gain * (values / 255.0) ** colour.gamma, 0, 255)
    if isinstance(colour, Solarize):
        return np.where(values >= colour.threshold, 255 - values, values)
    assert isinstance(colour, Posterize), colour
    return values - values % (1 << (8 - colour.bits))


def _looked_up(pixels: Pixels, tables: list[NDArray[np.float64]]) -> Pixels:
    from src.utils.opencv import cv2

    table = np.arange(256, dtype=np.uint8)
    for one in tables:
        table = np.rint(one).astype(np.uint8)[table]
    return cast(Pixels, cv2.LUT(pixels, table))


def _apply_one(pixels: Pixels, colour: Colour, valid: NDArray[np.uint8] | None) -> Pixels:
    from src.utils.opencv import cv2

    match colour:
        case ColourMatrix():
            return apply_matrix(pixels, colour)
        case AutoContrast():
            return _auto_contrast(pixels, colour.cutoff, valid)
        case Hsv():
            return _hsv(pixels, colour)
        case Clahe():
            lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab)
            equaliser = cv2.createCLAHE(colour.clip_limit, colour.tile_grid)
            lab[..., 0] = equaliser.apply(np.ascontiguousarray(lab[..., 0]))
            return cast(Pixels, cv2.cvtColor(lab, cv2.COLOR_Lab2RGB))
        case Sharpness():
            kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], dtype=np.float32) / 13
            smooth = cv2.filter2D(pixels, -1, kernel, borderType=cv2.BORDER_REPLICATE)
            return cast(
                Pixels, cv2.addWeighted(pixels, colour.factor, smooth, 1 - colour.factor, 0)
            )
        case Blur():
            return cast(
                Pixels,
                cv2.GaussianBlur(pixels, (0, 0), colour.sigma, borderType=cv2.BORDER_REPLICATE),
            )
        case Noise():
            drawn = generator(colour.seed, "noise").standard_normal(pixels.shape, dtype=np.float32)
            return np.clip(np.rint(pixels + colour.sigma * drawn), 0, 255).astype(np.uint8)
        case _:
            assert isinstance(colour, JpegArtifacts), colour
            bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
            done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, colour.quality])
            assert done
            return cast(
                Pixels, cv2.cvtColor(cast(Pixels, cv2.imdecode(data, 1)), cv2.COLOR_BGR2RGB)
            )


def _auto_contrast(pixels: Pixels, cutoff: float, valid: NDArray[np.uint8] | None) -> Pixels:
    from src.utils.opencv import cv2

    tables = np.empty((256, CHANNELS), dtype=np.uint8)
    for channel in range(CHANNELS):
        counts = cv2.calcHist([pixels], [channel], valid, [256], [0, 256]).ravel()
        share = np.cumsum(counts) / max(1.0, counts.sum())
        low = int(np.searchsorted(share, cutoff / 100, side="right"))
        high = int(np.searchsorted(share, 1 - cutoff / 100, side="left"))
        scale = 255.0 / (high - low) if high > low else 1.0
        origin = low if high > low else 0
        tables[:, channel] = np.clip(np.rint((np.arange(256) - origin) * scale), 0, 255)
    return cast(Pixels, cv2.LUT(pixels, tables[None]))


def _hsv(pixels: Pixels, colour: Hsv) -> Pixels:
    from src.utils.opencv import cv2

    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL)  # hue 0..255 for the full circle
    values = np.arange(256.0)
    tables = np.stack(
        [
            np.mod(np.rint(values + colour.degrees * 256 / 360), 256),
            np.clip(np.rint(values * colour.saturation), 0, 255),
            np.clip(np.rint(values * colour.value), 0, 255),
        ],
        axis=1,
    ).astype(np.uint8)
    return cast(Pixels, cv2.cvtColor(cv2.LUT(hsv, tables[None]), cv2.COLOR_HSV2RGB_FULL))
