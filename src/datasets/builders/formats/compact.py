"""`json_format: compact`: a list of short lists, description first, without spaces.

`[["a",1,2,3,4],["b","poly",1,2,3,4,5,6],["c","line",1,2,3,4]]`
A list without a kind is a box. An empty picture is `[]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from src.contract.coordinates import Norm
from src.contract.predictions import ParsedAnswer
from src.datasets.builders.conversation import WrittenText
from src.datasets.builders.formats.flat_lists import CHARACTERS, NUMBERS, STRING, keyed
from src.datasets.builders.formats.grammar import (
    Labels,
    flat_schema,
    grammar_text,
    label_schema,
    list_of,
    point_rules,
)
from src.datasets.builders.formats.objects import Collector, Target
from src.datasets.builders.formats.scanning import decoded
from src.datasets.builders.formats.writing import ObjectText, PointText, TextWriter

POINT = PointText(separator=",")
# An object is looked for at every `["`, whatever was damaged before it. The quote is never an escaped one, so a string that is
# read from one of them ends at the next at the latest: linear time.
OPENING = re.compile(r'\[\s*+"')
ENTRY = re.compile(rf'\[\s*+{STRING}(?:\s*+,\s*+"[^"\\\n]*+")?+{NUMBERS}\]')
CUT_OFF = re.compile(
    rf'\[\s*+"{CHARACTERS}(?:\\|"(?:\s*+,\s*+"[^"\\\n]*+"?+)?+{NUMBERS})?+\Z', re.DOTALL
)


def write(objects: Sequence[ObjectText]) -> WrittenText:
    """The one-line text of the objects, in their order."""
    out = TextWriter()
    out.add("[")
    for number, item in enumerate(objects):
        out.add(",[" if number else "[")
        out.desc(item.desc)
        out.add(",")
        out.kind(item.kind)
        out.packed(item.pairs)
        out.add("]")
    out.add("]")
    return out.written()


def parse(text: str, width: int, height: int, norm: Norm) -> ParsedAnswer:
    """Every complete object of a possibly damaged text, points in pixels; never raises; linear time.

    All else but separators is dropped with a reason, text around the list included.
    """
    found = Collector(Target(width=width, height=height, norm=norm), "label")
    opening = OPENING.search(text)
    while opening is not None:
        start = opening.start()
        entry = ENTRY.match(text, start)
        if entry is not None:
            found.reach(text, start, entry.end())
            _take(found, text, start, entry.end())
            opening = OPENING.search(text, entry.end())
            continue
        opening = OPENING.search(text, start + 1)
        reason = "cut off" if CUT_OFF.match(text, start) else "not a described object"
        end = opening.start() if opening else len(text)
        found.reach(text, start, end)
        found.drop(reason, text[start:end])
    found.reach(text, len(text), len(text))
    return found.answer(_is_whole(text, len(found)))


def _take(found: Collector, text: str, start: int, end: int) -> None:
    values, reason = decoded(text[start:end])
    if values is None:
        found.drop(reason, text[start:end])
        return
    value = keyed(values[1:])
    if isinstance(value, str):
        found.drop(value, text[start:end])
    else:
        found.take({"label": values[0], **value}, text, start, end)


def _is_whole(text: str, count: int) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, list) or len(value) != count:
        return False
    return all(isinstance(item, list) and item and isinstance(item[0], str) for item in value)


def grammar(norm: Norm, labels: Labels) -> str:
    """GBNF of the answers of this format."""
    rules = {
        "root": f'"[" {list_of("object", ",")} "]"',
        "object": r'"[" label "," (box | "\"poly\"," poly | "\"line\"," line) "]"',
        **point_rules(","),
    }
    return grammar_text(rules, norm, labels)


def json_schema(norm: Norm, labels: Labels) -> dict[str, Any]:
    """The JSON schema of the answers of this format; weaker than the grammar (spacing, pairs)."""
    label = label_schema(labels)
    kinds = [flat_schema("bbox_2d", norm, [label])]
    kinds += [flat_schema(kind, norm, [label, {"const": kind}]) for kind in ("poly", "line")]
    return {"type": "array", "items": {"anyOf": kinds}}
