"""What became of one item, and its line in a shard: plain values, the same in memory and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from data_conversion.pipeline.raw import Finding
from src.errors import Issue

Placed = Literal["unchanged", "resized", "embedded", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An item that became a record: what the vocabulary, the split and the report count.

    `labels` and `kinds` count the objects; `sides` those with a box whose geometric mean side falls into a bin (pixels).
    """

    image: str
    size: tuple[int, int]
    placed: Placed
    group: str
    labels: Mapping[str, int]
    kinds: Mapping[str, int]
    sides: Mapping[str, int]
    has_summary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """A file's size in bytes and its time of change in nanoseconds: equal, and it is taken for the same."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one item: either `written`, or the `issues` for which it goes to quarantine.

    `image` is the picture's path below the image root, `named` how the annotation calls it, `picture` its state when it was
    read (None: not read).
    """

    key: str
    annotation: str
    image: str = ""
    named: str = ""
    picture: FileState | None = None
    num_objects: int = 0
    findings: tuple[Finding, ...] = ()
    written: Written | None = None
    issues: tuple[Issue, ...] = ()


def outcome_to_line(outcome: Outcome) -> bytes:
    """One line, line end included."""
    return orjson.dumps(outcome, option=orjson.OPT_APPEND_NEWLINE)


def outcome_of_line(line: bytes) -> Outcome:
    """The inverse of `outcome_to_line`."""
    raw = orjson.loads(line)
    written = raw["written"]
    if written is not None:
        written = Written(**{**written, "size": tuple(written["size"])})
    return Outcome(
        **{
            **raw,
            "picture": FileState(**raw["picture"]) if raw["picture"] else None,
            "findings": tuple(Finding(**finding) for finding in raw["findings"]),
            "issues": tuple(Issue(**issue) for issue in raw["issues"]),
            "written": written,
        }
    )
