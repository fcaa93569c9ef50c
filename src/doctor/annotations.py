"""A data set's annotations as columns: what every check of the doctor works on.

Coordinates are as written, in whatever space and order the file happens to use: finding that out is the doctor's work.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from src.contract.records import GEOMETRY_KINDS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
BOX, POLY, LINE = range(len(GEOMETRY_KINDS))
"""Codes in `Annotations.kind`: positions in `GEOMETRY_KINDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What could not be read, counted by reason, with the first places."""

    lines: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Annotations:
    """N records with M objects of P points in all.

    Records: `file` (N,) indexes `files`, `line` (N,) is 1-based, `image` names the first picture ("" where there is none), `size`
    (N, 2) is width and height as written, 0 where missing, `is_dense` (N,) tells records with a list of objects. Objects:
    `record` (M,), ascending, indexes the records; `kind` (M,) is BOX, POLY or LINE; `label` (M,) indexes `labels`. `points`
    (P, 2) are all vertices, those of object i from `first[i]` to `first[i + 1]` (M + 1,).
    """

    files: tuple[str, ...]
    file: Ints
    line: Ints
    image: tuple[str, ...]
    size: Floats
    is_dense: Bools
    record: Ints
    kind: Ints
    label: Ints
    labels: tuple[str, ...]
    points: Floats
    first: Ints
    unreadable: Unreadable

    @property
    def num_records(self) -> int:
        return len(self.line)

    @property
    def num_objects(self) -> int:
        return len(self.record)

    def place(self, record: int) -> str:
        """`file:line` of a record."""
        return f"{self.files[self.file[record]]}:{self.line[record]}"

    def corners(self) -> Floats:
        """(M, 4): a box as written, of other shapes the enclosing box (x1, y1, x2, y2). Cost: one pass over the points."""
        starts = self.first[:-1]
        if not len(starts):
            return np.zeros((0, 4))
        low = np.minimum.reduceat(self.points, starts)
        high = np.maximum.reduceat(self.points, starts)
        found = np.concatenate([low, high], axis=1)
        boxes = np.flatnonzero(self.kind == BOX)
        found[boxes, :2] = self.points[starts[boxes]]
        found[boxes, 2:] = self.points[starts[boxes] + 1]
        return found

    def with_sizes(self, size: Floats) -> Annotations:
        """The same annotations with other widths and heights (N, 2)."""
        return replace(self, size=size)
