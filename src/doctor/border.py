"""Corners off by one pixel, seen where the picture's border cuts objects.

Cut objects end exactly at the border: in the contract's convention (pixel edges) at 0 and at the width or height. Formats that
count pixels from 1, or whose far corner is the last pixel inside, pile them up a pixel away instead. The pile's place is
looked for at each end on its own, against what lies beside it; with too few cut objects nothing is decided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.doctor.annotations import Floats
from src.doctor.checks import Check
from src.doctor.frames import Explanation
from src.doctor.plausibility import Numbers

PLACES = (-1, 0, 1)  # Pixels from the border, positive inwards.
HALF_WIDTH = 0.3
BAND = range(3, 13)
FEWEST_CUT = 15
CLEAR_SHARE = 0.75
COARSEST_STEP_PX = 0.25
CAUSES: dict[tuple[int | None, int | None], tuple[str, str, str]] = {
    (1, 0): ("near-corner-one-based", "near corners count pixels from 1", "subtract 1 from x1 and y1"),
    (1, -1): ("all-one-too-far", "all corners are a pixel too far right and down", "subtract 1 from every coordinate"),
    (0, 1): ("far-corner-inclusive", "far corners are the last pixel inside", "add 1 to x2 and y2"),
    (-1, 1): ("all-one-too-near", "all corners are a pixel too far left and up", "add 1 to every coordinate"),
    (-1, 0): ("near-corner-one-too-near", "near corners are a pixel too far out", "add 1 to x1 and y1"),
    (0, -1): ("far-corner-one-too-far", "far corners are a pixel too far out", "subtract 1 from x2 and y2"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """Objects at one end, both axes together: how many more than by chance at each of `PLACES`, and the place of most."""

    surplus: tuple[float, ...]

    @property
    def place(self) -> int | None:
        """Where they pile up; None when there are too few or in two places."""
        total, most = sum(self.surplus), max(self.surplus)
        if total < FEWEST_CUT or most < CLEAR_SHARE * total:
            return None
        return PLACES[self.surplus.index(most)]


def check_border(numbers: Numbers, declared: Explanation) -> Check:
    """Off-by-one corners; polygons and lines count by their extremes. Cost: a few passes over (M, 4) numbers."""
    size = declared.size[numbers.record]
    scale = size / declared.reach[numbers.record]
    if numbers.is_whole and float(np.median(scale)) > 1 + COARSEST_STEP_PX:
        return Check(
            name="border",
            verdict="undecided",
            sentence="the grid of the coordinates is coarser than a pixel",
        )
    near = _pile(numbers.corners[:, :2] * scale)
    far = _pile(size - numbers.corners[:, 2:] * scale)
    evidence: dict[str, float | int | str] = {
        f"{end}_{name}": round(count, 1)
        for end, pile in (("near", near), ("far", far))
        for name, count in zip(
            ("one_outside", "at_the_border", "one_inside"), pile.surplus, strict=True
        )
    }
    places = (near.place, far.place)
    if places == (0, 0):
        sentence = "objects that the border cuts end exactly at it"
        return Check(name="border", verdict="ok", sentence=sentence, evidence=evidence)
    if places in CAUSES:
        cause, sentence, remedy = CAUSES[places]
        return Check(
            name="border",
            verdict="found",
            cause=cause,
            sentence=f"{sentence}: objects that the border cuts pile up a pixel from where they should end",
            remedy=remedy,
            evidence=evidence,
        )
    return Check(name="border", verdict="undecided", sentence=_why(places), evidence=evidence)


def _why(places: tuple[int | None, int | None]) -> str:
    if None in places:
        return f"fewer than {FEWEST_CUT} objects are cut at one end, or they pile up in two places"
    return "both ends are a pixel off in opposite directions: a margin of the tool, or two mistakes"


def _pile(distance: Floats) -> Pile:
    """`distance` (M, 2) from the border in pixels, positive inwards."""
    flat = distance[np.abs(distance) < BAND.stop + 1]

    def count(place: int) -> int:
        hits: NDArray[np.bool_] = np.abs(flat - place) <= HALF_WIDTH
        return int(hits.sum())

    chance = sum(count(place) for place in BAND) / len(BAND)
    return Pile(surplus=tuple(max(0.0, count(place) - 1.5 * chance) for place in PLACES))
