"""Collects the issues of one line, and renders what was found so that it is safe and short to print."""

from __future__ import annotations

import math
from typing import Any

from src.contract.records import Source
from src.errors import Issue

MAX_SHOWN = 80
MAX_SHOWN_ITEMS = 8
MAX_SHOWN_DEPTH = 3


class LineIssues:
    """The state of one line's validation; `fix` clamps coordinates at most one pixel outside.

    `width` and `height` are 0 until known; coordinates are then not compared with the picture.
    """

    __slots__ = ("fix", "fixed", "height", "issues", "source", "width")

    def __init__(self, source: Source, fix: bool) -> None:
        self.source = source
        self.fix = fix
        self.fixed = 0
        self.issues: list[Issue] = []
        self.width = 0
        self.height = 0

    def add(self, path: str, rule: str, message: str, remedy: str, got: Any = "") -> None:
        """One more issue; `got` may be any JSON value."""
        self.issues.append(
            Issue(
                message=message,
                where=str(self.source),
                path=path,
                rule=rule,
                got="" if isinstance(got, str) and not got else shown(got),
                remedy=remedy,
            )
        )


def shown(value: Any) -> str:
    """At most 80 printable characters; bounded work however large or deep the value is."""
    text = _printable(value) if isinstance(value, str) else _json_like(value, MAX_SHOWN_DEPTH)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def key_path(path: str, key: str) -> str:
    """`path` extended by a key as a user wrote it; odd keys are quoted and shortened."""
    name = key if key.isidentifier() and len(key) <= MAX_SHOWN else f'["{shown(key)}"]'
    return f"{path}.{name}" if path and name == key else f"{path}{name}"


def _printable(text: str) -> str:
    # A terminal must not obey what a data file says (escape sequences, line breaks).
    head = text[: MAX_SHOWN + 1]
    if head.isprintable():
        return head
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in head
    )


def _json_like(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return f'"{_printable(value)}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list | dict):
        opening, closing = ("[", "]") if isinstance(value, list) else ("{", "}")
        if depth == 0:
            return f"{opening}...{closing}"
        items = list(value)[:MAX_SHOWN_ITEMS] if len(value) < 1000 else []
        if isinstance(value, list):
            parts = [_json_like(item, depth - 1) for item in value[:MAX_SHOWN_ITEMS]]
        else:
            parts = [f'"{_printable(key)}": {_json_like(value[key], depth - 1)}' for key in items]
        more = ", ..." if len(value) > len(parts) else ""
        return f"{opening}{', '.join(parts)}{more}{closing}"
    return str(value)
