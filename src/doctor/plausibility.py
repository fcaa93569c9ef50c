"""How well an explanation fits: what it leaves outside or turned over, how it fills the picture, whether borders are touched.

The score is a log-likelihood ratio in nats, of a rough but fixed model: corners lie anywhere in the picture with equal density;
leaving it, or a far corner before the near one, is rare; and some objects are cut by the border, so that their far edge is
exactly the picture's. A frame that is wider than the data needs pays the logarithm of its area for every object, as in
estimating a population from serial numbers; one that is too narrow pays for what it leaves outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.doctor.annotations import BOX, LINE, Annotations, Bools, Floats, Ints
from src.doctor.frames import Explanation

NEAR = 0.05  # Share of a side by which annotators overshoot without a mistake behind it.
OVERSHOOT_NATS, OUTSIDE_NATS, INVERTED_NATS = 1.0, 2.5, 4.0
# Density of values outside falls with this power of the distance, so that no frame gains by being tiny.
TAIL_POWER = 2.0
CONTACT_NATS = 2.5
COARSEST_STEP = 0.01  # Share of a side; coarser than a grid of 100 no whole numbers are.
EDGE_PX = 1.5  # What still counts as touching: corners off by one do, too.
BAND_PX = 10.0  # Beside it, where contacts by chance are counted.
MOST_WEIGHT = 3000.0  # Objects; above this more of the same proves nothing.


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """The numbers of M objects: `corners` (M, 4) as written, their record and kind, and whether all are whole numbers."""

    corners: Floats
    record: Ints
    kind: Ints
    is_whole: bool

    @classmethod
    def of(cls, data: Annotations, records: Bools) -> Numbers:
        """Those of the given records (N,)."""
        kept = records[data.record]
        corners = data.corners()[kept]
        whole = bool(len(corners)) and bool((np.abs(corners - np.round(corners)) < 1e-9).all())
        return cls(corners=corners, record=data.record[kept], kind=data.kind[kept], is_whole=whole)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """`inverted`, `outside` and `overshooting` are shares of the objects; `edge` (M, 2) tells which far edges lie at
    the border and `beside` (M, 2) which lie in the band beside it; `fills` is where the 99th percentile of x and y lies, as
    shares of the picture; `area` the mean logarithm of the frame's area, in units of the values.
    """

    explanation: Explanation
    inverted: float
    outside: float
    overshooting: float
    edge: Bools
    beside: Bools
    fills: tuple[float, float]
    area: float
    score: float

    @property
    def broken(self) -> float:
        """Share of objects that no annotator would draw."""
        return self.inverted + self.outside


def fit(numbers: Numbers, explanation: Explanation) -> Fit:
    """Measure one explanation. Cost: some 30 passes over (M, 2) numbers."""
    size = explanation.size[numbers.record]
    scale = size / explanation.reach[numbers.record]
    near, far = _pixels(numbers, explanation, scale)
    step = np.minimum(0.6 * scale, COARSEST_STEP * size) if numbers.is_whole else 0.0
    tolerance = EDGE_PX + step
    excess = np.maximum(0.0, np.maximum(-near, far - size) - tolerance) / size
    worst = excess.max(axis=1)
    inverted = _inverted(numbers, near, far)
    outside = (worst > NEAR) & ~inverted
    overshooting = (worst > 0) & (worst <= NEAR) & ~inverted
    gap = size - far
    edge = np.abs(gap) <= tolerance
    beside = (gap > tolerance) & (gap <= tolerance + BAND_PX)
    area = float(np.log(explanation.reach[numbers.record]).sum(axis=1).mean())
    costs = (
        INVERTED_NATS * inverted.mean()
        + OUTSIDE_NATS * outside.mean()
        + TAIL_POWER * np.log1p(excess).sum(axis=1).mean()
        + OVERSHOOT_NATS * overshooting.mean()
        + area
    )
    weight = min(MOST_WEIGHT, len(far))
    contacts = surplus(edge, beside, tolerance) * weight / len(far)
    fills = np.quantile(far / size, 0.99, axis=0)
    return Fit(
        explanation=explanation,
        inverted=float(inverted.mean()),
        outside=float(outside.mean()),
        overshooting=float(overshooting.mean()),
        edge=edge,
        beside=beside,
        fills=(float(fills[0]), float(fills[1])),
        area=area,
        score=CONTACT_NATS * contacts - weight * costs - explanation.penalty,
    )


def surplus(edge: Bools, beside: Bools, tolerance: Floats | float) -> float:
    """Contacts with the border beyond those that the band beside it lets expect by chance."""
    width = 2 * float(np.mean(tolerance))
    return max(0.0, float(edge.sum()) - 1.5 * float(beside.sum()) * width / BAND_PX - 3)


def _pixels(numbers: Numbers, explanation: Explanation, scale: Floats) -> tuple[Floats, Floats]:
    """Near and far corners (M, 2) in pixels."""
    near, far = numbers.corners[:, :2], numbers.corners[:, 2:]
    if explanation.order != "xyxy":
        is_box = (numbers.kind == BOX)[:, None]
        if explanation.order == "xywh":
            first, last = near, near + far
        elif explanation.order == "cxcywh":
            first, last = near - far / 2, near + far / 2
        else:
            first, last = near, far - near
        near, far = np.where(is_box, first, near), np.where(is_box, last, far)
    return near * scale, far * scale


def _inverted(numbers: Numbers, near: Floats, far: Floats) -> Bools:
    """A box whose far corner is not beyond the near one; lines may be upright or level."""
    strictly = (far < near).any(axis=1)
    flat = (far <= near).any(axis=1)
    found: Bools = np.where(numbers.kind == LINE, strictly, flat)
    return found
