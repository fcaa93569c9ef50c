"""LabelMe (the JSON tool, versions 3 to 5): one JSON file per picture, beside it.

Coordinates are pixel edges: a point is where the cursor was, a 640-wide picture spans 0..640. `imagePath` is relative to the
JSON, with the separators of the system that wrote it. A shape's `points` mean by type: two opposite corners of a rectangle in any
order, vertices of a polygon, a centre and a point of the rim of a circle, the corners of the pixels that a mask's PNG covers.
"""

from __future__ import annotations

import math
import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from data_conversion.pipeline import annotated_shapes as shapes
from data_conversion.pipeline import json_values as values
from data_conversion.pipeline.folder_split import split_by_folder
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import Attribute, Item, Listing, RawImage, RawObject
from data_conversion.pipeline.readers.labelme_mask import decode_mask
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.row_files import may_hold_annotations
from src.errors import DataError, RecordError

HEAD_BYTES = 1 << 16
MARKS = (b'"imagePath"', b'"imageData"', b'"imageHeight"')
KNOWN_KEYS = {
    *("label", "points", "group_id", "shape_type", "flags", "description", "mask"),
    *("attributes", "line_color", "fill_color"),
}
_ABSOLUTE = re.compile(r"/|[A-Za-z]:")
Pairs = list[tuple[float, float]]


class LabelMeReader:
    """Reader of folders of LabelMe files (see the module text)."""

    looks_for = "JSON files with shapes and imagePath beside pictures"

    def recognise(self, source: Path) -> str:
        """One of the first JSON files has "shapes" and names an image."""
        files = [source] if source.is_file() else islice(_json_files(source), 3)
        for path in files:
            ends = _ends_of(path)
            if b'"shapes"' in ends and any(mark in ends for mark in MARKS):
                return f'{path.name} has "shapes" and an image path'
        return ""

    def open(self, source: Path, options: ReadOptions) -> LabelMeExport:
        """Items are the JSON files; folders named train and val (valid) define the split."""
        root = source if source.is_dir() else source.parent
        files = _json_files(source) if source.is_dir() else iter([source])
        names = sorted(path.relative_to(root).as_posix() for path in files)
        if not names:
            raise DataError.say(
                "no LabelMe files found",
                where=str(source),
                expected="JSON files beside the images",
                remedy="give the folder that holds them as input",
            )
        items = [Item(key=name.removesuffix(".json"), annotation=name) for name in names]
        split = split_by_folder(item.key for item in items)
        listing = Listing.of(items, split, "folder names")
        return LabelMeExport(root=root, images=options.images, listing=listing)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMeExport:
    """An opened folder."""

    root: Path
    images: ImageIndex
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One JSON file; the picture's pixels are not touched."""
        raw = values.load_object(self.root / item.annotation, item.annotation)
        if not isinstance(raw.get("shapes"), list):
            raise RecordError.say(
                'not a LabelMe file: it has no list "shapes"',
                where=item.annotation,
                rule="labelme-shapes",
                remedy="remove it from the folder, or export it again",
            )
        notes = Notes()
        image, image_name, embedded = self._picture(raw, item)
        objects = []
        for index, shape in enumerate(raw["shapes"]):
            read = _read_shape(values.mapping(shape), index, notes)
            if read is not None:
                objects.append(read)
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=image_name,
            named="" if embedded else values.text(raw.get("imagePath")),
            size=values.size(raw.get("imageWidth"), raw.get("imageHeight")),
            objects=tuple(objects),
            num_objects=len(raw["shapes"]),
            findings=tuple(notes.findings),
            attributes=_set_flags(raw.get("flags")),
            embedded=embedded,
        )

    def _picture(self, raw: values.Object, item: Item) -> tuple[str, str, bytes | None]:
        """(path below the image root, name in the output, bytes where it came inside the file)."""
        name = values.text(raw.get("imagePath")).replace("\\", "/")
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(item.annotation), name))
        near = posixpath.join(posixpath.dirname(item.annotation), posixpath.basename(name))
        encoded = raw.get("imageData")
        try:
            # A path of another machine says nothing of this one's folders; the file beside the JSON goes first.
            is_near = _ABSOLUTE.match(name) is not None and self.images.has(near)
            image = self.images.find(near if is_near else beside if name else "", item.annotation)
            if image not in (beside, near):
                self._check_owner(image, item)
        except RecordError:
            if not isinstance(encoded, str) or not encoded:
                raise
        else:
            is_exact = self.images.by_name is None or image in (beside, near)
            if is_exact or not isinstance(encoded, str) or not encoded:
                return image, image, None
        data, suffix = values.picture_bytes(encoded, item.annotation)
        return "", str(PurePosixPath(item.key + suffix)), data

    def _check_owner(self, image: str, item: Item) -> None:
        """Refuse the picture beside another JSON, which a name without folders may have found."""
        owner = PurePosixPath(image).with_suffix(".json").as_posix()
        if owner != item.annotation and (self.root / owner).is_file():
            raise RecordError.say(
                "the annotated picture was not found; its name is that of another JSON's picture",
                where=item.annotation,
                rule="image-missing",
                got=f"{image}, annotated by {owner}",
                remedy="restore the picture beside its JSON",
            )


def _read_shape(raw: values.Object, index: int, notes: Notes) -> RawObject | None:
    label = values.text(raw.get("label"))
    notes.about(index, label)
    shape = _shape_of(raw, notes) if label else None
    if not label:
        notes.add("dropped", "label-empty", "the shape has no label")
    attributes = _attributes(raw, notes) if shape else {}
    notes.about(None)
    if shape is None:
        return None
    group = raw.get("group_id")
    return RawObject(
        index=index,
        label=label,
        kind=shape[0],
        parts=shape[1],
        attributes=attributes,
        group="" if group is None else str(group),
    )


def _shape_of(raw: values.Object, notes: Notes) -> shapes.Shape | None:
    kind = values.text(raw.get("shape_type")) or "polygon"  # version 3 wrote none for polygons
    pairs = [values.pair(point) for point in values.sequence(raw.get("points"))]
    points = [pair for pair in pairs if pair is not None]
    if len(points) < len(pairs):
        notes.add("dropped", "point-number", "a point is not two numbers", raw.get("points"))
        return None
    match kind, len(points):
        case "rectangle", 2:
            return shapes.box(*points[0], *points[1], notes)
        case "rectangle", 4:  # some tools of the family write all corners
            return _four_corners(points, notes)
        case "circle", 2:
            radius = math.dist(*points)
            return shapes.ellipse(points[0], (radius, radius), 0.0, notes)
        case "mask", 2:
            found = decode_mask(raw.get("mask"), points, notes)
            return None if found is None else shapes.mask(*found, notes)
        case "polygon", _:
            return shapes.path("poly", points, notes)
        case (("line" | "linestrip"), _):
            return shapes.path("line", points, notes)
        case (("rectangle" | "circle" | "mask"), count):
            notes.add("dropped", "point-number", f"a {kind} has two points", f"{count} points")
        case _:
            notes.add("dropped", "geometry-unsupported", f"shape type {kind} has no place", kind)
    return None


def _four_corners(points: Pairs, notes: Notes) -> shapes.Shape | None:
    xs, ys = sorted({x for x, _ in points}), sorted({y for _, y in points})
    if len(xs) == len(ys) == 2 and len(set(points)) == 4:
        return "bbox_2d", ((xs[0], ys[0], xs[1], ys[1]),)
    notes.add("fixed", "rectangle-turned", "a rectangle with turned sides became a polygon", points)
    return shapes.path("poly", points, notes)


def _attributes(raw: values.Object, notes: Notes) -> dict[str, Attribute]:
    """Set flags, the description, and the values of "attributes", which other tools of the family write."""
    found: dict[str, Attribute] = _set_flags(raw.get("flags"))
    if description := values.text(raw.get("description")):
        found["description"] = description
    found |= values.attributes(values.mapping(raw.get("attributes")), notes)
    for key in sorted(raw.keys() - KNOWN_KEYS):
        if raw[key] not in (None, "", [], {}, False):
            notes.add("noted", "key-ignored", f"{key} of the shape is not converted", raw[key])
    return found


def _set_flags(flags: Any) -> dict[str, Attribute]:
    """A file lists every flag that can be set; those that are not say nothing."""
    return {name: True for name, value in values.mapping(flags).items() if value is True}


def _json_files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders.sort()
        paths = (Path(base) / name for name in sorted(names) if name.endswith(".json"))
        yield from (path for path in paths if path.is_file() and may_hold_annotations(path))


def _ends_of(path: Path) -> bytes:
    """The beginning and the end of a file: embedded pictures stand between the keys."""
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES)
        handle.seek(max(path.stat().st_size - HEAD_BYTES, len(head)))
        return head + handle.read()


LABELME = LabelMeReader()
