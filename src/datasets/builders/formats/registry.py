"""The answer formats by their config name; each has its writer, its parser and its grammar side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.contract.coordinates import Norm
from src.contract.predictions import ParsedAnswer
from src.datasets.builders.config import JsonFormat
from src.datasets.builders.conversation import WrittenText
from src.datasets.builders.formats import compact, grouped, qwen, standard
from src.datasets.builders.formats.grammar import Labels
from src.datasets.builders.formats.writing import ObjectText, PointText

PARSER_VERSION = 1
"""Raised when the parsers read an answer otherwise than before; a checkpoint's `grounding.json` keeps the one of its training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`write(objects) -> text with spans`; `parse(text, width, height, norm) -> objects in pixels`.

    For constrained decoding: `grammar(norm, labels) -> GBNF` of exactly what `write` can write, `json_schema(norm, labels)` the
    same as far as a schema can say it; `labels` None allows any description. `point` serves upper bounds of lengths.
    """

    write: Callable[[Sequence[ObjectText]], WrittenText]
    parse: Callable[[str, int, int, Norm], ParsedAnswer]
    grammar: Callable[[Norm, Labels], str]
    json_schema: Callable[[Norm, Labels], dict[str, Any]]
    point: PointText


FORMATS: Mapping[JsonFormat, Format] = {
    "standard": Format(
        write=standard.write,
        parse=standard.parse,
        grammar=standard.grammar,
        json_schema=standard.json_schema,
        point=standard.POINT,
    ),
    "qwen": Format(
        write=qwen.write,
        parse=qwen.parse,
        grammar=qwen.grammar,
        json_schema=qwen.json_schema,
        point=qwen.POINT,
    ),
    "compact": Format(
        write=compact.write,
        parse=compact.parse,
        grammar=compact.grammar,
        json_schema=compact.json_schema,
        point=compact.POINT,
    ),
    "grouped": Format(
        write=grouped.write,
        parse=grouped.parse,
        grammar=grouped.grammar,
        json_schema=grouped.json_schema,
        point=grouped.POINT,
    ),
}
