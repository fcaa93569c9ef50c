"""Rows of a JSONL file or of a JSON list, found by their byte ranges: any process reads any row without loading the file.

Nothing is written beside the file. Cost: one pass over the bytes to find the rows (about 30 MB/s for a JSON list of answers,
faster for long ones; much faster for JSONL) and 16 bytes a row; memory does not grow with the file.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from src.errors import DataError, RecordError

Row = Mapping[str, Any]
SUFFIXES = (".json", ".jsonl")
HEAD_BYTES = 4 << 20
OTHER_FILES = (
    "dataset_info.json",
    "fidelity_report.json",
)  # Stand beside annotations and hold none.
_BOM = b"\xef\xbb\xbf"
# Everything up to the next bracket outside strings is one match, so that Python sees the brackets alone. A string that never
# closes, and what has no bracket after it, reach to the end, so that nothing is tried twice.
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+(?:"|\Z))*+([\[\]{}]|\Z)', re.DOTALL)
_NO_ROW = re.compile(rb"[^\s,]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowFile:
    """A file and the places of its rows: `starts` and `ends` (exclusive) are byte offsets, int64 (N,).

    `name` is how messages call it, a POSIX path relative to the export's folder.
    """

    path: Path
    name: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def where(self, row: int) -> str:
        """The place of a 0-based row, for messages."""
        return f"{self.name}: row {row + 1}"

    def load(self, row: int) -> Row:
        """The row; `RecordError` when it is no JSON object."""
        start, end = int(self.starts[row]), int(self.ends[row])
        with self.path.open("rb") as handle:
            handle.seek(start)
            text = handle.read(end - start)
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise _bad_row(self.where(row), f"not valid JSON: {error}", text) from error
        if not isinstance(value, dict):
            raise _bad_row(self.where(row), "not a JSON object", text)
        return value


def index_rows(path: Path, name: str) -> RowFile:
    """The rows of a file; `DataError` when a JSON list is cut off or holds something else than rows."""
    if not path.stat().st_size:
        places: list[tuple[int, int]] = []
    else:
        with (
            path.open("rb") as handle,
            mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as view,
        ):
            places = list(_elements(view, name) if _is_list(view[:HEAD_BYTES]) else _lines(view))
    table = np.array(places, dtype=np.int64).reshape(-1, 2)
    return RowFile(path=path, name=name, starts=table[:, 0].copy(), ends=table[:, 1].copy())


def first_row(path: Path) -> Row | None:
    """The first row, looked for in the first 4 MiB; None when there is none. Never raises for other content."""
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES)
    try:
        places = _elements(head, path.name) if _is_list(head) else _lines(head)
        start, end = next(places, (0, 0))
        value = orjson.loads(head[start:end])
    except (orjson.JSONDecodeError, DataError):
        return None
    return value if isinstance(value, dict) else None


def may_hold_annotations(path: Path) -> bool:
    """Whether a file is none of those that this project's export, or a tool, puts beside annotations."""
    return not path.name.startswith(".") and path.name not in OTHER_FILES


def row_paths(source: Path) -> list[Path]:
    """The JSON and JSONL files of an export: `source` itself, or those in the folder and one level below, sorted."""
    if source.is_file():
        return [source] if source.suffix.lower() in SUFFIXES else []
    found = [path for pattern in ("*.json*", "*/*.json*") for path in source.glob(pattern)]
    return sorted(
        path
        for path in found
        if path.suffix.lower() in SUFFIXES and path.is_file() and may_hold_annotations(path)
    )


def _is_list(head: bytes) -> bool:
    return head.removeprefix(_BOM).lstrip()[:1] == b"["


def _lines(view: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    """Byte ranges of the lines that are not blank."""
    start = len(_BOM) if view[: len(_BOM)] == _BOM else 0
    while start < len(view):
        end = view.find(b"\n", start)
        end = len(view) if end < 0 else end
        if view[start:end].strip():
            yield start, end
        start = end + 1


def _elements(view: bytes | mmap.mmap, name: str) -> Iterator[tuple[int, int]]:
    """Byte ranges of the objects and lists in the outermost list of a JSON text."""
    depth = start = reached = 0
    for found in _TO_BRACKET.finditer(view):
        mark, place = found.group(1), found.start(1)
        if mark in (b"[", b"{"):
            if depth == 1:
                start = place
                _check_between(view[reached:start], name, reached)
            depth += 1
            if depth == 1:
                reached = place + 1
        elif mark in (b"]", b"}"):
            depth -= 1
            if depth == 1:
                reached = place + 1
                yield start, reached
            if depth <= 0:
                _check_between(view[reached:place], name, reached)
                _check_between(view[place + 1 :], name, place + 1)
                return
    raise DataError.say(
        "the list of rows is not closed",
        where=name,
        rule="json",
        remedy="the file is cut off or damaged: copy or export it again",
    )


def _check_between(text: bytes, name: str, offset: int) -> None:
    """Refuse anything but white space and commas outside the rows: it would be lost."""
    if found := _NO_ROW.search(text):
        raise DataError.say(
            "something else than a row stands in the list of rows",
            where=f"{name}: byte {offset + found.start()}",
            rule="json",
            got=ascii(text[found.start() : found.start() + 60].decode("utf-8", "replace")),
            expected="a list of JSON objects, or one JSON object a line",
        )


def _bad_row(where: str, message: str, text: bytes) -> RecordError:
    return RecordError.say(
        f"the row is {message}",
        where=where,
        rule="json",
        got=ascii(text[:80].decode("utf-8", "replace")),
        remedy="export the file again, or remove the row",
    )
