"""One outline for a shape in several pieces: the pieces joined by bridges without width between their nearest vertices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.datasets.geometry.canonical import doubled_area
from src.datasets.geometry.clip import Pair, Path


def merge_parts(parts: Sequence[Path]) -> Path:
    """The pieces as one closed outline that starts where the first piece starts; area and fill are those of the pieces.

    The piece nearest to the outline so far is joined next: the outline walks to it, around it, and back over the same bridge,
    so each join repeats two vertices. Pieces that run the other way are reversed, or their area would count as negative.
    O(p v^2) in numpy for p pieces of v vertices altogether.
    """
    clockwise = doubled_area(parts[0]) >= 0
    outline = list(parts[0])
    rest = [
        list(part) if (doubled_area(part) >= 0) == clockwise else list(part[::-1])
        for part in parts[1:]
    ]
    bridges = [_nearest(outline, part) for part in rest]
    while rest:
        chosen = min(range(len(rest)), key=lambda index: bridges[index][0])
        part, (_, here, there) = rest.pop(chosen), bridges.pop(chosen)
        at, begin = outline.index(here), part.index(there)
        outline[at + 1 : at + 1] = [*part[begin:], *part[: begin + 1], here]
        # Only the vertices that just came can make a bridge shorter.
        bridges = [
            min(bridge, _nearest(part, other), key=lambda found: found[0])
            for bridge, other in zip(bridges, rest, strict=True)
        ]
    return outline


def _nearest(one: Path, other: Path) -> tuple[float, Pair, Pair]:
    """(squared distance, vertex of `one`, vertex of `other`) of the nearest two; the first of equals."""
    a, b = np.asarray(one), np.asarray(other)
    squares = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    row, column = divmod(int(squares.argmin()), len(b))
    return float(squares[row, column]), one[row], other[column]
