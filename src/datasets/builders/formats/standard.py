"""`json_format: standard`: one JSON object with a numbered key per described object, `desc` before the geometry.

`{"object_1": {"desc": "a", "bbox_2d": [1, 2, 3, 4]}, "object_2": {"desc": "b", "line_points": 2, "line": [[5, 6], [7, 8]]}}`
Boxes are flat, polygons and lines nested. An empty picture is `{}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from src.contract.coordinates import Norm
from src.contract.predictions import ParsedAnswer
from src.datasets.builders.conversation import WrittenText
from src.datasets.builders.formats.grammar import (
    Labels,
    coordinate_schema,
    flat_schema,
    grammar_text,
    label_schema,
    list_of,
    object_schema,
)
from src.datasets.builders.formats.objects import FEWEST_PAIRS, Target, collect_leaves
from src.datasets.builders.formats.writing import ObjectText, PointText, TextWriter

POINT = PointText(separator=", ", brackets=("[", "], "), num_counts=2)


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
    found = collect_leaves(text, Target(width=width, height=height, norm=norm), "desc")
    return found.answer(_is_whole(text, len(found)))


def _is_whole(text: str, count: int) -> bool:
    """True when the text is one JSON object with the keys object_1 to object_N."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        return False
    return list(value) == [f"object_{n}" for n in range(1, count + 1)]


def grammar(norm: Norm, labels: Labels) -> str:
    """GBNF of the answers of this format; a counter may be any up to 9999."""
    rules = {
        "root": f'"{{" {list_of("object", ", ")} "}}"',
        "object": r'"\"object_" count "\": {\"desc\": " label ", " (box | poly | line) "}"',
        "box": r'"\"bbox_2d\": [" coordinate ", " coordinate ", " coordinate ", " coordinate "]"',
        "poly": r'"\"poly\": [" pair ", " pair (", " pair)+ "]"',
        "line": r'"\"line_points\": " count ", \"line\": [" pair (", " pair)+ "]"',
        "pair": '"[" coordinate ", " coordinate "]"',
        "count": "[1-9] ([0-9] ([0-9] [0-9]?)?)?",
    }
    return grammar_text(rules, norm, labels)


def json_schema(norm: Norm, labels: Labels) -> dict[str, Any]:
    """The JSON schema of the answers of this format; weaker than the grammar (spacing, the order of keys)."""
    desc = label_schema(labels)
    pair = {"type": "array", "items": coordinate_schema(norm), "minItems": 2, "maxItems": 2}
    nested = {
        kind: {"type": "array", "items": pair, "minItems": FEWEST_PAIRS[kind]}
        for kind in ("poly", "line")
    }
    count = {"type": "integer", "minimum": 2}
    kinds = [
        object_schema({"desc": desc, "bbox_2d": flat_schema("bbox_2d", norm)}),
        object_schema({"desc": desc, "poly": nested["poly"]}),
        object_schema({"desc": desc, "line_points": count, "line": nested["line"]}),
    ]
    return {
        "type": "object",
        "patternProperties": {"^object_[1-9][0-9]*$": {"anyOf": kinds}},
        "additionalProperties": False,
    }
