"""Read the whole numbers behind many keys of a JSON text at once: by whole arrays, a key at a time only where spelled oddly."""

from __future__ import annotations

import re

import numpy as np

from data_conversion.pipeline.readers.coco.json_tokens import Positions

_MOST_DIGITS = 18
_COLON, _SPACE, _COMMA, _CLOSE, _ZERO = b": ,}0"


def whole_numbers(text: bytes, keys: Positions, name: str) -> tuple[Positions, Positions]:
    """(positions, values) of those `keys` (where `"name"` begins) that a whole number of at most 18 digits follows, and then a
    comma or the object's end. Cost: 0.2 microseconds a key."""
    values, is_plain = _plain_numbers(text, keys + len(name.encode()) + 2)
    pattern = re.compile(rb'"%s"\s*:\s*(-?\d{1,18})(?=\s*[,}])' % re.escape(name.encode()))
    others = [
        (at, int(match[1]))
        for at in keys[~is_plain].tolist()
        if (match := pattern.match(text, at)) is not None
    ]
    odd, odd_values = np.array(others, np.int64).reshape(-1, 2).T
    return np.concatenate([keys[is_plain], odd]), np.concatenate([values[is_plain], odd_values])


def _plain_numbers(text: bytes, at: Positions) -> tuple[Positions, np.ndarray]:
    """The numbers that begin at positions `at` behind a colon and at most one space, and whether one does."""
    codes = np.frombuffer(text, np.uint8)
    last = len(codes) - 1
    is_plain = codes[np.minimum(at, last)] == _COLON
    at = np.minimum(at + 1, last)
    at = np.minimum(at + (codes[at] == _SPACE), last)
    values, first = np.zeros(len(at), np.int64), at
    going = is_plain
    for _ in range(_MOST_DIGITS):
        digits = codes[at] - _ZERO  # uint8: what is below "0" wraps to a large value
        going = going & (digits <= 9)
        if not going.any():
            break
        values = np.where(going, values * 10 + digits, values)
        at = np.minimum(at + going, last)
    ends = (codes[at] == _COMMA) | (codes[at] == _CLOSE)
    return values, is_plain & (at > first) & ends
