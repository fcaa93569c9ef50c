"""Encoder of Label Studio's brush code, written from the layout and apart from the decoder."""

import numpy as np


def encode_brush(mask, *, length_sizes=(3, 4, 8, 16), word_size=8, lists=False):
    """Codes (list of bytes) of a mask. `lists`: pixels as lists of words, not as runs, where they are few."""
    values = np.repeat(mask.astype(np.int64) * ((1 << word_size) - 1), 4).tolist()
    bits = f"{len(values):032b}{word_size - 1:05b}"
    bits += "".join(f"{size - 1:04b}" for size in length_sizes)
    at = 0
    while at < len(values):
        end = at
        while end < len(values) and values[end] == values[at] and end - at < 1 << length_sizes[3]:
            end += 1
        if lists and end - at < 12:
            end = min(at + 9, len(values))
        which = next(i for i, size in enumerate(length_sizes) if end - at - 1 < 1 << size)
        words = values[at:end] if lists and end - at <= 9 else values[at : at + 1]
        is_run = len(words) == 1
        bits += f"{int(is_run)}{which:02b}{end - at - 1:0{length_sizes[which]}b}"
        bits += "".join(f"{word:0{word_size}b}" for word in words)
        at = end if is_run else at + len(words)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
