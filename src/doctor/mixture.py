"""Files whose records do not agree: some in another space than the others, counted record by record.

Two signs show in a single record. All its numbers are at most 1.5 and not whole: no picture has all its objects in the first
pixel and a half, so they are shares. Or it leaves the declared frame and fits another one; that is also what a file shows that
is wholly in the other space, where records end at the declared border no more often than just beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from src.doctor.annotations import Annotations, Bools, Floats, Ints
from src.doctor.axes import WHOLE_SHARE, Counted, Fits
from src.doctor.checks import Check
from src.doctor.frames import Space, declared_frame
from src.doctor.plausibility import EDGE_PX, NEAR, Numbers
from src.doctor.remedies import remedy_of, title_of

LARGEST_SHARE = 1.5
FEWEST_SMALL, FEWEST_LEAVING, LEAST_SHARE = 3, 10, 0.02
FITTING_SHARE = 0.9
FILLED = 0.75  # Of both sides of the other frame, by the 90th percentile of records.
ROUNDING = 0.005
BESIDE = 0.1  # Share of the declared frame on both sides of its border in which records' ends are compared.
MOST_EXAMPLES = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extremes:
    """Of K records with objects: `row` (K,) in the data, smallest and largest x and y (K, 2), whether a number is not whole."""

    row: Ints
    low: Floats
    high: Floats
    is_fractional: Bools

    @classmethod
    def of(cls, numbers: Numbers) -> Extremes:
        """Records stand together and ascend in `numbers`."""
        row, first = np.unique(numbers.record, return_index=True)
        near, far = numbers.corners[:, :2], numbers.corners[:, 2:]
        fractional = (np.abs(numbers.corners - np.round(numbers.corners)) > 1e-9).any(axis=1)
        return cls(
            row=row,
            low=np.minimum.reduceat(np.minimum(near, far), first),
            high=np.maximum.reduceat(np.maximum(near, far), first),
            is_fractional=np.logical_or.reduceat(fractional, first),
        )


def check_mixture(
    data: Annotations, numbers: Numbers, size: Floats, space: Space, found: Fits
) -> Counted | None:
    """The check "space" when some records, not all, are in another one; None otherwise. `size` (N, 2) as judged by."""
    extremes = Extremes.of(numbers)
    shown: dict[Space, Bools] = {}
    if space != "norm1":
        within = (extremes.high <= LARGEST_SHARE) & (extremes.low > -0.5)
        small = np.asarray(within.all(axis=1) & extremes.is_fractional)
        if small.sum() >= FEWEST_SMALL:
            shown["norm1"] = small
    # Exchanged axes leave the picture as well, and are counted elsewhere.
    foreign = _leaving(extremes, size, space) & ~found.turned[extremes.row]
    for other in get_args(Space):
        fitting = _fitting(extremes, size, other, foreign)
        if (
            other != space
            and fitting is not None
            and _ends_at_the_border(extremes, size, space, other)
        ):
            shown[other] = fitting
    shown = {name: records for name, records in shown.items() if records.mean() < WHOLE_SHARE}
    if not shown:
        return None
    most = max(shown, key=lambda name: int(shown[name].sum()))
    return _counted(data, extremes, most, shown[most])


def _leaving(extremes: Extremes, size: Floats, space: Space) -> Bools:
    reach = declared_frame(size, space).reach[extremes.row]
    # A pixel and a half, in the frame's own units.
    margin = NEAR * reach + EDGE_PX * reach / size[extremes.row]
    beyond: Bools = (extremes.high > reach + margin) | (extremes.low < -margin)
    return np.asarray(beyond.any(axis=1))


def _fitting(extremes: Extremes, size: Floats, other: Space, foreign: Bools) -> Bools | None:
    """The foreign records, when there are enough and nearly all of them fill the other frame and stay inside."""
    reach = declared_frame(size, other).reach[extremes.row]
    inside = (extremes.high <= reach * (1 + ROUNDING)) & (extremes.low >= -reach * ROUNDING)
    fitting: Bools = foreign & inside.all(axis=1)
    count, total = int(fitting.sum()), int(foreign.sum())
    if count < max(FEWEST_LEAVING, LEAST_SHARE * len(foreign), FITTING_SHARE * total):
        return None
    fills = np.quantile((extremes.high / reach)[fitting], 0.9, axis=0)
    return fitting if fills.min() > FILLED else None


def _ends_at_the_border(extremes: Extremes, size: Floats, space: Space, other: Space) -> bool:
    """Whether records end just inside the declared border clearly more often than just beyond it.

    Only sides count beyond which the other frame reaches: elsewhere a file wholly in the other space would end inside as well.
    """
    reach = declared_frame(size, space).reach[extremes.row]
    wider = declared_frame(size, other).reach[extremes.row] >= (1 + BESIDE) * reach
    ends = np.where(wider, extremes.high / reach, 0.0).max(axis=1)
    inside = int(((ends > 1 - BESIDE) & (ends <= 1 + ROUNDING)).sum())
    beyond = int(((ends > 1 + ROUNDING) & (ends <= 1 + BESIDE)).sum())
    return inside >= FEWEST_LEAVING and inside - beyond > 4 * np.sqrt(inside + beyond)


def _counted(data: Annotations, extremes: Extremes, other: Space, showing: Bools) -> Counted:
    rows = extremes.row[showing]
    records = np.zeros(data.num_records, dtype=np.bool_)
    records[rows] = True
    count, total = len(rows), len(extremes.row)
    # Records of few, near objects fit both frames; shares are all seen.
    at_least = "" if other == "norm1" else "at least "
    check = Check(
        name="space",
        verdict="found",
        cause=f"mixed {other}",
        sentence=f"in {at_least}{count} of {total} records, the first at {data.place(int(rows[0]))}, "
        f"{title_of(other)}; the others fit as declared",
        remedy=f"split the file where its parts were joined; for those records only: {remedy_of(other)}",
        evidence={"records": total, "records_showing_it": count},
        records=tuple(int(row) for row in rows[:MOST_EXAMPLES]),
    )
    return Counted(check=check, records=records)
