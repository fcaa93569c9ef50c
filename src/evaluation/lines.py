"""Figures of polylines beside their matches: coverage at a tolerance and distance of the ends.

A point of a line is covered where another line is within the tolerance. Lengths are computed by shapely as intersections with a
buffer: exact but for the round ends and outer corners, which are polygons of 16 segments a quarter circle and up to 0.12 % of
the tolerance too tight. Cost: about 0.2 ms a pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from src.contract.records import ObjectAnnotation

QUARTER_SEGMENTS = 16


class LineCoverage(NamedTuple):
    """Pixels of length of one image's lines, and how much of it lines of the same description on the other side cover."""

    truth_length: float
    truth_covered: float
    found_length: float
    found_covered: float


class LinePair(NamedTuple):
    """A matched pair of lines: F1 of covered shares, mean distance of the ends in pixels and as a share of the diagonal."""

    coverage_f1: float
    endpoint_px: float
    endpoint_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFigures:
    """Means over a whole evaluation; a figure is None where nothing defines it.

    `coverage_precision` is covered over all predicted length, `coverage_recall` covered over all true length, matched or not;
    the three others are means over matched pairs.
    """

    num_pairs: int
    coverage_precision: float | None
    coverage_recall: float | None
    coverage_f1: float
    pair_coverage_f1: float | None
    endpoint_error_px: float | None
    endpoint_error_share: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def harmonic(first: float, second: float) -> float:
    """F1 of two shares."""
    return 2 * first * second / (first + second) if first + second else 0.0


def line_pair(
    truth: ObjectAnnotation, found: ObjectAnnotation, *, diagonal: float, tolerance: float
) -> LinePair:
    """Compare two lines; ends are paired in whichever direction is nearer. `tolerance` and `diagonal` in pixels."""
    recall = _share(_covered([truth], [found], tolerance), _length([truth]))
    precision = _share(_covered([found], [truth], tolerance), _length([found]))
    begin, end, other, last = (
        truth.points[:2],
        truth.points[-2:],
        found.points[:2],
        found.points[-2:],
    )
    error = min(
        math.dist(begin, other) + math.dist(end, last),
        math.dist(begin, last) + math.dist(end, other),
    )
    return LinePair(harmonic(precision, recall), error / 2, error / 2 / diagonal)


def line_coverage(
    truths: Sequence[ObjectAnnotation], found: Sequence[ObjectAnnotation], tolerance: float
) -> LineCoverage | None:
    """Coverage of one image's lines by description, None where it has none; objects that are no lines are passed over."""
    lines = [
        sorted((item for item in side if item.kind == "line"), key=lambda item: item.points)
        for side in (truths, found)
    ]
    descriptions = sorted({item.desc for side in lines for item in side})
    if not descriptions:
        return None
    parts = []
    for description in descriptions:
        true, other = ([item for item in side if item.desc == description] for side in lines)
        parts.append(
            (
                _length(true), _covered(true, other, tolerance),
                _length(other), _covered(other, true, tolerance),
            )
        )  # fmt: skip
    return LineCoverage(*(math.fsum(column) for column in zip(*parts, strict=True)))


def line_figures(
    coverages: Iterable[LineCoverage], pairs: Iterable[LinePair]
) -> LineFigures | None:
    """Sum up; None where no image has a line. Sums are exact, so that their order does not matter."""
    totals = [math.fsum(column) for column in zip(*coverages, strict=True)]
    if not totals:
        return None
    truth_length, truth_covered, found_length, found_covered = totals
    columns = [list(column) for column in zip(*pairs, strict=True)] or [[], [], []]
    means = [math.fsum(column) / len(column) if column else None for column in columns]
    precision = _share(found_covered, found_length) if found_length else None
    recall = _share(truth_covered, truth_length) if truth_length else None
    return LineFigures(
        num_pairs=len(columns[0]),
        coverage_precision=precision,
        coverage_recall=recall,
        coverage_f1=harmonic(precision or 0.0, recall or 0.0),
        pair_coverage_f1=means[0],
        endpoint_error_px=means[1],
        endpoint_error_share=means[2],
    )


def _share(part: float, whole: float) -> float:
    """At most 1: the pieces of a line are rounded otherwise than the whole."""
    return min(part / whole, 1.0) if whole else 0.0


def _length(lines: Sequence[ObjectAnnotation]) -> float:
    return math.fsum(
        math.dist(item.points[i : i + 2], item.points[i + 2 : i + 4])
        for item in lines
        for i in range(0, len(item.points) - 2, 2)
    )


def _covered(
    lines: Sequence[ObjectAnnotation], by: Sequence[ObjectAnnotation], tolerance: float
) -> float:
    """Length of `lines` that is within `tolerance` of any of `by`, segment by segment: a line may cross itself."""
    if not lines or not by:
        return 0.0
    import shapely

    near = shapely.union_all(
        [
            shapely.LineString(list(zip(item.points[::2], item.points[1::2], strict=True))).buffer(
                tolerance, quad_segs=QUARTER_SEGMENTS
            )
            for item in by
        ]
    )
    segments = shapely.linestrings(
        [
            (item.points[i : i + 2], item.points[i + 2 : i + 4])
            for item in lines
            for i in range(0, len(item.points) - 2, 2)
        ]
    )
    return math.fsum(shapely.length(shapely.intersection(segments, near)).tolist())
