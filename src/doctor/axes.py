"""Exchanged axes: y before x, width and height exchanged, and pictures that EXIF turns by a quarter.

All three show in the same way: coordinates fit the picture only when it is turned. Records are counted that fit one way
and not the other; on square pictures, or with objects that fit both ways, nothing can be known. From coordinates alone y
before x and exchanged sizes are the same; the picture's own size tells which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.doctor.annotations import Bools, Floats
from src.doctor.checks import Check, Verdict
from src.doctor.frames import Explanation
from src.doctor.pictures import Headers
from src.doctor.plausibility import EDGE_PX, NEAR, Numbers

FEWEST_TELLING = 10
WHOLE_SHARE, PART_SHARE = 0.95, 0.02
MOST_UNEXPLAINED = 0.25
MOST_EXAMPLES = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fits:
    """Of records with objects: `own` (N,) all coordinates are inside as declared, `turned` (N,) inside the turned picture."""

    has_objects: Bools
    own: Bools
    turned: Bools

    def count(self, records: Bools) -> tuple[int, int, int]:
        """How many of `records` (N,) fit only as declared, only turned, and neither way."""
        chosen = records & self.has_objects
        only_own = (chosen & self.own & ~self.turned).sum()
        only_turned = (chosen & self.turned & ~self.own).sum()
        return int(only_own), int(only_turned), int((chosen & ~self.own & ~self.turned).sum())


def fits(numbers: Numbers, declared: Explanation) -> Fits:
    """Which records fit the picture, as declared and turned."""
    count = len(declared.size)
    has_objects = np.zeros(count, dtype=np.bool_)
    has_objects[numbers.record] = True
    scaled = numbers.corners.reshape(-1, 2, 2) / declared.reach[numbers.record][:, None]
    pixels = scaled * declared.size[numbers.record][:, None]
    is_relative = declared.reach is not declared.size

    def inside(size: Floats) -> Bools:
        limit = size[numbers.record][:, None]
        margin = EDGE_PX + NEAR * limit
        good = ((pixels >= -margin) & (pixels <= limit + margin)).all(axis=(1, 2))
        good &= (pixels[:, 0] <= pixels[:, 1]).all(axis=1)
        found = np.ones(count, dtype=np.bool_)
        found[numbers.record[~good]] = False
        return found

    own = inside(declared.size)
    # Relative coordinates lie in 0..1 whichever way: exchanged axes do not show.
    turned = own.copy() if is_relative else inside(declared.size[:, ::-1])
    return Fits(has_objects=has_objects, own=own, turned=turned)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """A check made record by record, and the `records` (N,) whose numbers its finding explains."""

    check: Check
    records: Bools


def check_axes(found: Fits, headers: Headers | None, size: Floats) -> Counted:
    """y before x, or exchanged sizes, in all records or in some. Pictures that EXIF turns are left to `check_exif`."""
    counted = found.has_objects.copy()
    if headers is not None:
        counted &= headers.orientation < 5
    own, turned, neither = found.count(counted)
    evidence: dict[str, float | int | str] = {
        "records_fitting_only_as_declared": own,
        "records_fitting_only_turned": turned,
        "records_fitting_neither_way": neither,
    }
    telling = own + turned
    if telling < FEWEST_TELLING:
        sentence = f"only {telling} records tell: pictures are square, values relative, or objects fit both ways"
        return _none(
            Check(name="axes", verdict="undecided", sentence=sentence, evidence=evidence), found
        )
    share = turned / telling
    is_explained = neither <= MOST_UNEXPLAINED * turned
    if turned < FEWEST_TELLING or share < PART_SHARE or not is_explained:
        sentence = f"{own} records fit only as declared, {turned} only with axes exchanged"
        verdict: Verdict = "ok" if share < PART_SHARE else "undecided"
        return _none(
            Check(name="axes", verdict=verdict, sentence=sentence, evidence=evidence), found
        )
    cause, sentence, remedy = _which(share >= WHOLE_SHARE, turned, counted, headers, size)
    showing = counted & found.turned & ~found.own
    check = Check(
        name="axes",
        verdict="found",
        cause=cause,
        sentence=sentence,
        remedy=remedy,
        evidence=evidence,
        records=_first(showing),
    )
    return Counted(check=check, records=showing)


def _none(check: Check, found: Fits) -> Counted:
    return Counted(check=check, records=np.zeros_like(found.has_objects))


def _which(
    is_whole: bool, turned: int, counted: Bools, headers: Headers | None, size: Floats
) -> tuple[str, str, str]:
    where = "in all records" if is_whole else f"in some records ({turned} show it)"
    if headers is not None:
        known = (
            counted & (headers.stored[:, 0] > 0) & (headers.upright[:, 0] != headers.upright[:, 1])
        )
        same = (headers.upright == size).all(axis=1)
        swapped = (headers.upright[:, ::-1] == size).all(axis=1)
        if known.any() and swapped[known].mean() > (same[known].mean() if is_whole else 0.0):
            return (
                "transposed-size",
                f"width and height are exchanged {where}: the pictures' own sizes say so",
                "exchange width and height (rows come before columns in array shapes)",
            )
        if known.any() and same[known].mean() > 0.5:
            return (
                "yxyx",
                f"coordinates are y before x {where}: sizes are right, and they fit the turned picture only",
                "exchange the two numbers of every point",
            )
    return (
        "axes-exchanged",
        f"coordinates fit only the turned picture {where}: y stands before x, or width and height are exchanged",
        "run with pictures: their sizes tell which; then exchange the numbers of every point, or width and height",
    )


def check_exif(found: Fits, headers: Headers | None, size: Floats) -> Counted:
    """Records of pictures that EXIF turns: they must describe the upright picture, as the model sees it."""
    if headers is None:
        return _none(
            Check(name="exif", verdict="undecided", sentence="no pictures were read"), found
        )
    turned = (headers.orientation >= 5) & (headers.stored[:, 0] > 0)
    oriented = int((headers.orientation > 1).sum())
    not_square = headers.stored[:, 0] != headers.stored[:, 1]
    stored_size = turned & not_square & (size == headers.stored).all(axis=1)
    own, other, _ = found.count(turned & ~stored_size)
    evidence: dict[str, float | int | str] = {
        "pictures_with_orientation": oriented,
        "pictures_turned_by_a_quarter": int(turned.sum()),
        "records_with_the_stored_size": int(stored_size.sum()),
        "turned_records_fitting_only_the_upright_picture": own,
        "turned_records_fitting_only_the_stored_picture": other,
    }
    remedy = "convert with exif=raw, which turns coordinates with the picture, or turn them and exchange width and height"
    if stored_size.any():
        check = Check(
            name="exif",
            verdict="found",
            cause="stored-size",
            sentence=f"{int(stored_size.sum())} records give the size before EXIF turned the picture",
            remedy=remedy,
            evidence=evidence,
            records=_first(stored_size),
        )
        return Counted(check=check, records=stored_size)
    if other >= 3 and other > 4 * own:
        check = Check(
            name="exif",
            verdict="found",
            cause="stored-coordinates",
            sentence=f"{other} records fit only the picture before EXIF turned it",
            remedy=remedy,
            evidence=evidence,
            records=_first(turned & found.turned & ~found.own),
        )
        return Counted(check=check, records=turned)
    verdict: Verdict = "ok"
    if not oriented:
        sentence = "no picture has an orientation"
    elif own >= 3 and own > 4 * other:
        sentence = f"{own} records fit only the upright picture"
    else:
        verdict = "undecided"
        sentence = "mirrored, upside down, square or fitting both ways: coordinates do not tell"
    return _none(Check(name="exif", verdict=verdict, sentence=sentence, evidence=evidence), found)


def _first(records: Bools) -> tuple[int, ...]:
    return tuple(int(row) for row in np.flatnonzero(records)[:MOST_EXAMPLES])
