"""Picture files: header checks, full decoding, EXIF orientation. Accepts JPEG, PNG, WebP and BMP.

A file is refused (`ImageError`) when it is missing, empty, truncated, animated, larger than the limits
by its header, or of another format than its name says. Colour rules: grey, palette, CMYK and 1-bit
become RGB; transparency is laid on white; 16-bit grey is scaled to 8 bit. EXIF orientation is applied
exactly once, here. Cost: the decode, about 4 ms for 1024x768 JPEG.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from src.errors import ImageError

FORMAT_OF_SUFFIX = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"}
SUFFIXES = tuple(FORMAT_OF_SUFFIX)
ORIENTATION_TAG = 0x0112
WHITE = (255, 255, 255)
PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What a header may announce before anything is decoded."""

    max_pixels: int = 100_000_000
    max_side: int = 65_535
    max_bytes: int = 512 << 20


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """Stored size in pixels, format ("JPEG", "PNG", "WEBP", "BMP") and EXIF orientation (1 to 8)."""

    width: int
    height: int
    format: str
    orientation: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) after the EXIF orientation."""
        if self.orientation >= 5:
            return self.height, self.width
        return self.width, self.height


def _refuse(path: Path, message: str, **details: str) -> ImageError:
    return ImageError.say(message, where=str(path), rule="image-file", **details)


@dataclass(frozen=True, slots=True, eq=False)
class RgbaPicture:
    """Pixels as stored (EXIF orientation not applied), RGBA uint8 (H, W, 4), alpha 255; perhaps at half size.

    `stored_size`: (width, height) of the file's full picture.
    """

    pixels: NDArray[np.uint8]
    stored_size: tuple[int, int]
    orientation: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) after the EXIF orientation."""
        width, height = self.stored_size
        return (height, width) if self.orientation >= 5 else (width, height)


@contextmanager
def _opened(path: Path, limits: ImageLimits) -> Iterator[BinaryIO]:
    """The file, not empty and not too large; an `OSError` becomes an `ImageError`."""
    try:
        with path.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size > limits.max_bytes:
                raise _refuse(path, "the file is too large", got=f"{size} bytes")
            if not size:
                raise _refuse(path, "the image file is empty", remedy="export it again")
            yield handle
    except OSError as error:
        raise _refuse(
            path,
            f"cannot read the image: {error.strerror or error}",
            remedy="check the path in the JSONL and the folder it is relative to",
        ) from error


def _open(path: Path, file: BinaryIO, limits: ImageLimits) -> tuple[Image.Image, ImageHeader]:
    """A lazily opened image whose header passed every check."""
    expected = FORMAT_OF_SUFFIX.get(path.suffix.lower())
    if expected is None:
        raise _refuse(path, "not a supported kind of image file", expected=", ".join(SUFFIXES))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning: the limits below are ours
            image = Image.open(file, formats=("JPEG", "PNG", "WEBP", "BMP"))
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
    ) as error:
        # Pillow's own words name the address of an object, which differs from run to run.
        reason = "unknown content" if isinstance(error, UnidentifiedImageError) else error
        raise _refuse(path, f"not a readable image: {reason}", remedy="export it again") from error
    # Phones write several pictures into one JPEG (MPO); the first is the photograph.
    found = "JPEG" if image.format == "MPO" else str(image.format)
    if found != expected:
        raise _refuse(
            path,
            "the content is of another format than the name says",
            got=found,
            expected=expected,
            remedy=f"rename it to *.{found.lower()}, or export it again",
        )
    width, height = image.size
    if width < 1 or height < 1:
        raise _refuse(path, "the image has no pixels", got=f"{width}x{height}")
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise _refuse(
            path, "the image is too large to decode", got=f"{width}x{height}",
            expected=f"at most {limits.max_pixels} pixels", remedy="scale it down",
        )  # fmt: skip
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise _refuse(path, "animated images are not supported", remedy="export a single frame")
    return image, ImageHeader(
        width=width, height=height, format=found, orientation=_orientation(image)
    )


def _orientation(image: Image.Image) -> int:
    """EXIF orientation; 1 where there is none or it is not one of the eight."""
    try:
        value = image.getexif()[ORIENTATION_TAG]
    except (KeyError, OSError, ValueError, SyntaxError, TypeError):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_header(path: Path, *, limits: ImageLimits = DEFAULT_LIMITS) -> ImageHeader:
    """Size, format and orientation; the pixels are not decoded."""
    path = Path(path)
    with _opened(path, limits) as handle:
        return _open(path, handle, limits)[1]


def load_rgb(path: Path, *, limits: ImageLimits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """The upright picture, fully decoded: RGB uint8 (height, width, 3).

    JPEG goes through simplejpeg, which gives the same pixels in half the time; what it refuses, Pillow judges.
    """
    path = Path(path)
    with _opened(path, limits) as handle:
        data = handle.read()
    image, header = _open(path, io.BytesIO(data), limits)
    _check_end(path, data, header.format)
    pixels = _decode_plain_jpeg(data) if header.format == "JPEG" and image.mode == "RGB" else None
    if pixels is None:
        pixels = _decode_by_pillow(path, image)
    return upright(pixels, header.orientation)


def load_rgba(
    path: Path, *, halve: bool = False, limits: ImageLimits = DEFAULT_LIMITS
) -> RgbaPicture:
    """The picture as stored, fully decoded to RGBA for one warp that also turns it upright; see `load_rgb` for the rules.

    JPEG goes through simplejpeg (libjpeg-turbo, as Pillow's); `halve` lets it decode at half size by the DCT.
    """
    path = Path(path)
    with _opened(path, limits) as handle:
        data = handle.read()
    image, header = _open(path, io.BytesIO(data), limits)
    _check_end(path, data, header.format)
    stored = (header.width, header.height)
    if header.format == "JPEG" and image.mode in ("RGB", "L"):
        return RgbaPicture(_decode_jpeg(path, data, stored, halve), stored, header.orientation)
    rgb = _decode_by_pillow(path, image)
    rgba = np.full((*rgb.shape[:2], 4), 255, dtype=np.uint8)
    rgba[..., :3] = rgb
    return RgbaPicture(rgba, stored, header.orientation)


def _decode_jpeg(path: Path, data: bytes, size: tuple[int, int], halve: bool) -> NDArray[np.uint8]:
    import simplejpeg

    # The smallest DCT scale that is still at least this large is taken: one half, never less.
    least = (max(1, size[0] // 2), max(1, size[1] // 2)) if halve else (0, 0)
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGBA", min_width=least[0], min_height=least[1], min_factor=1
        )
    except ValueError as error:
        raise _damaged(path, error) from error
    return pixels


def _decode_plain_jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """RGB pixels of a JPEG in which the decoder finds nothing to complain about; else None."""
    import simplejpeg

    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB")
    except ValueError:
        return None
    return pixels


def _decode_by_pillow(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    try:
        image.load()
        return np.asarray(_to_rgb(image))
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ImageError:
    return _refuse(path, f"damaged or truncated image: {error}", remedy="export or copy it again")


def _check_end(path: Path, data: bytes, kind: str) -> None:
    """Decoders forgive a missing end; a file that lost its end is truncated all the same."""
    complete = True
    if kind == "PNG":
        complete = PNG_END in data
    elif kind == "WEBP":
        complete = len(data) >= int.from_bytes(data[4:8], "little") + 8
    elif kind == "JPEG":
        complete = data.rfind(b"\xff\xd9") > _jpeg_scan_start(data)
    if not complete:
        raise _refuse(path, "truncated image: its end is missing", remedy="copy it again")


def _jpeg_scan_start(data: bytes) -> int:
    """Offset of the first scan: an end marker before it is that of an EXIF thumbnail (T.81, B.1)."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xDA:
            return position
        position += 2
        if not 0xD0 <= marker <= 0xD8 and marker != 0x01:
            position += int.from_bytes(data[position : position + 2], "big")
    return position


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        wide = np.asarray(image).astype(np.float64)
        if wide.size and wide.max() > 65535:
            raise ValueError("32-bit grey images are not supported")
        return Image.fromarray(np.round(wide / 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point images are not supported")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        canvas = Image.new("RGBA", layer.size, (*WHITE, 255))
        return Image.alpha_composite(canvas, layer).convert("RGB")
    return image.convert("RGB")


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Stored pixels (H, W, C) as they are meant to be seen: an EXIF orientation applied (TIFF 6.0, tag 274)."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    # After the transpose, 5..8 need the same mirrors as 1, 2, 4, 3 do.
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def orientation_points(
    points: NDArray[np.float64], orientation: int, width: int, height: int
) -> NDArray[np.float64]:
    """Points (N, 2) on the stored width x height picture -> the same places on the upright one (pixel edges)."""
    x, y = points[:, 0], points[:, 1]
    if orientation >= 5:
        x, y = y, x
        width, height = height, width
    if orientation in (2, 3, 6, 7):
        x = width - x
    if orientation in (3, 4, 7, 8):
        y = height - y
    return np.stack([x, y], axis=1)
