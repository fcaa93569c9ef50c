"""`json_format: qwen`: Qwen3-VL's own grounding list, on one line.

`[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"poly": [1, 2, 3, 4, 5, 6], "label": "b"}]`
Keys and order are those of Qwen's cookbook; polygons and lines stand beside the boxes in the same flat form. The cookbook breaks
lines and indents with tabs, which costs about a quarter more tokens; the parser accepts both. An empty picture is `[]`.
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

FENCE = "```"


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
    answer = parse_objects(text, Target(width=width, height=height, norm=norm), "label")
    is_whole = not answer.dropped and _is_whole(text, len(answer.objects))
    return replace(answer, is_valid=is_whole)


def _is_whole(text: str, count: int) -> bool:
    body = text.strip()
    if body.startswith(FENCE) and body.endswith(FENCE) and len(body) > 2 * len(FENCE):
        body = body.removeprefix(FENCE).removeprefix("json").removesuffix(FENCE)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, list) and len(value) == count
