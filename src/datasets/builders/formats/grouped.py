"""`json_format: grouped`: one JSON object, each description once with the list of its objects, without spaces.

`{"a":[[1,2,3,4],["poly",1,2,3,4,5,6]],"b":[["line",1,2,3,4]]}`
A list without a kind is a box. Descriptions stand in the order of their first object, the objects of one in the declared order.
An empty picture is `{}`. A key that stands twice is read twice: no object is lost.

The label of an object is that of the group in which it stands, and a group ends at the first thing that is not one of its
lists: behind damage objects are dropped until the next whole label rather than given to a wrong one.
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
from src.datasets.builders.formats.objects import MAX_SHOWN, Collector, Target
from src.datasets.builders.formats.scanning import decoded
from src.datasets.builders.formats.writing import ObjectText, PointText, TextWriter

POINT = PointText(separator=",")
KIND = r'\s*+"[^"\\\n]*+'
# Outside a group: where a label may begin, or a list without one.
MARK = re.compile(r'(?:\A|[{,\[])\s*+(?=")|(?=\[)')
LABEL = re.compile(rf"({STRING})\s*+:\s*+\[\s*+")
ITEM = re.compile(rf'\[(?:{KIND}"\s*+,)?+{NUMBERS}\]')
AFTER_ITEM = re.compile(r"\s*+([,\]])\s*+")
CUT_LABEL = re.compile(rf'"{CHARACTERS}(?:\\|"\s*+:?+\s*+)?+\Z', re.DOTALL)
CUT_ITEM = re.compile(rf'\[(?:{KIND}(?:"\s*+,?+)?+)?+{NUMBERS}\Z')


def write(objects: Sequence[ObjectText]) -> WrittenText:
    """The one-line text of the objects; of one description in their order."""
    groups: dict[str, list[ObjectText]] = {}
    for item in objects:
        groups.setdefault(item.desc, []).append(item)
    out = TextWriter()
    out.add("{")
    for number, (desc, group) in enumerate(groups.items()):
        out.add("," if number else "")
        out.desc(desc)
        for place, item in enumerate(group):
            out.add(",[" if place else ":[[")
            out.kind(item.kind)
            out.packed(item.pairs)
            out.add("]")
        out.add("]")
    out.add("}")
    return out.written()


def parse(text: str, width: int, height: int, norm: Norm) -> ParsedAnswer:
    """Every complete object of a possibly damaged text, points in pixels; never raises; linear time.

    An object's span is its own list: the characters of its label belong to the whole group. All else but separators is dropped
    with a reason, text around the object included.
    """
    found = Collector(Target(width=width, height=height, norm=norm), "label")
    mark = MARK.search(text)
    while mark is not None:
        label = LABEL.match(text, mark.end())
        position = _stray(found, text, mark.end()) if label is None else _group(found, text, label)
        mark = MARK.search(text, position)
    found.reach(text, len(text), len(text))
    return found.answer(_is_whole(text, len(found)))


def _group(found: Collector, text: str, label: re.Match[str]) -> int:
    """Read a label's lists; the offset after them, or where they stop to be lists."""
    found.reach(text, label.start(), label.end())
    desc, reason = decoded(label.group(1))
    if desc is None:
        found.drop(reason, label.group(1))
        desc = ""  # Its lists are reported as having no label.
    position = resume = label.end()
    while (item := ITEM.match(text, position)) is not None:
        found.reach(text, item.start(), item.end())
        _take(found, text, desc, item)
        resume = item.end()  # The comma after it tells a label where one stands in a list's place.
        after = AFTER_ITEM.match(text, resume)
        if after is None:
            return resume
        position = after.end()
        if after.group(1) == "]":
            return position
    if LABEL.match(text, position):
        if resume == label.end():
            found.drop("not a list of numbers", label.group())
            return text.rindex("[", 0, resume)  # It tells a label, as the comma after an item does.
        return resume
    rest = text[position : position + MAX_SHOWN]
    if not rest or CUT_ITEM.match(text, position):
        found.reach(text, position, len(text))
        found.drop("cut off", rest or label.group())
        return len(text)
    mark = MARK.search(text, position + 1)
    found.reach(text, position, mark.start() if mark else len(text))
    found.drop("not a list of numbers", rest)
    return resume


def _take(found: Collector, text: str, desc: str, item: re.Match[str]) -> None:
    values, reason = decoded(item.group())
    value = reason if values is None else keyed(values)
    if isinstance(value, str):
        found.drop(value, item.group())
    else:
        found.take({"label": desc, **value}, text, item.start(), item.end())


def _stray(found: Collector, text: str, start: int) -> int:
    """Report what begins at `start` outside every group: a list without a label, a text that is cut off."""
    item = ITEM.match(text, start)
    if item is not None:
        found.reach(text, start, item.end())
        found.drop("no label", item.group())
        return item.end()
    if CUT_LABEL.match(text, start):
        found.reach(text, start, len(text))
        found.drop("cut off", text[start : start + MAX_SHOWN])
        return len(text)
    return start + 1


def _is_whole(text: str, count: int) -> bool:
    try:
        pairs = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return False
    if not isinstance(pairs, tuple):
        return False
    lists = [value for _, value in pairs]
    are_groups = all(isinstance(value, list) and value for value in lists)
    return are_groups and sum(map(len, lists)) == count


def grammar(norm: Norm, labels: Labels) -> str:
    """GBNF of the answers of this format."""
    rules = {
        "root": f'"{{" {list_of("group", ",")} "}}"',
        "group": 'label ":[" object ("," object)* "]"',
        "object": r'"[" (box | "\"poly\"," poly | "\"line\"," line) "]"',
        **point_rules(","),
    }
    return grammar_text(rules, norm, labels)


def json_schema(norm: Norm, labels: Labels) -> dict[str, Any]:
    """The JSON schema of the answers of this format; weaker than the grammar (spacing, pairs)."""
    kinds = [flat_schema("bbox_2d", norm)]
    kinds += [flat_schema(kind, norm, [{"const": kind}]) for kind in ("poly", "line")]
    group = {"type": "array", "items": {"anyOf": kinds}, "minItems": 1}
    return {
        "type": "object",
        "propertyNames": label_schema(labels),
        "additionalProperties": group,
    }
