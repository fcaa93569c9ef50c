"""LabelMe's mask shapes: a PNG in base64 that covers the pixels between two corners, both included."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_conversion.pipeline.object_notes import Notes

PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
MAX_SIDE = 65_535
MAX_PIXELS = 100_000_000


def decode_mask(
    encoded: Any, corners: Sequence[tuple[float, float]], notes: Notes
) -> tuple[NDArray[np.bool_], int, int] | None:
    """(pixels, left, top): the mask (height, width), and the picture's column and row of its first pixel.

    None with a note when the PNG is broken or is not as large as the corners say.
    """
    import cv2

    (x1, y1), (x2, y2) = corners
    left, top = round(min(x1, x2)), round(min(y1, y2))
    spans = (round(max(x1, x2)) - left, round(max(y1, y2)) - top)
    try:
        data = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if len(data) < len(PNG_START) + 8 or not data.startswith(PNG_START):
        notes.add("dropped", "mask-broken", "the mask is no PNG in base64")
        return None
    size = struct.unpack(">II", data[len(PNG_START) : len(PNG_START) + 8])
    # Versions differ by one in whether the last pixel's far edge is the corner.
    if any(side - span not in (0, 1) for side, span in zip(size, spans, strict=True)):
        notes.add(
            "dropped", "mask-size", "the mask is not as large as its corners say",
            f"{size[0]}x{size[1]} between {x1:g} {y1:g} and {x2:g} {y2:g}",
        )  # fmt: skip
        return None
    is_sane = max(size) <= MAX_SIDE and size[0] * size[1] <= MAX_PIXELS
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if is_sane else None
    if pixels is None:
        notes.add("dropped", "mask-broken", "the mask's PNG cannot be decoded")
        return None
    is_set: NDArray[np.bool_] = np.any(pixels.reshape(*pixels.shape[:2], -1)[:, :, :3], axis=2)
    return is_set, left, top
