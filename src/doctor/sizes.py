"""Wrong widths and heights: against the pictures where they can be read, else by what the coordinates show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from src.doctor.annotations import Bools, Floats
from src.doctor.checks import Check
from src.doctor.pictures import Headers
from src.doctor.plausibility import Fit

UNEXPLAINED_SHARE = 0.15


def true_sizes(headers: Headers | None, size: Floats) -> Floats:
    """(N, 2) sizes by which coordinates are judged: the picture's own where the record's is missing or another one.

    Exchanged sides and sizes before EXIF stay as they are: what coordinates make of them is counted elsewhere.
    """
    if headers is None:
        return size
    known = headers.stored[:, 0] > 0
    sides = [np.sort(values, axis=1) for values in (headers.upright, size)]
    other = known & (sides[0] != sides[1]).any(axis=1)
    return np.where(other[:, None], headers.upright, size)


def check_size(
    declared: Fit, headers: Headers | None, size: Floats, checks: Sequence[Check]
) -> Check:
    """`checks` are those made so far, among them "size" by the coordinates alone; `size` (N, 2) as the records give it.

    With pictures the coordinates were judged by the pictures' sizes: what they show is then a scaled copy, whatever the records
    say about sizes.
    """
    by_border = next(check for check in checks if check.name == "size")
    if headers is not None and headers.num_read:
        by_pictures = _against_pictures(headers, size)
        return _scaled_copy(by_border, by_pictures) if by_border.cause else by_pictures
    if declared.outside < UNEXPLAINED_SHARE or any(check.verdict == "found" for check in checks):
        return by_border
    return Check(
        name="size",
        verdict="found",
        cause="unexplained",
        sentence=f"{declared.outside:.0%} of the objects leave the picture, and no known mistake explains it",
        remedy="compare width and height with the pictures (run without --no-images)",
        evidence={"outside_share": round(declared.outside, 4)},
    )


def _scaled_copy(by_border: Check, by_pictures: Check) -> Check:
    """Objects end at a border that is not the pictures': the coordinates are those of another copy."""
    factor = by_border.cause.removeprefix("scaled ")
    return replace(
        by_border,
        sentence=f"coordinates are those of a copy scaled {factor}: objects end there, and not at the pictures' border; "
        f"{by_pictures.sentence}",
        remedy=f"divide coordinates by {factor}, and take sizes from the pictures; or train on the copies that were annotated",
        evidence={**by_pictures.evidence, **by_border.evidence},
    )


def _against_pictures(headers: Headers, size: Floats) -> Check:
    known = headers.stored[:, 0] > 0
    given = known & (size[:, 0] > 0)
    before_exif = (headers.orientation >= 5) & (headers.stored == size).all(axis=1)
    # Sizes before EXIF turned the picture are the finding of another check.
    same = (headers.upright == size).all(axis=1) | before_exif
    turned = (headers.upright[:, ::-1] == size).all(axis=1) & ~same
    other = given & ~same & ~turned
    evidence: dict[str, float | int | str] = {
        "pictures_read": int(known.sum()),
        "sizes_equal": int((given & same).sum()),
        "sizes_exchanged": int((given & turned).sum()),
        "sizes_different": int(other.sum()),
    }
    if not (given & ~same).any():
        sentence = "every size read is the picture's"
        return Check(name="size", verdict="ok", sentence=sentence, evidence=evidence)
    if other.any():
        ratios = (size / np.maximum(headers.upright, 1))[other]
        evidence["median_ratio_x"] = round(float(np.median(ratios[:, 0])), 4)
        evidence["median_ratio_y"] = round(float(np.median(ratios[:, 1])), 4)
    wrong: Bools = given & ~same
    return Check(
        name="size",
        verdict="found",
        cause="wrong-size" if other.sum() >= (given & turned).sum() else "transposed-size",
        sentence=f"{int(wrong.sum())} of {int(given.sum())} sizes are not the picture's",
        remedy="convert again with pictures, which takes sizes from them; scale coordinates if they fit the size given",
        evidence=evidence,
        records=tuple(int(row) for row in np.flatnonzero(wrong)[:24]),
    )
