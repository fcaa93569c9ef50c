"""Find complete JSON objects in damaged text: linear time, no recursion, never raises.

A model's answer may be cut off, wrapped in prose or a code fence, or broken in the middle. `top_objects` walks it once and yields
every balanced `{...}` that holds no further one (the described objects of all formats are such leaves), with what lies between
reported as damage by the caller.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Leaf:
    """A balanced innermost `{...}`: its offsets and text. `value` is None when it is not valid JSON."""

    start: int
    end: int
    text: str
    value: dict[str, Any] | None
    reason: str = ""


def leaves(text: str) -> Iterator[Leaf]:
    """Every innermost `{...}` in order; one left open at the end comes back with `value` None."""
    start = -1
    position = 0
    while position < len(text):
        character = text[position]
        if character == '"':
            end = _string_end(text, position)
            if end < 0:
                # An unclosed string: what it swallowed may hold whole objects after a damaged one.
                position += 1
                continue
            position = end
            continue
        if character == "{":
            start = position
        elif character == "}" and start >= 0:
            yield _leaf(text, start, position + 1)
            start = -1
        position += 1
    if start >= 0:
        yield Leaf(start, len(text), text[start:], None, "cut off")


def _string_end(text: str, start: int) -> int:
    """The offset after the string that opens at `start`; -1 when a line ends first or it never closes."""
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        if character == '"':
            return position + 1
        if character == "\n":
            return -1
        position += 1
    return -1


def _leaf(text: str, start: int, end: int) -> Leaf:
    piece = text[start:end]
    try:
        value = json.loads(
            piece, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_bounded
        )
    except (ValueError, RecursionError) as error:
        return Leaf(start, end, piece, None, f"not valid JSON: {str(error)[:60]}")
    return Leaf(start, end, piece, value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _bounded(digits: str) -> int:
    if len(digits) > 12:
        raise ValueError("a number out of all bounds")
    return int(digits)
