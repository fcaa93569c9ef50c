"""`json_format: qwen`: Qwen3-VL's own grounding list, on one line.

`[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"poly": [1, 2, 3, 4, 5, 6], "label": "b"}]`
Keys and order are those of Qwen's cookbook; polygons and lines stand beside the boxes in the same flat form. The cookbook breaks
lines and indents with tabs, which costs about a quarter more tokens; the parser accepts both. An empty picture is `[]`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from src.contract.coordinates import Norm
from src.contract.predictions import ParsedAnswer
from src.contract.records import GEOMETRY_KINDS
from src.datasets.builders.conversation import WrittenText
from src.datasets.builders.formats.grammar import (
    Labels,
    flat_schema,
    grammar_text,
    label_schema,
    list_of,
    object_schema,
    point_rules,
)
from src.datasets.builders.formats.objects import Target, collect_leaves
from src.datasets.builders.formats.writing import ObjectText, PointText, TextWriter

FENCE = "```"
POINT = PointText(separator=", ")


def write(objects: Sequence[ObjectText]) -> WrittenText:
    """The one-line text of the objects, in their order."""
    out = TextWriter()
    out.add("[")
    for number, item in enumerate(objects):
        out.add(f'{", " if number else ""}{{"{item.kind}": ')
        out.flat(item.pairs)
        out.add(', "label": ')
        out.desc(item.desc)
        out.add("}")
    out.add("]")
    return out.written()


def parse(text: str, width: int, height: int, norm: Norm) -> ParsedAnswer:
    """Every complete object of a possibly damaged text, points in pixels; never raises.

    The code fence that released Qwen checkpoints put around the list is part of a valid text.
    """
    found = collect_leaves(text, Target(width=width, height=height, norm=norm), "label")
    return found.answer(_is_whole(text, len(found)))


def _is_whole(text: str, count: int) -> bool:
    body = text.strip()
    if body.startswith(FENCE) and body.endswith(FENCE) and len(body) > 2 * len(FENCE):
        body = body.removeprefix(FENCE).removeprefix("json").removesuffix(FENCE)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    is_list = isinstance(value, list) and len(value) == count
    return is_list and all(isinstance(item, dict) for item in value)


def grammar(norm: Norm, labels: Labels) -> str:
    """GBNF of the answers of this format."""
    rules = {
        "root": f'"[" {list_of("object", ", ")} "]"',
        "object": r'"{" ("\"bbox_2d\": [" box | "\"poly\": [" poly | "\"line\": [" line) "], \"label\": " label "}"',
        **point_rules(", "),
    }
    return grammar_text(rules, norm, labels)


def json_schema(norm: Norm, labels: Labels) -> dict[str, Any]:
    """The JSON schema of the answers of this format; weaker than the grammar (spacing, pairs)."""
    label = label_schema(labels)
    kinds = [
        object_schema({kind: flat_schema(kind, norm), "label": label}) for kind in GEOMETRY_KINDS
    ]
    return {"type": "array", "items": {"anyOf": kinds}}
