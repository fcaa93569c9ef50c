"""Shapes that cannot be right wherever the picture is: outside it, without extent, crossing themselves, or there twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from src.contract.records import GEOMETRY_KINDS
from src.doctor.annotations import BOX, LINE, POLY, Annotations, Bools, Floats, Ints
from src.doctor.checks import Check
from src.doctor.frames import Space, declared_frame
from src.utils.progress import progress

MOST_EXAMPLES = 24
ADVICE = frozenset({"self-intersections", "near-duplicates"})
OUTSIDE_PX = 0.01
SAME_IOU, NEAR_IOU = 0.999, 0.9
MOST_PAIRS = 4_000_000  # Of one step; memory stays at some 200 MB.
POLYGONS_A_STEP = 50_000
WORDS = {
    "outside": ("shapes leave the picture", "clip them, or look at the findings about coordinates"),
    "degenerate": (
        "shapes have no extent, or far corners before near ones",
        "drop them, or turn the corners",
    ),
    "self-intersections": (
        "polygons cross or touch themselves",
        "redraw them, or split them at the crossing",
    ),
    "duplicates": (
        "shapes repeat an earlier one with the same description",
        "drop the repetitions",
    ),
    "near-duplicates": (
        f"shapes have an IoU of at least {NEAR_IOU} with an earlier one of the same description",
        "drop one of each pair",
    ),
}
"""What was found, and what to do."""


def pixel_corners(data: Annotations, space: Space) -> Floats:
    """(M, 4) in pixels as declared; NaN where the record has no size and the space is relative."""
    corners = data.corners()
    if space == "pixels":
        return corners
    known = data.size.min(axis=1) > 0
    size = np.where(known[:, None], data.size, np.nan)
    frame = declared_frame(size, space)
    scale = (frame.size / frame.reach)[data.record]
    pixels: Floats = corners * np.concatenate([scale, scale], axis=1)
    return pixels


def check_shapes(data: Annotations, space: Space) -> tuple[Check, ...]:
    """Checks "outside", "degenerate", "self-intersections", "duplicates" and "near-duplicates"."""
    corners = pixel_corners(data, space)
    same, near = _repeated(data, corners)
    found = {
        "outside": _outside(data, corners),
        "degenerate": _degenerate(data, corners),
        "self-intersections": _crossing(data),
        "duplicates": same,
        "near-duplicates": near,
    }
    return tuple(_counted(name, data, objects) for name, objects in found.items())


def _counted(name: str, data: Annotations, objects: Bools) -> Check:
    what, remedy = WORDS[name]
    count = int(objects.sum())
    if not count:
        return Check(name=name, verdict="ok", sentence=f"none of {data.num_objects} objects")
    records = np.unique(data.record[objects])
    kinds: dict[str, int] = {
        kind: int((objects & (data.kind == code)).sum()) for code, kind in enumerate(GEOMETRY_KINDS)
    }
    return Check(
        name=name,
        verdict="found",
        cause=name,
        severity="advice" if name in ADVICE else "error",
        sentence=f"{count} {what}, in {len(records)} records; the first at {data.place(int(records[0]))}",
        remedy=remedy,
        evidence={"objects": count, "records": len(records), **kinds},
        records=tuple(int(row) for row in records[:MOST_EXAMPLES]),
    )


def _outside(data: Annotations, corners: Floats) -> Bools:
    size = data.size[data.record]
    low = np.minimum(corners[:, :2], corners[:, 2:])
    high = np.maximum(corners[:, :2], corners[:, 2:])
    beyond = (low < -OUTSIDE_PX) | (high > size + OUTSIDE_PX)
    found: Bools = beyond.any(axis=1) & (size.min(axis=1) > 0)
    return found


def _degenerate(data: Annotations, corners: Floats) -> Bools:
    extent = corners[:, 2:] - corners[:, :2]
    flat = (extent <= 0).any(axis=1)
    return np.where(data.kind == LINE, (extent <= 0).all(axis=1), flat)


def _crossing(data: Annotations) -> Bools:
    """Polygons that shapely does not call valid. Cost: about 5 microseconds each."""
    import shapely

    found = np.zeros(data.num_objects, dtype=np.bool_)
    polygons = np.flatnonzero(data.kind == POLY)
    starts = range(0, len(polygons), POLYGONS_A_STEP)
    for start in progress(starts, total=len(starts), label="polygons") if len(starts) else ():
        chosen = polygons[start : start + POLYGONS_A_STEP]
        counts = data.first[chosen + 1] - data.first[chosen]
        ends = np.cumsum(counts + 1)
        places = np.arange(ends[-1]) - np.repeat(ends - counts - 1, counts + 1)
        places = np.where(places == np.repeat(counts, counts + 1), 0, places)  # rings are closed
        points = data.points[np.repeat(data.first[chosen], counts + 1) + places]
        rings = np.concatenate([[0], ends])
        shapes = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, points, (rings, np.arange(len(chosen) + 1))
        )
        found[chosen] = ~shapely.is_valid(shapes)
    return found


def _repeated(data: Annotations, corners: Floats) -> tuple[Bools, Bools]:
    """Objects that repeat an earlier one of their record, and those that nearly do; same kind and description.

    A polygon or line repeats another when all points are equal; near-repetitions are those of boxes, and of polygons that take
    the same share of nearly the same box. Cost: sum of squared objects per record, 20 ns each.
    """
    same = np.zeros(data.num_objects, dtype=np.bool_)
    near = np.zeros(data.num_objects, dtype=np.bool_)
    prints = _fingerprints(data)
    shares = _shares(data)
    for rows, others in _batches(data):
        iou = _ious(corners[rows], corners[others])
        alike = _equal(data.label, rows, others) & _equal(data.kind, rows, others)
        alike &= rows[:, :, None] > others[:, None]
        is_box = (data.kind[rows] == BOX)[:, :, None]
        twice = alike & np.where(is_box, iou >= SAME_IOU, _equal(prints, rows, others))
        close = np.abs(shares[rows][:, :, None] - shares[others][:, None]) < 0.05
        is_line = (data.kind[rows] == LINE)[:, :, None]
        almost = alike & ~twice & (iou >= NEAR_IOU) & close & ~is_line
        same[rows[twice.any(axis=2)]] = True
        near[rows[almost.any(axis=2) & ~twice.any(axis=2)]] = True
    return same, near


def _equal(values: NDArray[np.int64], rows: Ints, others: Ints) -> Bools:
    """(K, a) and (K, n) indices -> (K, a, n)."""
    found: Bools = values[rows][:, :, None] == values[others][:, None]
    return found


def _batches(data: Annotations) -> Iterator[tuple[Ints, Ints]]:
    """(K, a) and (K, n) object indices of K records with n objects each, at most `MOST_PAIRS` pairs (or n) a step.

    Every object of a record with two or more is once among the a; those up to it are among the n.
    """
    counts = np.bincount(data.record, minlength=data.num_records)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for count in (int(value) for value in np.unique(counts) if value > 1):
        records = np.flatnonzero(counts == count)
        step = max(1, MOST_PAIRS // count**2)
        for begin in range(0, len(records), step):
            chosen = records[begin : begin + step]
            first = starts[chosen][:, None]
            block = max(1, min(count, MOST_PAIRS // (len(chosen) * count)))
            for begun in range(0, count, block):
                ended = min(begun + block, count)
                yield first + np.arange(begun, ended), first + np.arange(ended)


def _ious(box: Floats, other: Floats) -> Floats:
    """(K, a, 4) and (K, n, 4) -> (K, a, n); 0 for boxes without area."""
    low = np.maximum(box[:, :, None, :2], other[:, None, :, :2])
    high = np.minimum(box[:, :, None, 2:], other[:, None, :, 2:])
    common: Floats = np.maximum(0.0, high - low).prod(axis=3)
    union = _areas(box)[:, :, None] + _areas(other)[:, None] - common
    found: Floats = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return found


def _areas(box: Floats) -> Floats:
    areas: Floats = np.maximum(0.0, box[..., 2:] - box[..., :2]).prod(axis=2)
    return areas


def _fingerprints(data: Annotations) -> Ints:
    """(M,) equal for equal points in equal order; sums of scrambled coordinates, so that chance equality is 2**-50."""
    if not data.num_objects:
        return np.zeros(0, dtype=np.int64)
    bits = np.ascontiguousarray(data.points).view(np.uint64).reshape(-1, 2)
    places = (np.arange(len(bits)) - np.repeat(data.first[:-1], np.diff(data.first))).astype(
        np.uint64
    )
    mixed = bits[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ bits[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * (
        places * np.uint64(2) + np.uint64(0x165667B19E3779F9)
    )
    sums: Ints = np.add.reduceat(mixed ^ (mixed >> np.uint64(32)), data.first[:-1]).view(np.int64)
    return sums


def _shares(data: Annotations) -> Floats:
    """(M,) area of each polygon as a share of the box around it; 1 for boxes and lines."""
    if not data.num_objects:
        return np.zeros(0)
    following = np.arange(1, len(data.points) + 1)
    following[data.first[1:] - 1] = data.first[:-1]
    x, y = data.points.T
    doubled = np.add.reduceat(x * y[following] - x[following] * y, data.first[:-1])
    corners = data.corners()
    around = np.abs((corners[:, 2:] - corners[:, :2]).prod(axis=1))
    share = np.divide(np.abs(doubled) / 2, around, out=np.ones(data.num_objects), where=around > 0)
    return np.where(data.kind == POLY, share, 1.0)
