"""Label Studio's run-length code of brush strokes: a bit stream of the RGBA bytes of the whole picture, of which alpha counts.

Layout, most significant bit first: 32 bits number of values, 5 bits (word size - 1), four times 4 bits (size of a length - 1);
then until all values are there: 1 bit whether a run of one value follows, 2 bits which of the four sizes the length has, the
length - 1 in that size, and one word (a run) or as many words as the length (a list). (The format of the package rle-pack, which
Label Studio's frontend uses.) Cost: a step of Python for each run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHANNELS = 4
HALF = 128
MAX_PIXELS = 100_000_000


def decode_brush(codes: bytes, width: int, height: int) -> NDArray[np.bool_]:
    """The mask (height, width) of pixels that are at least half opaque; `ValueError` for a broken code or one of another size."""
    bits = _Bits(codes)
    num_values = bits.take(32)
    if num_values != width * height * CHANNELS or width * height > MAX_PIXELS:
        raise ValueError(f"{num_values} values for {width}x{height} pixels of {CHANNELS}")
    word_size = bits.take(5) + 1
    length_sizes = [bits.take(4) + 1 for _ in range(4)]
    values = np.zeros(num_values, np.uint8)
    at = 0
    while at < num_values:
        is_run = bits.take(1)
        end = at + bits.take(length_sizes[bits.take(2)]) + 1
        if end > num_values:
            raise ValueError("a run goes beyond the picture")
        values[at:end] = (
            bits.take(word_size) & 0xFF if is_run else bits.take_words(end - at, word_size)
        )
        at = end
    alpha: NDArray[np.uint8] = values.reshape(height, width, CHANNELS)[:, :, CHANNELS - 1]
    return alpha >= HALF


class _Bits:
    """Reads numbers off a bit string."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        """The next `count` (at most 32) bits as a number; `ValueError` past the end."""
        first, end = self._at >> 3, self._at + count
        if end > len(self._data) * 8:
            raise ValueError("the code ends too early")
        last = (end + 7) >> 3
        number = int.from_bytes(self._data[first:last], "big") >> (last * 8 - end)
        self._at = end
        return number & ((1 << count) - 1)

    def take_words(self, count: int, size: int) -> NDArray[np.uint8]:
        """The next `count` numbers of `size` bits, modulo 256."""
        first, end = self._at >> 3, self._at + count * size
        if end > len(self._data) * 8:
            raise ValueError("the code ends too early")
        piece = np.frombuffer(self._data[first : (end + 7) >> 3], np.uint8)
        offset = self._at & 7
        rows = np.unpackbits(piece)[offset : offset + count * size].reshape(count, size)
        self._at = end
        words: NDArray[np.uint8] = np.packbits(rows[:, -8:], axis=1)[:, 0]
        words >>= max(8 - size, 0)
        return words
