"""The answer formats by their config name; each has its writer, its parser and its grammar side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


class FormatModule(Protocol):
    """What the module of a format holds."""

    POINT: PointText

    def write(self, objects: Sequence[ObjectText]) -> WrittenText: ...
    def parse(self, text: str, width: int, height: int, norm: Norm) -> ParsedAnswer: ...
    def grammar(self, norm: Norm, labels: Labels) -> str: ...
    def json_schema(self, norm: Norm, labels: Labels) -> dict[str, Any]: ...


def _format_of(module: FormatModule) -> Format:
    return Format(
        write=module.write,
        parse=module.parse,
        grammar=module.grammar,
        json_schema=module.json_schema,
        point=module.POINT,
    )


FORMATS: Mapping[JsonFormat, Format] = {
    "standard": _format_of(standard),
    "qwen": _format_of(qwen),
    "compact": _format_of(compact),
    "grouped": _format_of(grouped),
}
