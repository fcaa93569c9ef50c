"""Two predictions of the same images, put side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from src.contract.predictions import Prediction
from src.errors import DataError, Issue

SHOWN_ISSUES = 5
Key = tuple[str, int, str]
"""Data set, row, file name: what stays the same when a prediction file is moved."""


def paired(
    first: Iterable[Prediction], second: Iterable[Prediction], names: tuple[str, str]
) -> list[tuple[Prediction, Prediction]]:
    """Predictions of one image each, by key; `DataError` names images that only one side has, modes and truths that differ."""
    one, other = (_by_key(side, name) for side, name in zip((first, second), names, strict=True))
    issues = [
        *_missing(one, other, names),
        *_missing(other, one, names[::-1]),
        *(
            issue
            for key in sorted(one.keys() & other.keys())
            for issue in _different(key, one[key], other[key], names)
        ),
    ]
    if issues:
        more = len(issues) - SHOWN_ISSUES
        rest = [Issue(message=f"and {more} images more that do not pair")] if more > 0 else []
        raise DataError(*issues[:SHOWN_ISSUES], *rest)
    return [(one[key], other[key]) for key in sorted(one)]


def _by_key(predictions: Iterable[Prediction], name: str) -> dict[Key, Prediction]:
    found: dict[Key, Prediction] = {}
    for item in predictions:
        key = (item.dataset, item.row, PurePosixPath(item.image).name)
        if key in found:
            raise DataError.say(
                f"{_said(key)} is there twice", where=name, remedy="leave one of the two lines"
            )
        found[key] = item
    return found


def _missing(
    side: dict[Key, Prediction], other: dict[Key, Prediction], names: tuple[str, ...]
) -> list[Issue]:
    return [
        Issue(
            message=f"{_said(key)} is not in {names[1]}",
            where=names[0],
            remedy="predict the same records for both, with the same limit",
        )
        for key in sorted(side.keys() - other.keys())
    ]


def _different(
    key: Key, one: Prediction, other: Prediction, names: tuple[str, str]
) -> Iterator[Issue]:
    if one.mode != other.mode:
        yield Issue(
            message=f"{_said(key)} is answered in another mode than in {names[0]}",
            where=names[1],
            got=other.mode,
            expected=one.mode,
            remedy="predict both in one mode",
        )
    elif _truth(one) != _truth(other):
        yield Issue(
            message=f"{_said(key)} has another truth than in {names[0]}",
            where=names[1],
            remedy="predict both from one version of the data set",
        )


def _said(key: Key) -> str:
    dataset, row, name = key
    return f"row {row} ({name})" + (f" of data set {dataset}" if dataset else "")


def _truth(item: Prediction) -> tuple[object, ...]:
    """What must be equal: sizes, and the true objects in any order."""
    objects = item.truth
    if objects is None:
        return item.width, item.height, None
    return item.width, item.height, sorted((o.points, o.kind, o.desc) for o in objects)
