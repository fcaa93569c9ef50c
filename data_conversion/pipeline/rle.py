"""Masks as COCO writes them: run lengths down the columns.

faster-coco-eval decodes and encodes; it is imported where it is used. Cost: some milliseconds for a mask of 640x480.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
