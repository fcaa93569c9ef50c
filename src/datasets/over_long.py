"""What happens to samples longer than `global_max_length`: the run stops, they are quarantined, or they lose whole objects.

Image tokens are never cut, and neither is text: `subset_objects` keeps the first objects of a record, in its own order, as many
as fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from src.contract.policy import quarantine_line
from src.datasets.config import OverLongPolicy
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.length_bounds import LengthBound
from src.datasets.lengths import LengthOf, Lengths, row_length
from src.errors import DataError, Issue
from src.files import atomic_write
from src.utils.logger import get_logger

MAX_SHOWN_SAMPLES = 10
logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A data set whose rows all fit, their lengths, and what it took."""

    dataset: DenseCaptionDataset
    lengths: Lengths
    num_quarantined: int = 0
    num_cut_to_subset: int = 0


def fit_rows(
    dataset: DenseCaptionDataset,
    lengths: Lengths,
    limit: int | None,
    policy: OverLongPolicy,
    length_of: LengthOf,
    bound: LengthBound | None = None,
    *,
    quarantine_path: Path | None = None,
) -> Fitted:
    """Apply the policy to rows whose exact length is above `limit`; `DataError` names the first of them (policy fail).

    Under policy quarantine their lines go to `quarantine_path` with the reason.
    """
    if limit is None or (lengths.exact <= limit).all():
        return Fitted(dataset=dataset, lengths=lengths)
    too_long = np.flatnonzero(lengths.exact > limit)
    if policy == "subset_objects":
        return _subsets(dataset, lengths, too_long, limit, length_of, bound)
    issues = [_issue(dataset, int(row), int(lengths.exact[row]), limit) for row in too_long]
    if policy == "fail":
        raise DataError(*_few(issues, f"{len(too_long)} of {len(dataset)} samples are too long"))
    logger.warning(
        "%s: %d over-long samples quarantined (limit %d tokens)", dataset.name, len(too_long), limit
    )
    if quarantine_path is not None:
        with atomic_write(quarantine_path, "wb") as handle:
            for row, issue in zip(too_long, issues, strict=True):
                file_row = int(dataset.source.rows[row])
                handle.write(
                    quarantine_line(file_row, dataset.source.index.line(file_row), (issue,))
                )
    fits = lengths.exact <= limit
    kept = replace(dataset, source=dataset.source.without(~fits))
    return Fitted(dataset=kept, lengths=lengths.of(fits), num_quarantined=len(too_long))


def _subsets(
    dataset: DenseCaptionDataset,
    lengths: Lengths,
    too_long: np.ndarray,
    limit: int,
    length_of: LengthOf,
    bound: LengthBound | None,
) -> Fitted:
    source = dataset.source
    limits = np.full(len(source), -1, dtype=np.int32)
    hopeless = []
    for row in map(int, too_long):
        limits[row] = _largest_subset(dataset, row, limit, length_of)
        if limits[row] == 0:
            hopeless.append(_issue(dataset, row, int(lengths.exact[row]), limit))
    if hopeless:
        raise DataError(*_few(hopeless, f"{len(hopeless)} samples do not fit even with one object"))
    logger.warning(
        "%s: %d over-long samples keep only their first objects", dataset.name, len(too_long)
    )
    changed = replace(dataset, source=replace(source, object_limits=limits))
    exact, most = lengths.exact.copy(), lengths.bound.copy()
    for row in map(int, too_long):
        exact[row], most[row] = row_length(changed, row, length_of, bound)
    return Fitted(
        dataset=changed,
        lengths=Lengths(exact=exact, bound=most),
        num_cut_to_subset=len(too_long),
    )


def _largest_subset(dataset: DenseCaptionDataset, row: int, limit: int, length_of: LengthOf) -> int:
    """How many first objects of a row fit, 0 when not even one does (or when it has none to leave out)."""
    low, high = 0, len(dataset.source.record(row).objects) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if _length_with(dataset, row, middle, length_of) <= limit:
            low = middle
        else:
            high = middle - 1
    return low if low > 0 and _length_with(dataset, row, low, length_of) <= limit else 0


def _length_with(dataset: DenseCaptionDataset, row: int, count: int, length_of: LengthOf) -> int:
    source = dataset.source
    alone = replace(
        source, rows=source.rows[row : row + 1], object_limits=np.array([count], dtype=np.int32)
    )
    return row_length(replace(dataset, source=alone), 0, length_of, None)[0]


def _few(issues: list[Issue], summary: str) -> list[Issue]:
    return [*issues[:MAX_SHOWN_SAMPLES], Issue(message=summary)]


def _issue(dataset: DenseCaptionDataset, row: int, length: int, limit: int) -> Issue:
    source = dataset.source
    return Issue(
        message="the sample is longer than global_max_length",
        where=str(source.index.source(int(source.rows[row]))),
        rule="over-long",
        got=f"{length} tokens",
        expected=f"at most {limit}",
        remedy="raise global_max_length, lower template.max_pixels, or set custom.on_over_long: quarantine | subset_objects",
    )
