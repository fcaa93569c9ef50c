"""Where far edges pile up as if the picture ended there: the sign of a width and height that belong to another copy of it."""

from __future__ import annotations

import numpy as np

from src.doctor.annotations import Floats, Ints
from src.doctor.frames import Explanation
from src.doctor.plausibility import Numbers

BIN = 0.002
RATIOS = (0.2, 5.0)
FEWEST_CONTACTS = 10
TOO_NEAR = 0.02
WIDEST_MARGIN = 0.4
PENALTY_NATS = (
    20.0  # Any space looks like this where all pictures have one size; the known spaces come first.
)


def second_border(numbers: Numbers, declared: Explanation) -> Explanation | None:
    """The declared frame times the share of both sides, not 1, at which far edges pile up in x and in y alike.

    None as well where near edges pile up at a margin: nothing can be known then.
    """
    shares = numbers.corners[:, 2:] / declared.reach[numbers.record]
    bins = int((RATIOS[1] - RATIOS[0]) / BIN)
    piles = [_piles(np.histogram(shares[:, axis], bins=bins, range=RATIOS)[0]) for axis in (0, 1)]
    both = np.minimum(*piles)
    low, high = (int((edge - RATIOS[0]) / BIN) for edge in (1 - TOO_NEAR, 1 + TOO_NEAR))
    both[low : high + 1] = 0
    best = int(both.argmax())
    if both[best] < FEWEST_CONTACTS or _has_margin(numbers, declared):
        return None
    left = RATIOS[0] + best * BIN
    values = shares[(shares >= left - BIN) & (shares <= left + 2 * BIN)]
    ratio = float(np.median(values))
    return Explanation(
        cause=f"scaled {ratio:.4f}",
        group="size",
        reach=declared.reach * ratio,
        size=declared.size * ratio,
        penalty=PENALTY_NATS,
    )


def _has_margin(numbers: Numbers, declared: Explanation) -> bool:
    """Whether near edges pile up inside the picture and not at its border: both ends lie at margins, as frames of pages do.

    A copy's border cuts objects at 0 as well, whatever its size.
    """
    shares = numbers.corners[:, :2] / declared.reach[numbers.record]
    bins = int((WIDEST_MARGIN + TOO_NEAR) / BIN)
    piles = [
        _piles(np.histogram(shares[:, axis], bins=bins, range=(-TOO_NEAR, WIDEST_MARGIN))[0])
        for axis in (0, 1)
    ]
    both = np.minimum(*piles)
    first = int(2 * TOO_NEAR / BIN)
    inside = float(both[first:].max())
    return inside >= FEWEST_CONTACTS and inside > float(both[:first].max())


def _piles(counts: Ints) -> Floats:
    """Of each bin with its neighbour (a pile may lie on the boundary), what is beyond chance, by the 20 bins around."""
    pairs = counts + np.append(counts[1:], 0)
    around = np.convolve(counts, np.ones(20), mode="same") - pairs
    expected = np.maximum(0.0, around) / 18 * 2
    return np.where(pairs > 3 * expected + 5 * np.sqrt(expected), pairs - expected, 0.0)
