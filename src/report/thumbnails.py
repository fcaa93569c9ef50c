"""Pictures as JPEG bytes for embedding: each distinct picture once, all of them within a budget of bytes.

Cost: decode, scale and some encodings; 6 ms of a core for 640x480.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from src.images import load_rgb, load_rgba, read_header, upright
from src.report.model import Picture
from src.utils.opencv import cv2

LARGEST_SIDE = 1024
SMALLEST_SIDE = 64
JPEG_QUALITY = 82
# 12.8 MB as base64; texts and shapes need the rest of 15 MB.
BUDGET_BYTES = 9_600_000
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
    """Bytes that each of `count` pictures may take; beyond 960 pictures the whole grows with their number."""
    return min(MOST_BYTES, max(LEAST_BYTES, BUDGET_BYTES // max(1, count)))


def jpegs(pictures: Sequence[Picture], most_bytes: int) -> list[bytes]:
    """Each picture as a JPEG of at most `most_bytes`, in order, on all cores (codecs run outside the interpreter's lock)."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda picture: jpeg(picture, most_bytes), pictures))


def jpeg(picture: Picture, most_bytes: int) -> bytes:
    """The picture as a JPEG of at most `LARGEST_SIDE` pixels a side, made smaller until it fits `most_bytes`."""
    # Large photographs are reduced once; what follows works on a million pixels at most.
    pixels = _reduced(decoded(picture), LARGEST_SIDE)
    while True:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
        size = len(buffer.getvalue())
        side = max(pixels.shape[:2])
        if size <= most_bytes or side <= SMALLEST_SIDE:
            return buffer.getvalue()
        # A JPEG's bytes grow a little slower than its pixels; aim somewhat below.
        side = int(side * min(0.9, 0.95 * (most_bytes / size) ** 0.5))
        pixels = _reduced(pixels, max(SMALLEST_SIDE, side))


def _reduced(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    height, width = (max(1, round(extent * scale)) for extent in pixels.shape[:2])
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def decoded(picture: Picture) -> NDArray[np.uint8]:
    """As `rgb`, but a JPEG of which half the size is enough is decoded at half its size. `ImageError` as there."""
    if isinstance(picture, Path) and max(read_header(picture).upright_size) >= 2 * LARGEST_SIDE:
        half = load_rgba(picture, halve=True)
        return upright(half.pixels[..., :3], half.orientation)
    if isinstance(picture, bytes):
        image = Image.open(io.BytesIO(picture), formats=("JPEG",))
        scale = LARGEST_SIDE / max(image.size)
        image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
        return np.asarray(image.convert("RGB"))
    return rgb(picture)


def rgb(picture: Picture) -> NDArray[np.uint8]:
    """Upright RGB uint8 (H, W, 3). `ImageError` for a file that cannot be decoded."""
    if isinstance(picture, Path):
        return load_rgb(picture)
    if isinstance(picture, bytes):
        return np.asarray(Image.open(io.BytesIO(picture), formats=("JPEG",)).convert("RGB"))
    return picture
