"""One spelling for one shape: where a polygon starts and which way it runs, by cyclic shift and direction only.

Vertices are never sorted by angle: that would turn a concave outline into another polygon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Number = TypeVar("Number", int, float)
Pairs = list[tuple[Number, Number]]


def doubled_area(pairs: Sequence[tuple[float, float]]) -> float:
    """Twice the signed area (shoelace formula); positive when the vertices run clockwise on screen (y down)."""
    total = 0.0
    x0, y0 = pairs[-1]
    for x1, y1 in pairs:
        total += x0 * y1 - x1 * y0
        x0, y0 = x1, y1
    return total


def canonical_polygon(pairs: Pairs[Number]) -> Pairs[Number]:
    """Clockwise on screen, starting at the top-most and then left-most vertex; all vertices kept, in cyclic order.

    A polygon without signed area keeps its direction. Of several equal starting vertices the one is taken whose following
    vertices are smallest, so that the result does not depend on the annotated start.
    """
    ordered = pairs if doubled_area(pairs) >= 0 else pairs[::-1]
    top = min((y, x) for x, y in ordered)
    starts = [index for index, (x, y) in enumerate(ordered) if (y, x) == top]
    return min((ordered[start:] + ordered[:start] for start in starts), key=_rows)


def canonical_line(pairs: Pairs[Number]) -> Pairs[Number]:
    """The end that is top-most, then left-most, comes first; equal ends (a closed line) are decided by what follows."""
    return min(pairs, pairs[::-1], key=_rows)


def _rows(pairs: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(y, x) for x, y in pairs]
