"""`json_format: standard`: one JSON object with a numbered key per described object, `desc` before the geometry.

`{"object_1": {"desc": "a", "bbox_2d": [1, 2, 3, 4]}, "object_2": {"desc": "b", "line_points": 2, "line": [[5, 6], [7, 8]]}}`
Boxes are flat, polygons and lines nested. An empty picture is `{}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from src.contract.coordinates import Norm
from src.contract.predictions import ParsedAnswer
from src.datasets.builders.conversation import WrittenText
from src.datasets.builders.formats.objects import Target, parse_objects
from src.datasets.builders.formats.writing import ObjectText, TextWriter


def write(objects: Sequence[ObjectText]) -> WrittenText:
    """The one-line text of the objects, in their order."""
    out = TextWriter()
    out.add("{")
    for number, item in enumerate(objects, 1):
        out.add(f'{", " if number > 1 else ""}"object_{number}": {{"desc": ')
        out.desc(item.desc)
        if item.kind == "bbox_2d":
            out.add(', "bbox_2d": ')
            out.flat(item.pairs)
        else:
            count = f', "line_points": {len(item.pairs)}' if item.kind == "line" else ""
            out.add(f'{count}, "{item.kind}": ')
            out.nested(item.pairs)
        out.add("}")
    out.add("}")
    return out.written()


def parse(text: str, width: int, height: int, norm: Norm) -> ParsedAnswer:
    """Every complete object of a possibly damaged text, points in pixels; never raises."""
    answer = parse_objects(text, Target(width=width, height=height, norm=norm), "desc")
    is_whole = not answer.dropped and _is_whole(text, len(answer.objects))
    return replace(answer, is_valid=is_whole)


def _is_whole(text: str, count: int) -> bool:
    """True when the text is one JSON object with the keys object_1 to object_N."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and list(value) == [f"object_{n}" for n in range(1, count + 1)]
