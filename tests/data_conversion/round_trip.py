"""Compares what a format gave back with what was written into it, line by line of its declared fidelity.

`write_and_compare` returns sentences, none when the declaration holds in both directions: what is declared kept came back,
what is declared lost was reported with its count, and what was reported or lost had been declared.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from shapely import Polygon, box, make_valid

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.spaces import extent
from data_conversion.pipeline.writers.registry import WRITERS
from data_conversion.pipeline.writing import WriteOptions

READER_OF = {"yolo_det": "yolo", "yolo_seg": "yolo", "yolo_obb": "yolo"}
"""Writers whose reader has another name."""
SPACES = {
    "ms_swift": ("pixels", "norm1"),
    "llama_factory": ("norm1000", "pixels", "qwen25"),
    "qwen": ("norm1000", "pixels", "qwen25"),
}
"""Formats that must be told what their coordinates mean: every space that the tests go through."""
CASES = [
    (name, space)
    for name in WRITERS
    if READER_OF.get(name, name) in READERS
    for space in SPACES.get(name, (None,))
]
IOU = 0.99
EXACT_PX = 0.01
SMALL_PX2 = 10_000
"""Of a smaller polygon a coarse grid moves more than 1 % of the area; there the distance of the outlines decides."""
LOSS_WORDS = {
    "bbox_2d": ("box",),
    "poly": ("polygon",),
    "line": ("line",),
    "attributes": ("attribute",),
    "groups": ("group",),
    "summaries": ("summar",),
    "negatives": ("negative", "without objects"),
    "labels": ("label",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An object as it should come back. `how`: its corners or vertices one by one, or the area ("region", or "rectangle":
    that of a rectangle around it)."""

    kind: str
    points: tuple
    label: str
    attributes: dict
    how: str


def write_and_compare(writer, name, space, parts, folder, *, complete=False):
    """Write `parts` into `folder` (their pictures are there), read it back, and say what differs.

    `complete`: the records hold everything that can be lost, so each declared loss must be seen to happen.
    """
    written = writer.write(parts, WriteOptions(output=folder, space=space, prompt="Describe it."))
    options = ReadOptions(images=ImageIndex.of(folder), space=space)
    reader = READERS[READER_OF.get(name, name)]
    assert reader.recognise(folder), "its own reader does not recognise it"
    export = reader.open(folder, options)
    problems, found = differences(parts, export, written, writer.fidelity, space)
    return problems + (_not_needed(writer.fidelity, found, space) if complete else [])


def differences(parts, export, written, fidelity, space):
    """(what differs, how often each line of the declaration was seen to be lost)."""
    problems = []
    images = {}
    for item in export.listing.items:
        raw = export.read(item)
        if raw.image in images:
            problems.append(f"{raw.image}: read twice")
        images[raw.image] = (item.key, raw)
    found = Counter()
    for part, records in parts.items():
        for record in records:
            problems += _of_image(
                record, part, images, export.listing.split, fidelity, found, space
            )
    listed = {record.images[0] for records in parts.values() for record in records}
    problems += [f"{image}: never written" for image in sorted(set(images) - listed)]
    problems += _of_losses(parts, written, fidelity, found)
    return problems, found


def _of_image(record, part, images, split, fidelity, found, space):
    name = record.images[0]
    if not record.objects and not fidelity.negatives:
        return [f"{name}: a negative came back"] if name in images else []
    if name not in images:
        return [f"{name}: did not come back"]
    key, raw = images[name]
    problems = []
    if fidelity.sizes and raw.size != (record.width, record.height):
        problems.append(f"{name}: size {raw.size}")
    if fidelity.splits and (split is None or split.get(key) != part):
        problems.append(f"{name}: belongs to {part}, came back as {split and split.get(key)}")
    captions = () if record.summary is None else (record.summary,)
    if fidelity.summaries and raw.captions != captions:
        problems.append(f"{name}: captions {raw.captions}")
    if captions and raw.captions != captions:
        found["summaries lost"] += 1
    if dropped := [finding for finding in raw.findings if finding.kind == "dropped"]:
        problems.append(f"{name}: {dropped[0]}")
    given = record.metadata.get("groups", [""] * len(record.objects))
    back = [item.group for item in raw.objects]
    if fidelity.groups and _partition(back) != _partition(given):
        problems.append(f"{name}: groups {back}")
    expected = expected_objects(record, fidelity)
    if len(expected) != len(raw.objects):
        return [*problems, f"{name}: {len(raw.objects)} objects of {len(expected)}"]
    back = raw.objects if fidelity.object_order else _sorted_as(expected, raw.objects)
    for position, (want, got) in enumerate(zip(expected, back, strict=True)):
        said = _of_object(want, got, (record.width, record.height), fidelity, found, space)
        problems += [f"{name}, object {position}: {text}" for text in said]
    return problems


def _partition(groups):
    """Which objects are together, whatever their group is called; each object without one is None."""
    return [groups.index(name) if name else None for name in groups]


def _sorted_as(expected, objects):
    """The objects read in the order of what is expected: each by its kind and label, the nearest first; lines not turned."""
    left = list(objects)
    back = []
    for want in expected:
        nearest = min(left, key=lambda got: _unlikeness(want, got))
        left.remove(nearest)
        if want.kind == "line" and nearest.kind == "line":
            turned = tuple(np.reshape(nearest.points, (-1, 2))[::-1].ravel().tolist())
            if len(turned) == len(want.points) and _away(turned, want) < _away(
                nearest.points, want
            ):
                nearest = replace(nearest, parts=(turned,))
        back.append(nearest)
    return back


def _unlikeness(want, got):
    centres = [np.reshape(item.points, (-1, 2)).mean(axis=0) for item in (want, got)]
    return got.kind != want.kind, got.label != want.label, np.abs(centres[0] - centres[1]).sum()


def _away(points, want):
    return np.abs(np.subtract(points, want.points)).max()


def expected_objects(record, fidelity):
    """The objects of a record that the format says it holds, as it says it holds them, in order."""
    attributes = record.metadata.get("attributes", [{}] * len(record.objects))
    kept = []
    for item, own in zip(record.objects, attributes, strict=True):
        fate = getattr(fidelity, item.kind)
        points = np.reshape(item.points, (-1, 2))
        low, high = points.min(axis=0), points.max(axis=0)
        if fate == "lost" or (fate == "as box" and (low >= high).any()):
            continue
        kind, how = item.kind, "region" if item.kind == "poly" else "points"
        if fate == "exact" and item.kind == "poly" and fidelity.vertex_order:
            how = "points"
        if fate == "as box":
            kind, how, points = "bbox_2d", "points", np.stack([low, high])
        if fate == "as polygon":
            kind, how = "poly", "rectangle" if item.kind == "poly" else "region"
            if item.kind == "bbox_2d":
                points = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
        shape = tuple(points.ravel().tolist())
        kept.append(Expected(kind=kind, points=shape, label=item.desc, attributes=own, how=how))
    return kept


def _of_object(want, got, size, fidelity, found, space):
    problems = []
    allowed = _tolerance(size, fidelity.precision, space)
    if got.kind != want.kind or len(got.parts) != 1:
        return [f"{want.kind} came back as {got.kind} in {len(got.parts)} parts"]
    if got.label != want.label:
        found["labels lost"] += 1
        if fidelity.labels:
            problems.append(f"label {want.label!r} became {got.label!r}")
    if dict(got.attributes) != want.attributes:
        found["attributes lost"] += 1
        if fidelity.attributes:
            problems.append(f"attributes {want.attributes} became {dict(got.attributes)}")
    if want.kind == "poly":
        iou = _iou(want.points, got.points, size if want.how == "rectangle" else None)
        is_small = fidelity.precision != "exact" and (
            space not in (None, "norm1000") or _area(want.points) < SMALL_PX2
        )
        if iou < IOU and not (is_small and _boundary_distance(want, got) <= np.hypot(*allowed)):
            problems.append(f"IoU {iou:.4f}")
    if len(got.points) != len(want.points):
        found["vertex_order lost"] += 1
        return problems if want.how != "points" else [*problems, "another number of points"]
    distance = np.abs(np.subtract(got.points, want.points)).reshape(-1, 2)
    if want.how == "points":
        if (distance > allowed).any():
            problems.append(f"{distance.max(axis=0)} px away, allowed {allowed}")
        if distance.max() > EXACT_PX:
            found["precision lost"] += 1
    elif distance.max() > 1.0:
        found["vertex_order lost"] += 1
    return problems


def _tolerance(size, precision, space):
    """How far a coordinate may be off, for x and y: half a step of a grid."""
    if precision == "norm1000":
        return np.array(size) / extent(space or "norm1000", size) / 2 + 1e-6
    return np.full(2, {"exact": EXACT_PX, "whole pixels": 0.5 + 1e-6}[precision])


def _boundary_distance(want, got):
    one, other = (Polygon(np.reshape(item.points, (-1, 2))).exterior for item in (want, got))
    return one.hausdorff_distance(other)


def _iou(want, got, rectangle_in):
    """Of two polygons. With `rectangle_in`, the (width, height) of a picture, the first stands for the smallest rectangle
    around it, or its upright box where that leaves the picture, unless it has four corners itself."""
    one, other = (make_valid(Polygon(np.reshape(points, (-1, 2)))) for points in (want, got))
    if rectangle_in is not None and len(want) != 8:
        rectangle = one.minimum_rotated_rectangle
        fits = box(0, 0, *rectangle_in).covers(rectangle)
        one = rectangle if fits else box(*one.bounds)
    return one.intersection(other).area / one.union(other).area


def _area(points):
    return make_valid(Polygon(np.reshape(points, (-1, 2)))).area


def _of_losses(parts, written, fidelity, found):
    """What the writer says it lost, against what the declaration says it must lose of these records."""
    records = [record for part in parts.values() for record in part]
    kept = [expected_objects(record, fidelity) for record in records]
    images = sum(bool(record.objects) or fidelity.negatives for record in records)
    problems = []
    if (written.num_images, written.num_objects) != (images, sum(map(len, kept))):
        problems.append(
            f"says it wrote {written.num_images} images and {written.num_objects} objects"
        )
    due = {}
    for kind in ("bbox_2d", "poly", "line"):
        if getattr(fidelity, kind) != "exact":
            due[kind] = {sum(item.kind == kind for record in records for item in record.objects)}
    if not fidelity.negatives:
        due["negatives"] = {sum(not record.objects for record in records)}
    if not fidelity.summaries:
        due["summaries"] = {sum(record.summary is not None for record in records)}
    if not fidelity.attributes and found["attributes lost"]:  # a format may hold some of them
        given = [own for record in records for own in record.metadata.get("attributes", ())]
        due["attributes"] = {sum(map(bool, given)), sum(map(len, given))}
    renamed = {name for r in records for name in r.metadata.get("groups", ())} - {"", "7"}
    groups = sum("groups" in record.metadata for record in records)
    due["groups"] = {groups * len(renamed) if fidelity.groups else groups}
    if not fidelity.labels:
        due["labels"] = set(range(1, 10_000))
    for line, counts in due.items():
        spoken = [
            count
            for text, count in written.losses.items()
            if any(word in text.lower() for word in LOSS_WORDS[line])
        ]
        if counts != {0} and not any(count in counts for count in (*spoken, sum(spoken))):
            problems.append(f"{line}: declared lost {counts}, reported {dict(written.losses)}")
    for text in written.losses:
        if not any(word in text.lower() for line in due for word in LOSS_WORDS[line]):
            problems.append(f"reported lost, but declared kept: {text}")
    return problems


def _not_needed(fidelity, found, space):
    """Lines that declare a loss which did not happen."""
    lines = [
        line
        for line in ("labels", "attributes", "summaries")
        if not getattr(fidelity, line) and not found[f"{line} lost"]
    ]
    if not fidelity.vertex_order and fidelity.poly == "exact" and not found["vertex_order lost"]:
        lines.append("vertex_order")
    if space is None and fidelity.precision != "exact" and not found["precision lost"]:
        lines.append("precision")
    return [f"{line}: declared lost, but all of it came back" for line in lines]
