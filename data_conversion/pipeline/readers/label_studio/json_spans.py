"""Where the elements of a file's one JSON array lie, found without parsing them: a step of Python for each bracket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap

# Everything up to the next bracket that is not in a string, and the bracket: one match, so one step of Python, for each.
# Quantifiers are possessive: a string without end costs one pass.
_TO_BRACKET = re.compile(
    rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL
)
_OPENING = frozenset((b"[", b"{"))


def array_spans(data: mmap | bytes) -> Iterator[tuple[int, int]]:
    """(start, end) in bytes of every object or array that is an element of the outermost array.

    Whether what lies there is valid JSON is for whoever parses it; a file cut short yields the elements that it has whole and
    then raises `ValueError`.
    """
    depth = start = 0
    for token in _TO_BRACKET.finditer(data):
        if token[1] in _OPENING:
            depth += 1
            if depth == 2:
                start = token.end() - 1
            continue
        depth -= 1
        if depth == 1:
            yield start, token.end()
        if depth <= 0:
            return
    raise ValueError("the array does not end")
