"""Rules of the three geometry kinds: numbers, ranges, and what counts as degenerate."""

from __future__ import annotations

from typing import Any

from src.contract.line_issues import LineIssues
from src.contract.records import GeometryKind

TOLERANCE_PX = 1.0
_NUMBERS = frozenset((int, float))
FEWEST_NUMBERS: dict[GeometryKind, int] = {"bbox_2d": 4, "poly": 6, "line": 4}
SHAPE_TEXT: dict[GeometryKind, str] = {
    "bbox_2d": "four numbers x1, y1, x2, y2",
    "poly": "an even count of at least 6 numbers x1, y1, x2, y2, ...",
    "line": "an even count of at least 4 numbers x1, y1, x2, y2, ...",
}


def check_geometry(
    value: Any, kind: GeometryKind, path: str, state: LineIssues
) -> tuple[float, ...] | None:
    """The flat points of a geometry, or None with the issues added to `state`.

    Coordinates up to one pixel outside the picture are clamped under the declared fix and an issue otherwise; farther out
    they are always an issue. Degenerate shapes are judged after clamping.
    """
    if not isinstance(value, list):
        state.add(
            path,
            "type",
            f"{kind} must be a list of numbers",
            f"write {SHAPE_TEXT[kind]}",
            got=value,
        )
        return None
    if value and isinstance(value[0], list):
        state.add(
            path,
            "flat-points",
            "points are nested",
            "write one flat list x1, y1, x2, y2, ...",
            got=value,
        )
        return None
    count = len(value)
    if count % 2 or count < FEWEST_NUMBERS[kind] or (kind == "bbox_2d" and count != 4):
        state.add(
            path,
            "point-number",
            f"{kind} has a wrong count of numbers",
            f"write {SHAPE_TEXT[kind]}",
            got=count,
        )
        return None
    points = _in_picture(value, path, state)
    if points is None:
        return None
    return tuple(points) if _has_extent(points, kind, path, state) else None


def _in_picture(value: list[Any], path: str, state: LineIssues) -> list[float] | None:
    width, height = state.width, state.height
    # Most lines fit; number by number this costs ten times as much.
    kinds = set(map(type, value))
    if value and width and height and kinds <= _NUMBERS:
        points = list(map(float, value)) if int in kinds else value
        if min(points) >= 0.0 and max(points[::2]) <= width and max(points[1::2]) <= height:
            return points
    points = []
    fits = True
    limits = (width, height)
    for position, number in enumerate(value):
        if type(number) is not int and type(number) is not float:
            state.add(
                f"{path}[{position}]", "number", "not a number", "write a finite number", got=number
            )
            fits = False
            continue
        limit = limits[position % 2]
        if 0 <= number <= limit or not limit:
            points.append(float(number))
            continue
        clamped = min(max(number, 0), limit)
        if abs(number - clamped) > TOLERANCE_PX:
            state.add(
                f"{path}[{position}]", "outside", f"outside the {width}x{height} picture",
                "check the coordinate space (absolute pixels of the upright picture) and width, height",
                got=number,
            )  # fmt: skip
            fits = False
        elif not state.fix:
            state.add(
                f"{path}[{position}]", "outside-tolerance", f"just outside the {width}x{height} picture",
                "policy fix clamps it to the border", got=number,
            )  # fmt: skip
            fits = False
        else:
            state.fixed += 1
            points.append(float(clamped))
    return points if fits else None


def _has_extent(points: list[float], kind: GeometryKind, path: str, state: LineIssues) -> bool:
    if kind == "bbox_2d":
        x1, y1, x2, y2 = points
        if x1 < x2 and y1 < y2:
            return True
        state.add(
            path, "bbox-order", "the box needs x1 < x2 and y1 < y2",
            "swap the corners, or remove the empty box", got=points,
        )  # fmt: skip
        return False
    if kind == "poly" and _spans_area(*points[:6]):
        return True
    pairs = list(zip(points[::2], points[1::2], strict=True))
    if kind == "line":
        if any(pair != pairs[0] for pair in pairs):
            return True
        state.add(path, "degenerate", "the line has no length", "remove the object", got=points)
        return False
    if not _on_one_line(pairs):
        return True
    state.add(path, "degenerate", "the polygon has no area", "remove the object", got=points)
    return False


def _spans_area(x0: float, y0: float, x1: float, y1: float, x2: float, y2: float) -> bool:
    """Whether the first three vertices settle it: those of most polygons do."""
    return (x1 - x0) * (y2 - y0) != (x2 - x0) * (y1 - y0)


def _on_one_line(pairs: list[tuple[float, float]]) -> bool:
    """Whether all vertices lie on one line, so that they span no area.

    The signed area would not do: a figure-eight may have none and still be a shape.
    """
    x0, y0 = pairs[0]
    x1, y1 = next((pair for pair in pairs if pair != pairs[0]), pairs[0])
    return all((x1 - x0) * (y - y0) == (x - x0) * (y1 - y0) for x, y in pairs)
