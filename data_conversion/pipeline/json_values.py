"""JSON annotation files at the edge: load one, and take typed values out of it.

Every function returns None (or nothing) for a value of another type, so that readers decide what that means.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import Attribute
from src.errors import RecordError

_SUFFIX_OF_START = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"BM": ".bmp"}
Object = Mapping[str, Any]
LARGEST = 1e12


def load_object(path: Path, where: str) -> Object:
    """The JSON object of a file; `RecordError` naming `where` for anything else."""
    return parse_object(path.read_bytes(), where)


def parse_object(data: bytes, where: str) -> Object:
    """The JSON object of some bytes; `RecordError` naming `where` for anything else."""
    try:
        value = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise _bad(where, f"not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise _bad(where, "not a JSON object")
    return value


def number(value: Any) -> float | None:
    """A number that can be a coordinate: no boolean, and not so large that reckoning with it overflows."""
    if type(value) not in (int, float) or not abs(value) <= LARGEST:
        return None
    return float(value)


def text(value: Any) -> str:
    """Text without outer white space; empty for anything else."""
    return value.strip() if isinstance(value, str) else ""


def mapping(value: Any) -> Object:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """A list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> list[Object]:
    """The objects of a list."""
    return [item for item in sequence(value) if isinstance(item, dict)]


def pair(value: Any) -> tuple[float, float] | None:
    """Two finite numbers, as in [x, y]."""
    match value:
        case [x, y]:
            first, second = number(x), number(y)
            return None if first is None or second is None else (first, second)
    return None


def size(width: Any, height: Any) -> tuple[int, int] | None:
    """(width, height) in whole pixels; None where one is missing or below one."""
    x, y = number(width), number(height)
    return (round(x), round(y)) if x is not None and y is not None and x >= 1 <= y else None


def attribute(value: Any) -> Attribute | None:
    """A value that an attribute can have: a scalar, or a list of texts."""
    if isinstance(value, bool | str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None


def attributes(values: Object, notes: Notes) -> dict[str, Attribute]:
    """Those of `values` that an attribute can have; others are noted, null is nothing."""
    found: dict[str, Attribute] = {}
    for name, value in values.items():
        taken = attribute(value)
        if taken is not None:
            found[name] = taken
        elif value is not None:
            notes.add("noted", "attribute-ignored", f"attribute {name} is no plain value", value)
    return found


def picture_bytes(encoded: str, where: str) -> tuple[bytes, str]:
    """(bytes, suffix) of a picture file that is embedded as base64."""
    try:
        data = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(where, f"the embedded picture is no base64: {error}") from error
    for start, suffix in _SUFFIX_OF_START.items():
        if data.startswith(start):
            return data, suffix
    raise _bad(where, "the embedded picture is no JPEG, PNG, WebP or BMP")


def _bad(where: str, message: str) -> RecordError:
    return RecordError.say(
        message,
        where=where,
        rule="json",
        remedy="export the annotation again, or remove the file",
    )
