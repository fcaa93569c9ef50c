"""Bring a picture to the model's grid and budget once and for all: the size it gets, and its bytes at that size.

The pixels are upright before they are scaled, so that no EXIF data need to be kept. Cost: decode, scale and encode, 8 ms for
640x480 JPEG.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.errors import ImageError
from src.images import FORMAT_OF_SUFFIX

PNG_COMPRESSION = 3


def scaled(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """RGB uint8 (H, W, 3) at `size` (width, height): by area where it shrinks, else cubic."""
    from src.utils.opencv import cv2

    height, width = pixels.shape[:2]
    shrinks = size[0] * size[1] < width * height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), dtype=np.uint8)


def encoded(pixels: NDArray[np.uint8], name: str, quality: int) -> bytes:
    """RGB uint8 pixels as the bytes of a file called `name` (its suffix gives the format).

    JPEG (4:2:0) and WebP at `quality`; PNG and BMP lose nothing. `ImageError` for a suffix of another format.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in FORMAT_OF_SUFFIX:
        raise ImageError.say(
            "a picture cannot be written in this format",
            where=name,
            rule="image-file",
            expected=", ".join(FORMAT_OF_SUFFIX),
        )
    kind = FORMAT_OF_SUFFIX[suffix]
    if kind == "JPEG":
        import simplejpeg

        data: bytes = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), quality=quality, colorspace="RGB", colorsubsampling="420"
        )
        return data
    if kind == "WEBP":
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "WEBP", quality=quality)
        return buffer.getvalue()
    from src.utils.opencv import cv2

    flags = [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION] if kind == "PNG" else []
    done, array = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), flags)
    assert done, name
    return bytes(array)
