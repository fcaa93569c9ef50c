"""Pictures as JPEG bytes for embedding: each distinct picture once, all of them within a budget of bytes.

Cost: decode, scale and one or two encodings, about 10 ms for 1024x768.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from src.images import load_rgb
from src.report.model import Picture

LARGEST_SIDE = 1024
JPEG_QUALITY = 82
# 14.5 MB as base64, which leaves room for the texts in a page of 15 MB.
BUDGET_BYTES = 10_500_000
MOST_BYTES = 90_000
LEAST_BYTES = 10_000


def distinct(pictures: Iterable[Picture]) -> tuple[list[Picture], list[int]]:
    """The pictures without repetitions, and for each given one its index there: same file, or same content in memory."""
    kept: dict[str, int] = {}
    unique: list[Picture] = []
    places = []
    for picture in pictures:
        key = _key(picture)
        if key not in kept:
            kept[key] = len(unique)
            unique.append(picture)
        places.append(kept[key])
    return unique, places


def _key(picture: Picture) -> str:
    if isinstance(picture, Path):
        return str(picture.absolute())
    if isinstance(picture, bytes):
        return hashlib.blake2b(picture, digest_size=16).hexdigest()
    digest = hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=16).hexdigest()
    return f"{picture.shape}{digest}"


def share_of(count: int) -> int:
    """Bytes that each of `count` pictures may take; beyond 1,050 pictures the whole grows with their number."""
    return min(MOST_BYTES, max(LEAST_BYTES, BUDGET_BYTES // max(1, count)))


def jpeg(picture: Picture, most_bytes: int) -> bytes:
    """The picture as a JPEG of at most `LARGEST_SIDE` pixels a side, made smaller until it fits `most_bytes`."""
    image = Image.fromarray(rgb(picture))
    side = min(LARGEST_SIDE, max(image.size))
    while True:
        data = _encoded(image, side)
        if len(data) <= most_bytes or side <= 64:
            return data
        # A JPEG's bytes grow a little slower than its pixels; aim somewhat below.
        side = max(64, int(side * min(0.9, 0.95 * (most_bytes / len(data)) ** 0.5)))


def rgb(picture: Picture) -> NDArray[np.uint8]:
    """Upright RGB uint8 (H, W, 3). `ImageError` for a file that cannot be decoded."""
    if isinstance(picture, Path):
        return load_rgb(picture)
    if isinstance(picture, bytes):
        return np.asarray(Image.open(io.BytesIO(picture), formats=("JPEG",)).convert("RGB"))
    return picture


def _encoded(image: Image.Image, side: int) -> bytes:
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
