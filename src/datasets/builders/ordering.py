"""In which order objects are written: top to bottom, then left to right, by one declared reference point each.

Sorting looks at the very integers that are written, so the text itself is in order and a change below the grid's resolution
cannot swap two objects.
"""

from __future__ import annotations

from src.contract.records import GEOMETRY_KINDS
from src.datasets.builders.config import OrderingPolicy
from src.datasets.builders.formats.writing import ObjectText

SortKey = tuple[float, float, int, tuple[tuple[int, int], ...], str]


def sort_key(item: ObjectText, policy: OrderingPolicy) -> SortKey:
    """`reference_tlbr`: (y, x) of the first point (a box's top-left corner, the canonical first vertex of the others).

    `center_tlbr`: (y, x) of the enclosing box's centre. Ties: kind (box, polygon, line), then all points, then the text.
    """
    if policy == "reference_tlbr":
        x: float
        y: float
        x, y = item.pairs[0]
    else:
        xs, ys = [pair[0] for pair in item.pairs], [pair[1] for pair in item.pairs]
        x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return y, x, GEOMETRY_KINDS.index(item.kind), item.pairs, item.desc
