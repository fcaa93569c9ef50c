"""Text with spans, put together piece by piece; JSON strings as `json.dumps(ensure_ascii=False)` writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from src.contract.records import GeometryKind
from src.datasets.builders.conversation import Span, SpanKind, WrittenText


@dataclass(frozen=True, slots=True)
class ObjectText:
    """An object ready to be written: whole numbers in the text's coordinate space, in canonical order."""

    desc: str
    kind: GeometryKind
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointText:
    """What a point costs beside its digits, for upper bounds: the text before each number, and further pieces a point.

    `num_counts` are the numbers of an object that are no coordinates: they get digits as an answer grows.
    """

    separator: str
    brackets: tuple[str, ...] = ()
    num_counts: int = 0


class TextWriter:
    """Collects pieces and remembers where descriptions and coordinates stand."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._spans: list[Span] = []
        self._length = 0

    def add(self, text: str, kind: SpanKind = "format") -> None:
        if kind != "format":
            self._spans.append(Span(self._length, self._length + len(text), kind))
        self._pieces.append(text)
        self._length += len(text)

    def desc(self, text: str) -> None:
        """A JSON string; the quotes are format, what is between them description."""
        self.add('"')
        self.add(json.dumps(text, ensure_ascii=False)[1:-1], "desc")
        self.add('"')

    def flat(self, pairs: Sequence[tuple[int, int]]) -> None:
        """[x1, y1, x2, y2]"""
        self.add("[")
        self.add(", ".join(f"{x}, {y}" for x, y in pairs), "coordinate")
        self.add("]")

    def nested(self, pairs: Sequence[tuple[int, int]]) -> None:
        """[[x1, y1], [x2, y2]]"""
        self.add("[")
        self.add(", ".join(f"[{x}, {y}]" for x, y in pairs), "coordinate")
        self.add("]")

    def packed(self, pairs: Sequence[tuple[int, int]]) -> None:
        """x1,y1,x2,y2 without brackets or spaces"""
        self.add(",".join(f"{x},{y}" for x, y in pairs), "coordinate")

    def kind(self, kind: GeometryKind) -> None:
        """The kind in front of packed numbers; a box, the most frequent one, has none."""
        if kind != "bbox_2d":
            self.add(f'"{kind}",')

    def written(self) -> WrittenText:
        return WrittenText("".join(self._pieces), tuple(self._spans))
