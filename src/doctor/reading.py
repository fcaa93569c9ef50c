"""Read lines that may well break the contract: nothing raises, what cannot be read is counted by its reason.

Cost: some 15 microseconds a line and 1 an object.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from src.contract.records import GEOMETRY_KINDS
from src.doctor.annotations import BOX, Annotations, Unreadable
from src.errors import DataError
from src.utils.progress import progress

MOST_PLACES = 20
LARGEST = 1e9  # No picture has such a side; sums and products of what is smaller stay numbers.
FEWEST_POINTS = (2, 3, 2)  # Of a box, a polygon and a line.


def read_annotations(files: Sequence[Path]) -> Annotations:
    """All lines of the files, in order. `DataError` when a file cannot be opened, is none, or holds no line but empty ones."""
    columns = _Columns(files=tuple(str(file) for file in files))
    for number, file in enumerate(files):
        if file.exists() and not file.is_file():
            raise DataError.say(
                "cannot examine what is no regular file",
                where=str(file),
                remedy="write a pipe's lines into a file first: lines are read twice, and pictures are found beside it",
            )
        is_empty = True
        total = _count_lines(file)
        lines = progress(_lines(file), total=total, label=f"read {file.name}")
        for position, line in enumerate(lines, 1):
            if line.strip():
                columns.add(number, position, line)
                is_empty = False
        if is_empty:
            raise DataError.say(
                "the file holds no records",
                where=str(file),
                remedy="look at what should have written it",
            )
    return columns.finish()


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as handle:
            yield from handle
    except OSError as error:
        raise DataError.say(
            f"cannot read {file}: {error.strerror or error}", remedy="check the path"
        ) from error


def _count_lines(file: Path) -> int:
    return sum(1 for _ in _lines(file))


@dataclass(slots=True, kw_only=True)
class _Columns:
    """Grows by one line at a time; flat machine arrays, so that a million objects need tens of MB."""

    files: tuple[str, ...]
    file: array[int] = field(default_factory=lambda: array("q"))
    line: array[int] = field(default_factory=lambda: array("q"))
    image: list[str] = field(default_factory=list)
    size: array[float] = field(default_factory=lambda: array("d"))
    is_dense: array[int] = field(default_factory=lambda: array("b"))
    record: array[int] = field(default_factory=lambda: array("q"))
    kind: array[int] = field(default_factory=lambda: array("b"))
    label: array[int] = field(default_factory=lambda: array("q"))
    labels: dict[str, int] = field(default_factory=dict)
    values: array[float] = field(default_factory=lambda: array("d"))
    counts: array[int] = field(default_factory=lambda: array("q"))
    bad_lines: Counter[str] = field(default_factory=Counter)
    bad_objects: Counter[str] = field(default_factory=Counter)
    places: list[str] = field(default_factory=list)

    def add(self, file: int, position: int, line: bytes) -> None:
        place = f"{self.files[file]}:{position}"
        try:
            data = orjson.loads(line)
        except orjson.JSONDecodeError:
            return self._note(self.bad_lines, "no JSON", place)
        if not isinstance(data, dict):
            return self._note(self.bad_lines, "no JSON object", place)
        objects = _value(data, "objects")
        if objects is not None and not isinstance(objects, list):
            return self._note(self.bad_lines, "objects is no list", place)
        number = len(self.line)
        self.file.append(file)
        self.line.append(position)
        self.image.append(_first_image(_value(data, "images")))
        self.size.extend((_side(_value(data, "width")), _side(_value(data, "height"))))
        self.is_dense.append(objects is not None)
        for item in objects or ():
            reason = self._add_object(number, item)
            if reason:
                self._note(self.bad_objects, reason, place)
        return None

    def _add_object(self, record: int, item: Any) -> str:
        """Why an object cannot be read; empty when it was."""
        if not isinstance(item, dict):
            return "an object is no JSON object"
        given = [kind for kind, name in enumerate(GEOMETRY_KINDS) if name in item]
        if len(given) != 1:
            return "no geometry" if not given else "several geometries"
        kind = given[0]
        try:
            values = array("d", _flat(item[GEOMETRY_KINDS[kind]]))
        except (TypeError, OverflowError):
            return "coordinates are no numbers"
        is_short = len(values) % 2 or len(values) < 2 * FEWEST_POINTS[kind]
        if is_short or (kind == BOX and len(values) != 4):
            return "a wrong number of coordinates"
        if not -LARGEST <= min(values) <= max(values) <= LARGEST:
            return f"coordinates beyond {LARGEST:.0e}"
        desc = _value(item, "desc")
        label = desc if isinstance(desc, str) else ""
        self.record.append(record)
        self.kind.append(kind)
        self.label.append(self.labels.setdefault(label, len(self.labels)))
        self.values.extend(values)
        self.counts.append(len(values) // 2)
        return ""

    def _note(self, counter: Counter[str], reason: str, place: str) -> None:
        counter[reason] += 1
        if len(self.places) < MOST_PLACES:
            self.places.append(f"{place}: {reason}")

    def finish(self) -> Annotations:
        return Annotations(
            files=self.files,
            file=np.array(self.file, dtype=np.int64),
            line=np.array(self.line, dtype=np.int64),
            image=tuple(self.image),
            size=np.array(self.size, dtype=np.float64).reshape(-1, 2),
            is_dense=np.array(self.is_dense, dtype=np.bool_),
            record=np.array(self.record, dtype=np.int64),
            kind=np.array(self.kind, dtype=np.int64),
            label=np.array(self.label, dtype=np.int64),
            labels=tuple(self.labels),
            points=np.array(self.values, dtype=np.float64).reshape(-1, 2),
            first=np.concatenate([[0], np.cumsum(np.array(self.counts, dtype=np.int64))]).astype(
                np.int64
            ),
            unreadable=Unreadable(
                lines=self.bad_lines, objects=self.bad_objects, places=tuple(self.places)
            ),
        )


def _value(data: dict[str, Any], key: str) -> Any:
    return data[key] if key in data else None


def _flat(value: Any) -> Any:
    """Flat numbers; pairs of numbers, which other tools write, are accepted."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return [number for pair in value for number in pair]
    return value


def _side(value: Any) -> float:
    """A width or height; 0 for what is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= LARGEST:
        return float(value)
    return 0.0


def _first_image(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else ""
