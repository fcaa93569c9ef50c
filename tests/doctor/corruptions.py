"""Mistakes that converters make, each with the answer that is right and the rule by which it can be known at all.

The rules look at the data before the mistake and never at the doctor: objects must leave the picture, be cut by its border, or
fill a part of it that is plainly too small, and pictures must not be square where axes are exchanged. They restate what the
doctor looks for, with a margin: recall measures whether its triggers hold what they promise, not what is humanly knowable.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.doctor.frames import QWEN25_CELL, Space
from src.rng import generator
from tests.doctor.data_sets import Picture

PHONE_SHARE = 0.3
QWEN_MAX = 1280 * QWEN25_CELL**2


@dataclass(frozen=True)
class Corruption:
    """`change(points (n, 2), width, height)` gives the points written; `size` the size written. `check` and `cause` are the right
    answer, `decidable(pictures)` whether it can be known. `header` says that the true picture's size is shown to the doctor,
    `every` that only every so many-th record has the mistake."""

    check: str
    cause: str
    decidable: Callable[[tuple[Picture, ...]], bool]
    change: Callable[[np.ndarray, float, float], np.ndarray] = lambda points, width, height: points
    size: Callable[[float, float], tuple[float, float]] = lambda width, height: (width, height)
    space: Space = "pixels"
    header: bool = False
    boxes_only: bool = False
    turned: bool = False
    every: int = 1


def qwen25(width: float, height: float, max_pixels: int = QWEN_MAX) -> tuple[int, int]:
    """Written from the published description, one picture at a time: an independent statement of the rule."""
    cell = QWEN25_CELL
    fitted = [max(cell, round(side / cell) * cell) for side in (width, height)]
    if fitted[0] * fitted[1] > max_pixels:
        beta = (width * height / max_pixels) ** 0.5
        fitted = [max(cell, int(side / beta // cell) * cell) for side in (width, height)]
    return fitted[0], fitted[1]


def extents(pictures):
    """(M, 8): bounds of each object, its picture's size, whether it is a box, and its picture's number."""
    rows = [
        (min(p[::2]), min(p[1::2]), max(p[::2]), max(p[1::2]), picture.width, picture.height, kind == "bbox_2d", number)
        for number, picture in enumerate(pictures)
        for kind, p in picture.objects
    ]  # fmt: skip
    return np.array(rows, dtype=float)


def many(mask) -> bool:
    """At least 10 objects and 1.2 % of them: a little above what the doctor takes for an accident."""
    return mask.sum() >= 12 and mask.mean() >= 0.012


def frame_decidable(true_reach, declared_reach):
    """A rule for values that span `true_reach(w, h)` in a file that claims `declared_reach(w, h)`."""

    def rule(pictures) -> bool:
        rows = extents(pictures)
        size = rows[:, 4:6]
        true = np.array([true_reach(*pair) for pair in size])
        declared = np.array([declared_reach(*pair) for pair in size])
        share = rows[:, 2:4] / size
        leaving = (share * true > 1.06 * declared + 2).any(axis=1)
        differs = np.abs(true / declared - 1) * size > 4
        cut = ((size - rows[:, 2:4] < 0.3) & differs).sum()
        wide = np.log(declared / true).sum(axis=1).mean() > np.log(1.6)
        fills = np.quantile(share, 0.99, axis=0).min() > 0.87
        return many(leaving) or cut >= 20 or bool(wide and fills)

    return rule


def pixels(width, height):
    return width, height


def grid(value):
    return lambda width, height: (value, value)


def twice(width, height):
    return 1e6 / width, 1e6 / height


def spread(reach, digits):
    """Pixels -> values that span `reach`, rounded."""
    return lambda points, width, height: np.round(
        points / (width, height) * reach(width, height), digits
    )


def xywh(points, width, height):
    return np.array([points[0], points[1] - points[0]])


def xywh_on(reach, digits):
    """Corner and sides, as values that span `reach`."""
    write_out = spread(reach, digits)
    return lambda points, width, height: write_out(xywh(points, width, height), width, height)


def xywh_decidable(pictures) -> bool:
    rows = extents(pictures)
    boxes = rows[rows[:, 6] > 0]
    return len(boxes) >= 50 and many((boxes[:, 2:4] < 2 * boxes[:, :2]).any(axis=1)[:])


def xywh_only_decidable(pictures) -> bool:
    """No polygon or line stands beside the boxes, whose order would hold no sense of its own."""
    return xywh_decidable(pictures) and bool(extents(pictures)[:, 6].all())


def added(points, width, height):
    return np.array([points[0], points[0] + points[1]])


def added_decidable(pictures) -> bool:
    rows = extents(pictures)
    boxes = rows[rows[:, 6] > 0]
    if len(boxes) < 50:
        return False
    return many((boxes[:, :2] + boxes[:, 2:4] > 1.06 * boxes[:, 4:6] + 2).any(axis=1))


def axes_decidable(pictures, least=12) -> bool:
    """Enough pictures with an object that leaves the turned picture."""
    rows = extents(pictures)
    leaving = (rows[:, 2:4] > 1.06 * rows[:, 5:3:-1] + 2).any(axis=1)
    return len(np.unique(rows[leaving, 7])) >= least


def border_decidable(pictures) -> bool:
    """At least 25 objects cut at each end, and clearly more than end a pixel or two away by chance."""
    rows = extents(pictures)
    near, far = rows[:, :2], rows[:, 4:6] - rows[:, 2:4]
    for gap in (near, far):
        cut = (gap < 0.01).sum()
        beside = ((gap > 0.7) & (gap < 3.3)).sum() / 3
        if cut < 25 or cut < 6 * beside:
            return False
    return True


def one_based(points, width, height):
    low = points.min(axis=0)
    return np.where(points == low, points + 1, points)


def inclusive(points, width, height):
    high = points.max(axis=0)
    return np.where(points == high, points - 1, points)


def not_square(pictures) -> bool:
    return sum(picture.width != picture.height for picture in pictures) >= 50


def cut_decidable(pictures) -> bool:
    """At least 25 objects end exactly at the border in x, and in y."""
    rows = extents(pictures)
    return bool(((rows[:, 4:6] - rows[:, 2:4] < 0.3).sum(axis=0) >= 25).all())


def part_decidable(pictures) -> bool:
    """Of every third record: many leave the picture, turned as well, and fill 0 to 1000; the others end near their border."""
    rows = extents(pictures)
    value = rows[:, 2:4] / rows[:, 4:6] * 1000
    number = rows[:, 7].astype(int)
    leaving, ends, highest = (
        np.zeros((3, len(pictures))),
        np.zeros(len(pictures)),
        np.zeros((len(pictures), 2)),
    )
    np.maximum.at(leaving[0], number, (value > 1.06 * rows[:, 4:6] + 2).any(axis=1))
    np.maximum.at(leaving[1], number, (value > 1.06 * rows[:, 5:3:-1] + 2).any(axis=1))
    np.maximum.at(ends, number, (value / 1000).max(axis=1))
    np.maximum.at(highest, number, value)
    third = np.arange(len(pictures)) % 3 == 0
    foreign = third & (leaving[0] > 0) & (leaving[1] > 0)
    if foreign.sum() < max(15, 0.03 * len(pictures)):
        return False
    return (ends[~third] > 0.9).mean() > 0.5 and np.quantile(
        highest[foreign], 0.85, axis=0
    ).min() > 780


def two_thirds(points, width, height):
    return np.round(points * (2 / 3), 2)


def scaled_decidable(factor):
    return frame_decidable(pixels, lambda width, height: (width * factor, height * factor))


def half(width, height):
    return width * 0.5, height * 0.5


THOUSANDTHS = frame_decidable(grid(1000), pixels)
CORRUPTIONS = {
    "0 to 1": Corruption("space", "norm1", lambda _: True, spread(grid(1), 6)),
    "0 to 100": Corruption("space", "norm100", lambda _: True, spread(grid(100), 2)),
    "0 to 1000": Corruption("space", "norm1000", THOUSANDTHS, spread(grid(1000), 0)),
    "pixels, declared 0 to 1000": Corruption("space", "pixels", frame_decidable(pixels, grid(1000)), space="norm1000"),
    "normalised twice": Corruption("space", "norm1000 twice", frame_decidable(twice, pixels), spread(twice, 0)),
    "qwen2.5 pixels": Corruption("qwen25", f"qwen25 max_pixels={QWEN_MAX}", frame_decidable(qwen25, pixels), spread(qwen25, 2)),
    "xywh as xyxy": Corruption("order", "xywh", xywh_decidable, xywh, boxes_only=True),
    "xywh in 0 to 1": Corruption("order", "xywh norm1", xywh_only_decidable, xywh_on(grid(1), 6), boxes_only=True),
    "xywh in 0 to 1000": Corruption("order", "xywh norm1000", xywh_only_decidable, xywh_on(grid(1000), 0), boxes_only=True),
    "xyxy as xywh": Corruption("order", "added", added_decidable, added, boxes_only=True),
    "yxyx": Corruption("axes", "yxyx", axes_decidable, lambda p, w, h: p[:, ::-1], header=True),
    "yxyx without pictures": Corruption("axes", "axes-exchanged", axes_decidable, lambda p, w, h: p[:, ::-1]),
    "width and height exchanged": Corruption("axes", "transposed-size", axes_decidable, size=lambda w, h: (h, w), header=True),
    "near corners from 1": Corruption("border", "near-corner-one-based", border_decidable, one_based),
    "far corners inclusive": Corruption("border", "far-corner-inclusive", border_decidable, inclusive),
    "sizes of a half": Corruption("size", "scaled 2.0000", scaled_decidable(0.5), size=half),
    "0 to 1000 with pictures": Corruption("space", "norm1000", THOUSANDTHS, spread(grid(1000), 0), header=True),
    "sizes of a half with pictures": Corruption("size", "wrong-size", lambda _: True, size=half, header=True),
    "a copy of two thirds": Corruption("size", "scaled 0.6667", cut_decidable, two_thirds),
    "a copy of two thirds with pictures": Corruption("size", "scaled 0.6667", cut_decidable, two_thirds, header=True),
    "a third in 0 to 1": Corruption("space", "mixed norm1", lambda _: True, spread(grid(1), 6), every=3),
    "a third in 0 to 1000": Corruption("space", "mixed norm1000", part_decidable, spread(grid(1000), 0), every=3),
    "stored EXIF frame": Corruption("exif", "stored-size", not_square, header=True, turned=True),
}  # fmt: skip


def write(pictures, corruption: Corruption | None, path: Path, seed: int = 1):
    """Write the JSONL; the (stored width, stored height, orientation) rows of the headers come back."""
    lines, headers = [], []
    rng = generator(seed, "doctor exif")
    chosen = corruption
    for number, picture in enumerate(pictures):
        corruption = chosen if chosen and number % chosen.every == 0 else None
        width, height = picture.width, picture.height
        written = corruption.size(width, height) if corruption else (width, height)
        objects = []
        for kind, flat in picture.objects:
            points = np.array(flat).reshape(-1, 2)
            if corruption and (kind == "bbox_2d" or not corruption.boxes_only):
                points = corruption.change(points, width, height)
            objects.append({"desc": "thing", kind: np.asarray(points).ravel().tolist()})
        record = {
            "images": [f"{number}.png"],
            "width": written[0],
            "height": written[1],
            "objects": objects,
        }
        lines.append(json.dumps(record))
        is_turned = corruption is not None and corruption.turned and rng.random() < PHONE_SHARE
        headers.append((width, height, 6 if is_turned else 1))
    path.write_text("\n".join(lines) + "\n")
    return np.array(headers)
