"""The values that a JSONL line parses into; frozen, and already checked (see `src.contract.validate`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

GeometryKind = Literal["bbox_2d", "poly", "line"]
GEOMETRY_KINDS: tuple[GeometryKind, ...] = get_args(GeometryKind)
RecordPolicy = Literal["fail", "quarantine", "fix"]
Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a record came from: the JSONL file as the user named it and the 1-based line."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAnnotation:
    """One described object.

    `points` is flat (x1, y1, x2, y2, ...) in pixels of the upright image (EXIF orientation applied), pixel-edge convention:
    a 640-wide image spans 0..640. Two corners for `bbox_2d` (x1 < x2, y1 < y2), at least three vertices for `poly`, at least
    two points for `line`. Vertex order is as annotated.
    """

    desc: str
    kind: GeometryKind
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a chat-only record."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One JSONL line.

    A dense record has one image and `objects` (empty = a negative image). A summary record has `summary` and one or more
    images. A chat record has `messages` and possibly images. `width` and `height` are those of the first image, upright;
    0 where a chat record has no image. `images` are as written: relative to the JSONL's folder.
    """

    images: tuple[str, ...]
    width: int
    height: int
    objects: tuple[ObjectAnnotation, ...] = ()
    summary: str | None = None
    messages: tuple[Message, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: Source

    @property
    def is_chat(self) -> bool:
        return bool(self.messages)
