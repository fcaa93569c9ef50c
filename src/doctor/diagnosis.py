"""The statistical part: from annotations (and headers) to the checks of coordinates, the primary diagnosis first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from src.doctor.annotations import Annotations, Bools, Floats
from src.doctor.axes import Counted, Fits, check_axes, check_exif, fits
from src.doctor.border import check_border
from src.doctor.checks import Check
from src.doctor.coordinates import judge
from src.doctor.frames import Space
from src.doctor.mixture import FEWEST_LEAVING, LEAST_SHARE, check_mixture
from src.doctor.pictures import Headers
from src.doctor.plausibility import Numbers
from src.doctor.remedies import NAMES
from src.doctor.sizes import check_size, true_sizes

FEWEST_RECORDS = 200
FEWEST_OBJECTS = 100
MOST_RECORDS = 10_000  # For explanations, which are many; border and axes are counted in all.


def diagnose(data: Annotations, headers: Headers | None, space: Space) -> tuple[Check, ...]:
    """The checks "space", "order", "qwen25", "axes", "exif", "size" and "border", in this order.

    Below 200 records with a size and objects, everything is `undecided`. Cost: 0.1 s for 3,000 objects, 6 s for 1.2 million.
    """
    size = _sizes(data, headers)
    judged_size = true_sizes(headers, size)
    has_size = size.min(axis=1) > 0
    usable = has_size & data.is_dense
    has_objects = np.bincount(data.record, minlength=data.num_records) > 0
    numbers = Numbers.of(data, usable)
    count = int((usable & has_objects).sum())
    if count < FEWEST_RECORDS or len(numbers.record) < FEWEST_OBJECTS:
        return _too_few(count, len(numbers.record))
    safe_size = np.where(has_size[:, None], judged_size, 1.0)
    examined = usable & has_objects
    judged = judge(Numbers.of(data, _spread(examined)), safe_size, space)
    declared = judged.declared.explanation
    found = fits(numbers, declared)
    mixed = check_mixture(data, numbers, safe_size, space, found)
    turned = [check_axes(found, headers, size), check_exif(found, headers, size)]
    counted = [*turned, *([mixed] if mixed else [])]
    explained = np.logical_or.reduce([part.records for part in counted])
    first = next((part.check for part in counted if part.check.verdict == "found"), None)
    checks = list(judged.checks)
    if first is not None:
        rest = _spread(examined & ~explained)
        checks = _beside(first, checks, Numbers.of(data, rest), safe_size, space)
    checks = _with_mixture(checks, mixed, found) + [part.check for part in turned]
    sizes = check_size(judged.declared, headers, size, checks)
    checks = [*(check for check in checks if check.name != "size"), sizes]
    if any(check.verdict == "found" for check in checks):
        sentence = "other findings come first: run again when they are mended"
        border = Check(name="border", verdict="undecided", sentence=sentence)
    else:
        border = check_border(numbers, declared)
    return (*checks, border)


def _sizes(data: Annotations, headers: Headers | None) -> Floats:
    """As written; where a record has none, its picture's."""
    missing = data.size.min(axis=1) <= 0
    if headers is None or not missing.any():
        return data.size
    return np.where(missing[:, None], headers.upright, data.size)


def _spread(usable: Bools) -> Bools:
    """At most `MOST_RECORDS` of the usable ones, evenly spread over the files."""
    rows = np.flatnonzero(usable)
    if len(rows) <= MOST_RECORDS:
        return usable
    chosen = np.zeros_like(usable)
    chosen[rows[np.linspace(0, len(rows) - 1, MOST_RECORDS).astype(np.int64)]] = True
    return chosen


def _beside(
    first: Check, checks: Sequence[Check], rest: Numbers, size: Floats, space: Space
) -> list[Check]:
    """What holds beside `first`, which was counted record by record: only what the `rest`, the other records, shows as well.

    Exchanged axes imitate another space. What they explain is undecided; what the other records show on their own is found.
    """
    sentence = f"nothing beyond the finding of {NAMES[first.name]}: run again when it is mended"
    calm = [Check(name=check.name, verdict="undecided", sentence=sentence) for check in checks]
    records = len(np.unique(rest.record))
    if records < FEWEST_RECORDS or len(rest.record) < FEWEST_OBJECTS:
        return calm
    again = judge(rest, size, space).checks
    return [
        replace(check, sentence=f"{check.sentence}, in the {records} records looked at beside {NAMES[first.name]}")
        if check.verdict == "found"
        else quiet
        for check, quiet in zip(again, calm, strict=True)
    ]  # fmt: skip


def _with_mixture(checks: Sequence[Check], mixed: Counted | None, found: Fits) -> list[Check]:
    """ "space" as the mixture, with what the other records show; else never "ok" beside records that fit neither way."""
    space, *others = checks
    if mixed is not None:
        more = f"; of the others: {space.sentence}" if space.verdict == "found" else ""
        return [replace(mixed.check, sentence=mixed.check.sentence + more), *others]
    _, _, neither = found.count(found.has_objects)
    limit = max(FEWEST_LEAVING, LEAST_SHARE * int(found.has_objects.sum()))
    if space.verdict != "ok" or neither < limit:
        return list(checks)
    sentence = (
        f"{neither} records leave the picture, and no known space explains them; {space.sentence}"
    )
    return [replace(space, verdict="undecided", sentence=sentence), *others]


def _too_few(records: int, objects: int) -> tuple[Check, ...]:
    sentence = (
        f"{records} records with {objects} objects and a size: "
        f"at least {FEWEST_RECORDS} with {FEWEST_OBJECTS} are needed"
    )
    evidence: dict[str, float | int | str] = {"records": records, "objects": objects}
    return tuple(
        Check(name=name, verdict="undecided", sentence=sentence, evidence=evidence)
        for name in ("space", "order", "qwen25", "axes", "exif", "size", "border")
    )
