"""The rows of a YOLO label file as objects: `class x y w h`, or `class x1 y1 x2 y2 x3 y3 ...`, as shares of the picture's sides.

Five fields are a box by its centre (detection); an odd number from seven on is a polygon, of which nine are an oriented box
or a four-cornered outline: the same thing here. Rows of one file may differ; each is read for itself. An even number of fields
is a row with a confidence, that is a prediction: the file is refused, for a prediction is no annotation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from data_conversion.pipeline.raw import Finding, RawObject
from src.errors import RecordError

ROUNDING = 1.5e-6
"""How far outside 0..1 six printed digits can put an edge that was on the picture's: taken back without a word."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_CLASS = re.compile(r"(\d{1,9})(\.0*)?", re.ASCII)


@dataclass(slots=True, kw_only=True)
class Rows:
    """What a label file gave: `count` rows, of which `objects` could be used."""

    count: int = 0
    objects: list[RawObject] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class _Unusable(Exception):
    """Rule and message of a row that is dropped."""


def read_rows(text: str, size: tuple[int, int], names: Mapping[int, str], where: str) -> Rows:
    """Objects in pixels of a picture of `size` (width, height); every row left out has a finding.

    `RecordError` when rows have a confidence.
    """
    rows = Rows()
    seen: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        fields = tuple(line.split())
        if not fields:
            continue
        index = rows.count
        rows.count += 1
        if len(fields) >= 6 and len(fields) % 2 == 0:
            raise RecordError.say(
                f"a row of {len(fields)} fields, with a confidence as predictions have",
                where=f"{where}:{number}",
                rule="row-confidence",
                got=line.strip()[:100],
                expected="5 fields (box) or an odd number from 7 on (polygon)",
                remedy="give the annotations, or remove the last field of each row",
            )
        try:
            if fields in seen:
                raise _Unusable("duplicate-row", f"the same row as object {seen[fields]}")
            seen[fields] = index
            rows.objects.append(_object(fields, index, size, names))
        except _Unusable as reason:
            rows.findings.append(_finding(reason, index, line, fields[0], names))
    return rows


def _object(
    fields: tuple[str, ...], index: int, size: tuple[int, int], names: Mapping[int, str]
) -> RawObject:
    if len(fields) < 5:
        raise _Unusable("field-count", f"{len(fields)} fields are neither a box nor a polygon")
    number = _CLASS.fullmatch(fields[0])
    if number is None:
        raise _Unusable("class-number", "the class is not a whole number")
    if int(number[1]) not in names:
        raise _Unusable("class-unknown", "the class has no name in the data set's list")
    if not all(_NUMBER.fullmatch(text) for text in fields[1:]):
        raise _Unusable("number", "a coordinate is not a finite decimal number")
    shares = [float(text) for text in fields[1:]]
    if min(shares) < -ROUNDING or max(shares) > 1 + ROUNDING:
        raise _Unusable("not-normalised", "a coordinate is no share of the picture's side (0..1)")
    is_box = len(fields) == 5
    if is_box:
        x, y, width, height = shares
        if width <= 0 or height <= 0:
            raise _Unusable("degenerate", "the box has no area")
        shares = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    points = tuple(_on_edge(share) * size[axis % 2] for axis, share in enumerate(shares))
    if not is_box and _on_one_line(points):
        raise _Unusable("degenerate", "the polygon has no area")
    return RawObject(
        index=index,
        label=names[int(number[1])],
        kind="bbox_2d" if is_box else "poly",
        parts=(points,),
    )


def _on_edge(share: float) -> float:
    """0 and 1 for what rounding put just outside; what lies farther out is for a later step, which counts it."""
    if -ROUNDING <= share < 0:
        return 0.0
    return 1.0 if 1 < share <= 1 + ROUNDING else share


def _on_one_line(points: tuple[float, ...]) -> bool:
    pairs = list(zip(points[::2], points[1::2], strict=True))
    x0, y0 = pairs[0]
    x1, y1 = next((pair for pair in pairs if pair != pairs[0]), pairs[0])
    return all((x1 - x0) * (y - y0) == (x - x0) * (y1 - y0) for x, y in pairs)


def _finding(
    reason: _Unusable, index: int, line: str, class_text: str, names: Mapping[int, str]
) -> Finding:
    rule, message = reason.args
    number = _CLASS.fullmatch(class_text)
    known = number is not None and int(number[1]) in names
    return Finding(
        kind="dropped",
        rule=rule,
        message=message,
        object_index=index,
        label=names[int(class_text.split(".")[0])] if known else "",
        got=line.strip()[:200],
    )
