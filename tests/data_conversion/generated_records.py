"""Generated records with real picture files: what the round-trip and hostile-input tests write and read back."""

import cv2
import numpy as np

from src.contract.records import ObjectAnnotation, Record, Source
from src.rng import generator

LABELS = (
    "plain",
    "two words",
    "caf\u00e9 \u76f4\u7ebf",
    "comma, semicolon; colon: #hash",
    "slash/back\\slash",
    "<b> & \"quoted\" 'single'",
    "null",
    "17",
    "- dash {brace} [bracket] %",
)
NAMES = (
    "plain.png",
    "sub/plain.jpg",
    "other/plain.jpg",
    "two words/a b.png",
    "images/nested.png",
    "caf\u00e9.jpg",
    "dotted.name.png",
    "x-1.png",
    "x-2.png",
    "negative.png",
)
MARGIN = 150  # keeps a polygon of the largest radius inside


def make_picture(path, width, height):
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix, np.full((height, width, 3), 90, np.uint8))
    assert done
    path.write_bytes(data.tobytes())


FEW_NAMES = ("plain.png", "sub/plain.jpg", "negative.png")


def make_parts(root, seed=6, names=NAMES):
    """Records by part, one for each of `names` in each, their pictures below `root`.

    Every part has a negative image, every kind of shape and, with all names, every label.
    """
    parts = {}
    for part in ("train", "val"):
        records = [
            _record(generator(seed, "round-trip", part, number), f"{part}-{number}", name)
            for number, name in enumerate(names)
        ]
        for record in records:
            make_picture(root / record.images[0], record.width, record.height)
        parts[part] = records
    return parts


def _record(rng, key, name):
    folder, _, base = name.rpartition("/")
    width, height = (int(side) for side in rng.integers(2 * MARGIN + 20, 700, 2))
    objects = () if base == "negative.png" else _objects(rng, width, height)
    metadata = {}
    if objects:
        metadata["attributes"] = [
            {"occluded": True, "colour": "dark red"} if position % 2 else {}
            for position in range(len(objects))
        ]
        metadata["groups"] = [
            ("7", "pair", "", "")[position % 4] for position in range(len(objects))
        ]
    return Record(
        images=("/".join(p for p in ("images", folder, f"{key} {base}") if p),),
        width=width,
        height=height,
        objects=objects,
        summary=f"{len(objects)} things" if objects and rng.random() < 0.5 else None,
        metadata=metadata,
        source=Source(file="generated", line=1),
    )


def _objects(rng, width, height):
    shapes = [
        ("bbox_2d", _box(rng, width, height)),
        ("bbox_2d", _box(rng, width, height)),
        ("bbox_2d", (0.0, 0.0, float(width), float(height))),
        ("bbox_2d", (0.0, 10.25, 33.5, float(height))),
        ("bbox_2d", (width - 3.0, 5.0, float(width), 7.0)),
        ("poly", _polygon(rng, width, height, 3)),
        ("poly", _polygon(rng, width, height, 4)),
        ("poly", _polygon(rng, width, height, int(rng.integers(5, 12)))),
        ("poly", _polygon(rng, width, height, 12, dents=True)),
        ("line", _line(rng, width, height, 2)),
        ("line", _line(rng, width, height, int(rng.integers(3, 9)))),
        ("line", (10.0, 20.5, 90.25, 20.5)),
    ]
    order = rng.permutation(len(shapes))
    return tuple(
        ObjectAnnotation(
            desc=LABELS[int(rng.integers(len(LABELS)))], kind=shapes[i][0], points=shapes[i][1]
        )
        for i in order
    )


def _box(rng, width, height):
    x, y = rng.uniform(0, width - 20), rng.uniform(0, height - 20)
    return (x, y, rng.uniform(x + 4, width), rng.uniform(y + 4, height))


def _polygon(rng, width, height, count, dents=False):
    """`count` vertices around a centre, at jittered angles, in a random direction; every second one is drawn in for `dents`."""
    centre = (rng.uniform(MARGIN, width - MARGIN), rng.uniform(MARGIN, height - MARGIN))
    angles = (np.arange(count) + rng.uniform(-0.2, 0.2, count)) * 2 * np.pi / count
    radii = rng.uniform(110, MARGIN - 1, count)
    if dents:
        radii[1::2] *= 0.5
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None] + centre
    return tuple(points[:: 1 if rng.random() < 0.5 else -1].ravel().tolist())


def _line(rng, width, height, count):
    return tuple(rng.uniform((0, 0), (width, height), (count, 2)).ravel().tolist())
