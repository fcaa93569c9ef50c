"""The answer formats by their config name; each has its writer and its parser side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from src.contract.coordinates import Norm
from src.contract.predictions import ParsedAnswer
from src.datasets.builders.config import JsonFormat
from src.datasets.builders.conversation import WrittenText
from src.datasets.builders.formats import qwen, standard
from src.datasets.builders.formats.writing import ObjectText


@dataclass(frozen=True, slots=True)
class Format:
    """`write(objects) -> text with spans`; `parse(text, width, height, norm) -> objects in pixels`."""

    write: Callable[[Sequence[ObjectText]], WrittenText]
    parse: Callable[[str, int, int, Norm], ParsedAnswer]


FORMATS: Mapping[JsonFormat, Format] = {
    "standard": Format(standard.write, standard.parse),
    "qwen": Format(qwen.write, qwen.parse),
}
