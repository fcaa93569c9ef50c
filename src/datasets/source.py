"""A JSONL file opened for training: its index, its usable rows and where its pictures may lie.

Opening scans the file once under the declared policy, so that every later read succeeds or stops the run: a sample is never
replaced by another one. Cost: see `src.contract.index`; the scan validates at about the speed of `parse_record`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.records import Record
from src.datasets.scene import Scene, open_scene
from src.rng import generator


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSource:
    """Usable rows of one JSONL; `rows[i]` is the file row of usable row i, ascending.

    `object_limits[i]`, where it is not negative, keeps only so many first objects of usable row i (policy subset_objects).
    """

    name: str
    index: JsonlIndex
    rows: NDArray[np.int64]
    resolver: ImageResolver
    quarantined: int
    fix: bool = False
    object_limits: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def record(self, row: int) -> Record:
        """Read, parse and validate usable row `row`; `RecordError` names file, line and JSON path."""
        record = self.index.record(int(self.rows[row]), fix=self.fix)
        limit = -1 if self.object_limits is None else int(self.object_limits[row])
        return record if limit < 0 else replace(record, objects=record.objects[:limit])

    def without(self, gone: NDArray[np.bool_]) -> RecordSource:
        """The source less some usable rows, which count as quarantined."""
        limits = self.object_limits
        return replace(
            self,
            rows=self.rows[~gone],
            quarantined=self.quarantined + int(gone.sum()),
            object_limits=None if limits is None else limits[~gone],
        )

    def pictures(self, record: Record) -> list[Path]:
        """The record's picture files, confined to the allowed roots."""
        return [self.resolver.resolve(image, record.source) for image in record.images]

    def scene(self, row: int) -> Scene:
        """Usable row `row` as a scene, nothing decoded yet."""
        record = self.record(row)
        return open_scene(record, self.pictures(record))


def limited_rows(rows: NDArray[np.int64], limit: int | None, seed: int) -> NDArray[np.int64]:
    """A seeded choice of at most `limit` rows, in file order; all rows when `limit` is None.

    A choice rather than the first lines: annotation exports are sorted by site or class, and a prefix of one is not a sample.
    """
    if limit is None or limit >= len(rows):
        return rows
    chosen = generator(seed, "sample-limit").choice(len(rows), size=limit, replace=False)
    return rows[np.sort(chosen)]
