"""Masks as COCO writes them (run lengths down the columns), and their outlines along the edges of pixels.

faster-coco-eval decodes and encodes; it is imported where it is used. Cost: some milliseconds for a mask of 640x480.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_conversion.pipeline.raw import Points

Mask = NDArray[np.uint8]
"""(height, width), 1 inside."""


def decode_rle(segmentation: Mapping[str, Any], size: tuple[int, int]) -> Mask:
    """The mask of a run-length object `{"size": [height, width], "counts": list or text}`.

    `ValueError` when it is not one of a picture of `size` (width, height): another size, counts that do not fill it.
    """
    from faster_coco_eval import mask

    height, width = size[1], size[0]
    if segmentation.get("size") != [height, width]:
        raise ValueError(
            f"a mask of size {segmentation.get('size')} in a picture of {[height, width]}"
        )
    counts = segmentation.get("counts")
    encoded: Any = segmentation
    try:
        if isinstance(counts, list):
            if not all(type(count) is int and 0 <= count <= width * height for count in counts):
                raise ValueError("a run length is no whole number of pixels")
            encoded = mask.frPyObjects(dict(segmentation), height, width)
        elif not isinstance(counts, str) or not counts.isascii():
            raise ValueError("counts are neither a list nor text")
        decoded: Mask = np.ascontiguousarray(mask.decode(encoded), dtype=np.uint8)
    except RuntimeError as error:  # how the library says that the text is cut
        raise ValueError(str(error)) from error
    return decoded


def encode_rle(mask_pixels: Mask) -> dict[str, Any]:
    """The compressed run-length object of a mask, `counts` as text."""
    from faster_coco_eval import mask

    encoded = mask.encode(np.asfortranarray(mask_pixels))
    counts = encoded["counts"]
    return {
        "size": [int(side) for side in encoded["size"]],
        "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts,
    }


def mask_outlines(mask_pixels: Mask) -> tuple[tuple[Points, ...], int]:
    """(the outlines of a mask, how many pixels its holes had).

    Pixel-edge convention: an outline runs along the edges of pixels and turns at their corners, so the outlines enclose exactly
    the mask's pixels and those of its holes, which are filled. Pixels that touch at a corner belong together. Clockwise
    on the screen, in order of their topmost rows.
    """
    import cv2

    padded = np.pad(mask_pixels != 0, 1).astype(np.uint8)
    outside = padded.copy()
    cv2.floodFill(outside, None, (0, 0), (2,), flags=4)
    filled = (outside != 2).astype(np.int8)
    num_filled = int(filled.sum()) - int(padded.sum())
    return tuple(_trace(filled)), num_filled


def _trace(padded: NDArray[np.int8]) -> list[Points]:
    """The closed paths around the pixels of a mask that has a border of zeros, in order of their first row.

    Edges run from turn to turn, clockwise, the mask on the right hand: over its top edges rightwards, down its right ones,
    leftwards under it, and up on the left. Where pixels touch only at a corner, two edges begin there: the turn to the left
    crosses to the other pixel.
    """
    along = {"top": np.diff(padded, axis=0)[:, 1:-1], "right": -np.diff(padded, axis=1)[1:-1].T}
    starts: dict[tuple[int, int, str], tuple[int, int]] = {}
    for name, opposite in (("top", "bottom"), ("right", "left")):
        for sign, kind in ((1, name), (-1, opposite)):
            for line, begin, end in _runs(along[name] == sign):
                first, last = (begin, end) if sign == 1 else (end, begin)
                if name == "top":
                    starts[first, line, kind] = (last, line)
                else:
                    starts[line, first, kind] = (line, last)
    paths = []
    while starts:
        kind = "top"
        x, y, _ = next(iter(starts))
        path: list[float] = []
        while (x, y, kind) in starts:
            path += (x, y)
            x, y = starts.pop((x, y, kind))
            left, right = _TURNS[kind]
            kind = left if (x, y, left) in starts else right
        paths.append(tuple(map(float, path)))
    return paths


_TURNS = {
    "top": ("left", "right"),
    "right": ("top", "bottom"),
    "bottom": ("right", "left"),
    "left": ("bottom", "top"),
}
"""How an outline goes on after an edge: by a turn to the left, or to the right."""


def _runs(marks: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """(row, begin, end) of every run of true values in the rows of an array."""
    steps = np.diff(np.pad(marks, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, begins = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    return list(zip(rows.tolist(), begins.tolist(), ends.tolist(), strict=True))
