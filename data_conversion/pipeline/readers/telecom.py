"""The raw export of a telecom annotation platform: one JSON per picture, the picture beside it under the same stem.

`info` holds the size; `markResult.features` GeoJSON-like features, or, in older files, `dataList` boxes given by two opposite
corners. A feature's `properties` hold `content` (the label, or a mapping with one), `contentZh` (question to answer, or to a
list of them) and `groups`. Coordinates are pixel edges of the picture that the annotator saw.

| geometry | becomes |
| --- | --- |
| ExtentPolygon | box (the extent of its points) |
| Quad, Square, Polygon | polygon, first vertex and direction as drawn; the closing point is no vertex, holes are filled |
| LineString | line; one of several pieces is dropped |

Which question holds the label, and what any of it means, is the domain pack's affair: here labels and answers are data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from data_conversion.pipeline import json_values as values
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import (
    Attribute,
    Finding,
    Item,
    Listing,
    Points,
    RawImage,
    RawObject,
)
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.row_files import may_hold_annotations
from src.contract.records import GeometryKind
from src.contract.repeated_keys import repeated_keys
from src.errors import DataError, RecordError

HEAD_BYTES = 1 << 16
MARKS = (b'"markResult"', b'"dataList"')
KINDS: Mapping[str, GeometryKind] = {
    "ExtentPolygon": "bbox_2d",
    "Quad": "poly",
    "Square": "poly",
    "Polygon": "poly",
    "LineString": "line",
}
FEWEST_POINTS: Mapping[GeometryKind, int] = {"bbox_2d": 2, "poly": 3, "line": 2}
READ_KEYS = frozenset(("info", "markResult", "dataList"))
READ_PROPERTIES = frozenset(("content", "contentZh", "groups"))
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
Pairs = list[tuple[float, float]]


class TelecomReader:
    """Reader of such folders (see the module text)."""

    looks_for = "JSON files with markResult or dataList"

    def recognise(self, source: Path) -> str:
        """One of the first JSON files has "markResult" or "dataList"."""
        for path in [source] if source.is_file() else islice(_json_files(source), 3):
            try:
                with path.open("rb") as handle:
                    head = handle.read(HEAD_BYTES)
            except OSError:
                continue
            for mark in MARKS:
                if mark in head:
                    return f"{path.name} has {mark.decode()}"
        return ""

    def open(self, source: Path, options: ReadOptions) -> TelecomExport:
        """Items are the JSON files; the format has no split of its own."""
        root = source if source.is_dir() else source.parent
        files = _json_files(source) if source.is_dir() else iter([source])
        names = sorted(path.relative_to(root).as_posix() for path in files)
        if not names:
            raise DataError.say(
                "no annotation files found",
                where=str(source),
                expected="JSON files beside the pictures",
                remedy="give the folder that holds them as input",
            )
        items = [Item(key=name.removesuffix(".json"), annotation=name) for name in names]
        listing = Listing(items=tuple(sorted(items)), split=None)
        return TelecomExport(root=root, images=options.images, listing=listing)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelecomExport:
    """An opened folder."""

    root: Path
    images: ImageIndex
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One JSON file; the picture's pixels are not touched. `RecordError` for a file that is no such annotation."""
        data = (self.root / item.annotation).read_bytes()
        raw = values.parse_object(data, item.annotation)
        entries, shapes = _entries(raw, item.annotation)
        reading = _Reading()
        reading.unread |= raw.keys() - READ_KEYS
        for key in repeated_keys(data, raw):
            message = "a key stands twice in one object; the last was read"
            reading.notes.add("noted", "repeated-key", message, key)
        for index, entry in enumerate(entries):
            reading.add(index, values.mapping(entry), shapes)
        image = self._picture(item)
        info = values.mapping(raw.get("info"))
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=image,
            size=values.size(info.get("width"), info.get("height")),
            objects=tuple(reading.objects),
            num_objects=len(entries),
            findings=reading.findings(),
        )

    def _picture(self, item: Item) -> str:
        """The picture of the same stem; where there are several, by the order of `IMAGE_SUFFIXES`."""
        for suffix in IMAGE_SUFFIXES if self.images.by_name is not None else ():
            with suppress(RecordError):
                return self.images.find(item.key + suffix, item.annotation)
        return self.images.find(item.key + IMAGE_SUFFIXES[0], item.annotation)


@dataclass(slots=True)
class _Reading:
    """The objects of one file, the notes on them, and the keys that nothing reads."""

    objects: list[RawObject] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    unread: set[str] = field(default_factory=set)

    def add(self, index: int, entry: values.Object, shapes: bool) -> None:
        """One feature, or one entry of the older layout."""
        properties = values.mapping(entry.get("properties"))
        label = _label(properties)
        self.notes.about(index, label)
        self.unread |= {f"properties.{name}" for name in properties.keys() - READ_PROPERTIES}
        shape = _feature_shape(entry, self.notes) if shapes else _corner_shape(entry, self.notes)
        if shape is None:
            return
        kind, points = shape
        self.objects.append(
            RawObject(
                index=index,
                label=label,
                kind=kind,
                parts=(points,),
                attributes=_answers(properties, self.notes),
                group=_group(properties.get("groups"), self.notes),
            )
        )

    def findings(self) -> tuple[Finding, ...]:
        """Those of the objects, and one for each key that was not read."""
        self.notes.about(None)
        for name in sorted(self.unread):
            self.notes.add("noted", "element-ignored", f"{name} is not converted", name)
        return tuple(self.notes.findings)


def _json_files(folder: Path) -> Iterator[Path]:
    found = (path for path in folder.rglob("*.json") if path.is_file())
    return iter(sorted(path for path in found if may_hold_annotations(path)))


def _entries(raw: values.Object, where: str) -> tuple[list[Any], bool]:
    """(entries, whether they are features); `RecordError` when the file has neither layout or both."""
    features = values.mapping(raw.get("markResult")).get("features")
    boxes = raw.get("dataList")
    found = [value for value in (features, boxes) if value is not None]
    if len(found) == 2 and all(isinstance(value, list) for value in found):
        found = [value for value in found if value] or found[:1]
    if len(found) != 1 or not isinstance(found[0], list):
        raise RecordError.say(
            "the annotation has no objects that can be read",
            where=where,
            rule="telecom-layout",
            got=", ".join(sorted(ascii(key) for key in raw))[:200],
            expected="a list: either markResult.features or dataList",
            remedy="export the annotation again, or remove the file",
        )
    return found[0], found[0] is features


def _label(properties: values.Object) -> str:
    """`content` itself, or its `label`; empty where the label is the answer to a question."""
    content = properties.get("content")
    return values.text(content) or values.text(values.mapping(content).get("label"))


def _feature_shape(feature: values.Object, notes: Notes) -> tuple[GeometryKind, Points] | None:
    geometry = values.mapping(feature.get("geometry"))
    name = geometry.get("type")
    if not isinstance(name, str) or name not in KINDS:
        notes.add("dropped", "geometry-unknown", "the geometry is of no known type", name)
        return None
    kind = KINDS[name]
    rings = _rings(geometry.get("coordinates"))
    if rings is None:
        got = geometry.get("coordinates")
        notes.add("dropped", "points", "the coordinates are no list of finite points", got)
        return None
    ring = rings[0]
    if len(rings) > 1 and kind == "line":
        message = "a line of several pieces has no place"
        notes.add("dropped", "line-pieces", message, f"{len(rings)} pieces")
        return None
    if len(rings) > 1:
        message = "further outlines are holes; they were filled"
        notes.add("fixed", "holes-filled", message, f"{len(rings) - 1} holes")
    if kind == "poly" and len(ring) > FEWEST_POINTS[kind] and ring[0] == ring[-1]:
        ring = ring[:-1]
    if len(ring) < FEWEST_POINTS[kind]:
        notes.add("dropped", "point-number", "the shape has too few points", f"{len(ring)} points")
        return None
    if kind == "bbox_2d":
        return _extent(ring, notes)
    return kind, tuple(value for pair in ring for value in pair)


def _corner_shape(entry: values.Object, notes: Notes) -> tuple[GeometryKind, Points] | None:
    rings = _rings(entry.get("coordinates"))
    if rings is None or len(rings) != 1 or len(rings[0]) != 2:
        got = entry.get("coordinates")
        notes.add("dropped", "points", "the coordinates are no two finite corners", got)
        return None
    return _extent(rings[0], notes)


def _extent(ring: Pairs, notes: Notes) -> tuple[GeometryKind, Points] | None:
    """The box around the points; a slanted outline is noted, an empty one dropped."""
    xs, ys = zip(*ring, strict=True)
    points = (min(xs), min(ys), max(xs), max(ys))
    got = " ".join(f"{x:g},{y:g}" for x, y in ring)
    if points[0] == points[2] or points[1] == points[3]:
        notes.add("dropped", "degenerate", "the box has no area", got)
        return None
    if any(x not in (points[0], points[2]) or y not in (points[1], points[3]) for x, y in ring):
        result = " ".join(f"{value:g}" for value in points)
        message = "the outline is no upright rectangle; the box around it was taken"
        notes.add("fixed", "box-slanted", message, got, result)
    return "bbox_2d", points


def _rings(value: Any) -> list[Pairs] | None:
    """Outlines of a polygon, or the one list of points of a line; None for anything else."""
    outlines = values.sequence(value)
    if values.pair(outlines[0] if outlines else None) is not None:
        outlines = [outlines]
    rings = []
    for outline in outlines:
        pairs = [values.pair(point) for point in values.sequence(outline)]
        ring = [pair for pair in pairs if pair is not None]
        if not ring or len(ring) < len(pairs):
            return None
        rings.append(ring)
    return rings or None


def _answers(properties: values.Object, notes: Notes) -> dict[str, Attribute]:
    """Answers by question; one that is empty is none, one of another shape is noted."""
    given = properties.get("contentZh")
    if given is None:
        content = values.mapping(properties.get("content"))
        given = {name: value for name, value in content.items() if name != "label"}
    if not isinstance(given, dict):
        notes.add("noted", "attribute-ignored", "contentZh is no mapping of questions", given)
        return {}
    found: dict[str, Attribute] = {}
    for question, value in given.items():
        answers = value if isinstance(value, list) else [value]
        answers = [answer for answer in answers if answer is not None and answer != ""]
        taken = [values.attribute(answer) for answer in answers]
        if any(answer is None or isinstance(answer, tuple) for answer in taken):
            notes.add("noted", "attribute-ignored", "the answer is no plain value", value)
        elif len(taken) == 1 and taken[0] is not None:
            found[question] = taken[0]
        elif taken:
            found[question] = tuple(str(answer) for answer in taken)
    return found


def _group(value: Any, notes: Notes) -> str:
    """The name of the object's group; of several the first, noted."""
    names = [
        str(name).strip()
        for name in (value if isinstance(value, list) else [value])
        if isinstance(name, str) or type(name) is int
    ]
    names = [name for name in names if name]
    if not names:
        if value not in (None, "", []):
            notes.add("noted", "group-ignored", "the group is no name", value)
        return ""
    if len(names) > 1:
        notes.add("fixed", "group-several", "the object is in several groups", value, names[0])
    return names[0]


TELECOM = TelecomReader()
