"""Exact clipping to an axis-aligned window: polygons (concave ones may fall into several parts) and polylines (into runs).

Order and direction of vertices are kept. Polygons: Sutherland and Hodgman (1974) one window side after another, but the
crossings on a side are paired along it, so that parts come apart instead of staying joined by edges without area. Lines:
Liang and Barsky (1984). Plain Python on short lists: about 5 microseconds a side for ten vertices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter

from src.datasets.geometry.canonical import doubled_area

Pair = tuple[float, float]
Path = list[Pair]
Window = tuple[float, float, float, float]
EDGE_TOLERANCE = 1e-9


def area_of(polygon: Sequence[Pair]) -> float:
    """Unsigned area (shoelace formula)."""
    return abs(doubled_area(polygon)) / 2


def length_of(line: Sequence[Pair]) -> float:
    return math.fsum(math.dist(a, b) for a, b in pairwise(line))


def bounds_of(path: Sequence[Pair]) -> Window:
    """(x1, y1, x2, y2) of the enclosing box."""
    xs, ys = zip(*path, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def largest_area(parts: Sequence[Path]) -> Path:
    return max(parts, key=area_of)


def clip_polygon(polygon: Path, window: Window, box: Window | None = None) -> list[Path]:
    """The parts of a polygon inside the window (x1, y1, x2, y2), those with area only. `box`: its bounds, if known.

    Each part starts at its vertex that comes first in the input where it has one. A self-intersecting polygon stays one where it
    can; where its crossings do not pair, shapely makes it valid first and the order is then shapely's.
    """
    x1, y1, x2, y2 = window
    parts = [polygon]
    left, top, right, bottom = box or bounds_of(polygon)
    for axis, sign, limit, outermost in (
        (0, 1.0, x1, left - x1),
        (0, -1.0, x2, x2 - right),
        (1, 1.0, y1, top - y1),
        (1, -1.0, y2, y2 - bottom),
    ):
        if outermost >= -EDGE_TOLERANCE:
            continue
        kept: list[Path] = []
        for part in parts:
            distances = [sign * (point[axis] - limit) for point in part]
            if min(distances) >= -EDGE_TOLERANCE:
                kept.append(part)
            elif max(distances) > EDGE_TOLERANCE:
                pieces = _cut(part, distances, axis, limit)
                if pieces is None:
                    return _clip_by_shapely(polygon, window)
                kept += pieces
        parts = kept
    return _in_input_order([p for p in parts if len(p) >= 3 and area_of(p) > 0.0], polygon)


def _in_input_order(parts: list[Path], polygon: Path) -> list[Path]:
    """Each part from its vertex that comes first in the input, and the parts by that vertex."""
    ordered = []
    for part in parts:
        members = set(part)
        for position, point in enumerate(polygon):
            if point in members:
                first = part.index(point)
                ordered.append((position, part[first:] + part[:first]))
                break
        else:
            ordered.append((len(polygon), part))
    ordered.sort(key=itemgetter(0))
    return [part for _, part in ordered]


def _cut(part: Path, distances: list[float], axis: int, limit: float) -> list[Path] | None:
    """The parts on the inner side of one window side; None when the crossings do not pair (self-intersection)."""
    chains = _inner_chains(part, distances, axis, limit)
    if len(chains) == 1:
        return [_without_repeats(chains[0])]
    # Along the side, inside and outside of the polygon alternate: crossings 0 and 1 are joined, 2 and 3, ...
    across = 1 - axis
    ends = [(chain[0][across], index, True) for index, chain in enumerate(chains)]
    ends += [(chain[-1][across], index, False) for index, chain in enumerate(chains)]
    ends.sort()
    follower: dict[int, int] = {}
    for (_, first, first_enters), (_, second, second_enters) in zip(
        ends[::2], ends[1::2], strict=True
    ):
        if first_enters == second_enters:
            return None
        leaving, entering = (second, first) if first_enters else (first, second)
        follower[leaving] = entering
    return _joined(chains, follower)


def _inner_chains(part: Path, distances: list[float], axis: int, limit: float) -> list[Path]:
    """Runs of inner vertices, each from its entry crossing to its exit crossing."""
    first = next(index for index, value in enumerate(distances) if value < -EDGE_TOLERANCE)
    here, distance, inside = part[first], distances[first], False
    chains: list[Path] = []
    # From an outer vertex all the way round to it again.
    for there, next_distance in zip(
        part[first + 1 :] + part[: first + 1],
        distances[first + 1 :] + distances[: first + 1],
        strict=True,
    ):
        next_inside = next_distance >= -EDGE_TOLERANCE
        if next_inside != inside:
            share = min(1.0, max(0.0, distance / (distance - next_distance)))
            crossing = _crossing(here, there, share, axis, limit)
            if next_inside:
                chains.append([crossing, there])
            else:
                chains[-1].append(crossing)
        elif inside:
            chains[-1].append(there)
        here, distance, inside = there, next_distance, next_inside
    return chains


def _crossing(here: Pair, there: Pair, share: float, axis: int, limit: float) -> Pair:
    """Where the side from `here` to `there` meets the limit of an axis."""
    if axis == 0:
        return limit, here[1] + share * (there[1] - here[1])
    return here[0] + share * (there[0] - here[0]), limit


def _joined(chains: list[Path], follower: dict[int, int]) -> list[Path]:
    parts, used = [], set()
    for start in range(len(chains)):
        if start in used:
            continue
        loop: Path = []
        index = start
        while index not in used:
            used.add(index)
            loop += chains[index]
            index = follower[index]
        parts.append(_without_repeats(loop))
    return parts


def _without_repeats(path: Path) -> Path:
    """Without vertices equal to the one before them (a crossing that fell on a vertex)."""
    return [point for index, point in enumerate(path) if point != path[index - 1]]


def _clip_by_shapely(polygon: Path, window: Window) -> list[Path]:
    import shapely

    shape = shapely.make_valid(shapely.Polygon(polygon)).intersection(shapely.box(*window))
    pieces = [piece for piece in shapely.get_parts(shape) if piece.geom_type == "Polygon"]
    return [
        [(float(x), float(y)) for x, y in piece.exterior.coords[:-1]]
        for piece in pieces
        if piece.area > 0
    ]


def clip_line(line: Path, window: Window) -> list[Path]:
    """The runs of a polyline inside the window, in order, those with length only."""
    runs: list[Path] = []
    open_end = False
    for start, end in pairwise(line):
        inner = _clip_segment(start, end, window)
        if inner is None:
            open_end = False
            continue
        enter, leave = inner
        if open_end and enter == start:
            runs[-1].append(leave)
        else:
            runs.append([enter, leave])
        open_end = leave == end
    return [run for run in runs if length_of(run) > 0.0]


def _clip_segment(start: Pair, end: Pair, window: Window) -> tuple[Pair, Pair] | None:
    (x, y), (x1, y1, x2, y2) = start, window
    dx, dy = end[0] - x, end[1] - y
    low, high = 0.0, 1.0
    for step, room in ((-dx, x - x1), (dx, x2 - x), (-dy, y - y1), (dy, y2 - y)):
        if step == 0.0:
            if room < -EDGE_TOLERANCE:
                return None
        elif step < 0.0:
            low = max(low, room / step)
        else:
            high = min(high, room / step)
    if low > high:
        return None
    # Ends that were not cut stay bit for bit what they were.
    enter = start if low == 0.0 else (x + low * dx, y + low * dy)
    leave = end if high == 1.0 else (x + high * dx, y + high * dy)
    return enter, leave
