"""Find complete JSON objects in damaged text: linear time, no recursion, never raises.

A model's answer may be cut off, wrapped in prose or a code fence, or broken in the middle. `leaves` walks it once and yields
every balanced `{...}` that holds no further one: the described objects of the formats `standard` and `qwen` are such leaves.
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
    unclosed_until = 0
    while position < len(text):
        character = text[position]
        if character == '"' and position >= unclosed_until:
            end, is_closed = _string_end(text, position)
            if is_closed:
                position = end
                continue
            # What an unclosed string swallowed may hold whole objects after a damaged one. No later quote of its stretch closes
            # either, so none is tried: that keeps hostile texts linear.
            unclosed_until = end
        if character == "{":
            start = position
        elif character == "}" and start >= 0:
            yield _leaf(text, start, position + 1)
            start = -1
        position += 1
    if start >= 0:
        yield Leaf(start, len(text), text[start:], None, "cut off")


def _string_end(text: str, start: int) -> tuple[int, bool]:
    """(offset after the string that opens at `start`, True), or (where its line ends, False) when it never closes."""
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        if character == '"':
            return position + 1, True
        if character == "\n":
            break
        position += 1
    return position, False


def _leaf(text: str, start: int, end: int) -> Leaf:
    piece = text[start:end]
    value, reason = decoded(piece)
    return Leaf(start, end, piece, value, reason)


def decoded(piece: str) -> tuple[Any, str]:
    """(value, "") of a piece of JSON, or (None, the reason why it is none); repeated keys and huge numbers are refused."""
    try:
        value = json.loads(
            piece, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_bounded
        )
    except (ValueError, RecursionError) as error:
        return None, f"not valid JSON: {str(error)[:60]}"
    return value, ""


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
