"""Descriptions: likely typing errors, and what the objects of each look like."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from src.doctor.annotations import Annotations, Floats, Ints
from src.doctor.checks import Check

FREQUENT = 20
TIMES_RARER = 10
SHORTEST = 4
PARTS = re.compile(r"[/,]")
DIGITS = re.compile(r"\d+")
MOST_TYPOS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Typo:
    """A rare text, how often it stands, and the frequent one that it is one edit away from."""

    text: str
    count: int
    meant: str
    meant_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStatistics:
    """Of one description: objects, median area in square pixels, median share of the picture, median width / height.

    NaN where no record with the description has a size.
    """

    label: str
    count: int
    area: float
    share: float
    aspect: float


def find_typos(data: Annotations) -> list[Typo]:
    """Rare texts one edit (Damerau-Levenshtein) from a frequent one, most suspicious first.

    Descriptions are compared in their parts between "/" and ",". Texts of up to three letters and texts that differ in digits
    only are no typing errors. Cost: the sum of the texts' squared lengths.
    """
    counts: dict[str, int] = defaultdict(int)
    for label, number in zip(data.labels, _label_counts(data), strict=True):
        for part in {part.strip() for part in PARTS.split(label)}:
            counts[part] += int(number)
    frequent = [text for text, n in counts.items() if n >= FREQUENT and len(text) >= SHORTEST]
    shortened: dict[str, list[str]] = defaultdict(list)
    for text in frequent:
        for short in _shortened(text):
            shortened[short].append(text)
    found = []
    for text, count in counts.items():
        near = {
            other
            for short in (_shortened(text) if len(text) >= SHORTEST else ())
            for other in shortened.get(short, ())
            if counts[other] >= TIMES_RARER * count and _is_typo(text, other)
        }
        if near:
            meant = max(near, key=lambda other: (counts[other], other))
            found.append(Typo(text=text, count=count, meant=meant, meant_count=counts[meant]))
    return sorted(found, key=lambda typo: (-typo.meant_count / typo.count, typo.text))


def check_typos(data: Annotations) -> Check:
    """The check "label-typos"."""
    typos = find_typos(data)
    if not typos:
        return Check(
            name="label-typos",
            verdict="ok",
            sentence="no rare text is one edit from a frequent one",
        )
    numbers = {label: number for number, label in enumerate(data.labels)}
    texts = {typo.text for typo in typos}
    wrong = [
        number
        for label, number in numbers.items()
        if {p.strip() for p in PARTS.split(label)} & texts
    ]
    records = np.unique(data.record[np.isin(data.label, wrong)])
    shown = {
        f'"{typo.text}"': f'{typo.count} times; "{typo.meant}" {typo.meant_count} times'
        for typo in typos[:MOST_TYPOS]
    }
    return Check(
        name="label-typos",
        verdict="found",
        cause="label-typos",
        severity="advice",
        sentence=f"{len(typos)} rare texts are one edit from a frequent one, such as {next(iter(shown))}",
        remedy="correct them, or map them in the domain pack's taxonomy",
        evidence=shown,
        records=tuple(int(row) for row in records[:24]),
    )  # fmt: skip


def label_statistics(data: Annotations, corners: Floats) -> list[LabelStatistics]:
    """Of every description, most frequent first; `corners` (M, 4) in pixels."""
    extent = np.abs(corners[:, 2:] - corners[:, :2])
    area = extent.prod(axis=1)
    picture = data.size.prod(axis=1)[data.record]
    nothing = np.full(len(area), np.nan)
    share = np.divide(area, picture, out=nothing.copy(), where=picture > 0)
    aspect = np.divide(extent[:, 0], extent[:, 1], out=nothing.copy(), where=extent[:, 1] > 0)
    order = np.argsort(data.label, kind="stable")
    counts = _label_counts(data)
    groups = np.split(order, np.cumsum(counts)[:-1]) if len(counts) else []
    found = [
        LabelStatistics(
            label=label,
            count=len(rows),
            area=_median(area[rows]),
            share=_median(share[rows]),
            aspect=_median(aspect[rows]),
        )
        for label, rows in zip(data.labels, groups, strict=True)
    ]
    return sorted(found, key=lambda item: (-item.count, item.label))


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _label_counts(data: Annotations) -> Ints:
    return np.bincount(data.label, minlength=len(data.labels))


def _shortened(text: str) -> Iterable[str]:
    """The text and all that lack one of its letters: two texts one edit apart have one in common."""
    return {text, *(text[:place] + text[place + 1 :] for place in range(len(text)))}


def _is_typo(text: str, other: str) -> bool:
    if DIGITS.sub("", text) == DIGITS.sub("", other):
        return False
    return text != other and is_one_edit(text, other)


def is_one_edit(text: str, other: str) -> bool:
    """Whether one insertion, deletion, substitution or exchange of neighbours turns one into the other."""
    if abs(len(text) - len(other)) > 1 or text == other:
        return False
    if len(text) != len(other):
        long, short = (text, other) if len(text) > len(other) else (other, text)
        return any(long[:place] + long[place + 1 :] == short for place in range(len(long)))
    wrong = [place for place, (a, b) in enumerate(zip(text, other, strict=True)) if a != b]
    if len(wrong) == 1:
        return True
    if len(wrong) != 2 or wrong[1] != wrong[0] + 1:
        return False
    first, second = wrong
    return text[first] == other[second] and text[second] == other[first]
