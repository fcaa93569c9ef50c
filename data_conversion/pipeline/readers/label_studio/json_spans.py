"""Where the elements of a file's one JSON array lie, found without parsing them: nothing is held but a count of brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap

# Brackets inside strings are text. The quantifier is possessive, so that a string without end costs one pass, not many.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_OPENING = frozenset(b"[{")


def array_spans(data: mmap | bytes) -> Iterator[tuple[int, int]]:
    """(start, end) in bytes of every object or array that is an element of the outermost array.

    Whether what lies there is valid JSON is for whoever parses it; a file cut short yields the elements that it has whole and
    then raises `ValueError`.
    """
    depth = start = 0
    for token in _TOKEN.finditer(data):
        character = data[token.start()]
        if character == 0x22:  # a string
            continue
        if character in _OPENING:
            depth += 1
            if depth == 2:
                start = token.start()
            continue
        depth -= 1
        if depth == 1:
            yield start, token.end()
        if depth == 0:
            return
    raise ValueError("the array does not end")
