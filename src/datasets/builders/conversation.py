"""What a record becomes for the model: turns of text, the pictures themselves, and where each kind of text stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from src.contract.records import Role, Source
from src.datasets.scene import Pixels

SpanKind = Literal["desc", "coordinate", "format", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The texts before the answer; `system` None sends no system turn."""

    system: str | None
    user: str


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of an answer, and what they are."""

    start: int
    end: int
    kind: SpanKind


@dataclass(frozen=True, slots=True)
class WrittenText:
    """An answer and its spans, in order; characters in no span are format."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conversation:
    """One sample before the chat template.

    `pixels` belong to the first user turn, before its text; no placeholder is written anywhere. `target` is the last turn's
    text, `spans` are offsets into it: descriptions and coordinates of a dense answer, one `text` span over a chat's or a
    summary's. Characters in no span are format, so an empty picture's answer is format alone.
    """

    system: str | None
    turns: tuple[Turn, ...]
    pixels: tuple[Pixels, ...]
    spans: tuple[Span, ...]
    source: Source

    @property
    def target(self) -> str:
        return self.turns[-1].content
