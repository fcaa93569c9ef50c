"""The raw export of a telecom annotation platform: one JSON per picture, the picture beside it under the same stem.

`info` holds the size, and attributes of the picture; `markResult.features` GeoJSON-like features, or, in older files, `dataList`
boxes given by two opposite corners. A feature's `properties` hold `content` (the label, or a mapping with one), `contentZh`
(question to answer, or to a list of them) and `groups`. Coordinates are pixel edges of the picture that the annotator saw.

| geometry | becomes |
| --- | --- |
| ExtentPolygon | box (the extent of its points) |
| Quad, Square, Polygon | polygon, first vertex and direction as drawn; the closing point is no vertex, holes are filled |
| LineString | line; one of several pieces is dropped |

Which question holds the label, and what any of it means, is the domain pack's affair: here labels and answers are data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from data_conversion.pipeline import json_values as values
from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import (
    Attribute,
    Finding,
    Item,
    Listing,
    RawImage,
    RawObject,
)
from data_conversion.pipeline.readers.telecom_pictures import PicturesBeside
from data_conversion.pipeline.readers.telecom_shapes import corner_shape, feature_shape
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.row_files import may_hold_annotations
from src.contract.repeated_keys import repeated_keys
from src.errors import DataError, RecordError

HEAD_BYTES = 1 << 16
SUFFIX = ".json"
MARKS = (b'"markResult"', b'"dataList"')
READ_KEYS = frozenset(("info", "markResult", "dataList"))
READ_OF_RESULT = frozenset(("features", "type"))
READ_OF_FEATURE = frozenset(("type", "geometry", "properties"))
READ_OF_BOX = frozenset(("coordinates", "properties"))
READ_OF_GEOMETRY = frozenset(("type", "coordinates"))
SIZE_KEYS = ("width", "height")
READ_PROPERTIES = frozenset(("content", "contentZh", "groups"))


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
        """Items are the JSON files, and pictures of the folder that have none; the format has no split of its own."""
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
        pictures = PicturesBeside.of(options.images)
        # Pictures elsewhere are a store that may hold those of other exports too.
        is_home = source.is_dir() and options.images.root.resolve() == source.resolve()
        alone = pictures.without_annotation(map(_stem, names)) if is_home else ()
        listing = Listing.of(_items(names, alone))
        return TelecomExport(root=root, pictures=pictures, listing=listing)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelecomExport:
    """An opened folder."""

    root: Path
    pictures: PicturesBeside
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One JSON file; the picture's pixels are not touched.

        `RecordError` for a file that is no such annotation, and for a picture without one.
        """
        if not item.annotation:
            raise RecordError.say(
                "no annotation lies beside the picture",
                where=item.key,
                rule="annotation-missing",
                expected="a JSON file of the same name",
                remedy="add it, or take the picture out of the folder",
            )
        data = (self.root / item.annotation).read_bytes()
        raw = values.parse_object(data, item.annotation)
        entries, shapes = _entries(raw, item.annotation)
        reading = _Reading()
        reading.unread |= raw.keys() - READ_KEYS
        for key in repeated_keys(data, raw):
            message = "a key stands twice in one object; the last was read"
            reading.notes.add("noted", "repeated-key", message, key)
        info = values.mapping(raw.get("info"))
        reading.leave("info", raw.get("info"), info.keys())
        reading.leave("markResult", raw.get("markResult"), READ_OF_RESULT)
        described = {key: value for key, value in info.items() if key not in SIZE_KEYS}
        attributes = values.attributes(described, reading.notes)
        image = self._picture(item, reading.notes)
        for index, entry in enumerate(entries):
            reading.add(index, values.mapping(entry), shapes)
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=image,
            size=values.size(info.get("width"), info.get("height")),
            objects=tuple(reading.objects),
            num_objects=len(entries),
            findings=reading.findings(),
            attributes=attributes,
        )

    def _picture(self, item: Item, notes: Notes) -> str:
        """The picture of the same stem; further ones beside it are noted."""
        image, *others = self.pictures.find(_stem(item.annotation), item.annotation)
        for other in others:
            message = "another picture of the same name lies beside the file; the first was taken"
            notes.add("noted", "image-several", message, other, image)
        return image


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
        self.leave("properties", properties, READ_PROPERTIES)
        if shapes:
            self.leave("feature", entry, READ_OF_FEATURE)
            self.leave("geometry", values.mapping(entry.get("geometry")), READ_OF_GEOMETRY)
            shape = feature_shape(entry, self.notes)
        else:
            self.leave("entry", entry, READ_OF_BOX)
            shape = corner_shape(entry, self.notes)
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

    def leave(self, name: str, value: object, read: Collection[str]) -> None:
        """Remember the keys of a mapping that nothing reads; what should be one and is not is not read at all."""
        if isinstance(value, dict):
            self.unread |= {f"{name}.{key}" for key in value.keys() - read}
        elif value is not None:
            self.unread.add(name)

    def findings(self) -> tuple[Finding, ...]:
        """Those of the objects, and one for each key that was not read."""
        self.notes.about(None)
        for name in sorted(self.unread):
            self.notes.add("noted", "element-ignored", f"{name} is not converted", name)
        return tuple(self.notes.findings)


def _json_files(folder: Path) -> Iterator[Path]:
    """Files that end in .json, in any case, sorted."""
    found = (path for path in folder.rglob("*") if path.name.lower().endswith(SUFFIX))
    return iter(sorted(path for path in found if path.is_file() and may_hold_annotations(path)))


def _stem(annotation: str) -> str:
    return annotation[: -len(SUFFIX)] if annotation.lower().endswith(SUFFIX) else annotation


def _items(names: Sequence[str], alone: Sequence[str]) -> Iterator[Item]:
    """One a file, called by its stem, or by its name where files share a stem; then the pictures without one."""
    shared = Counter(map(_stem, names))
    keys = [_stem(name) if shared[_stem(name)] == 1 else name for name in names]
    yield from (Item(key=key, annotation=name) for key, name in zip(keys, names, strict=True))
    taken = set(keys)
    for path in alone:
        yield Item(key=f"{path} (picture)" if path in taken else path, annotation="")


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


def _answers(properties: values.Object, notes: Notes) -> dict[str, Attribute]:
    """Answers by question; one that is empty is none, one of another shape is noted."""
    content = properties.get("content")
    beside = {name: value for name, value in values.mapping(content).items() if name != "label"}
    if content is not None and not isinstance(content, str | dict):
        notes.add("noted", "attribute-ignored", "content is no label", content)
    given = properties.get("contentZh")
    if given is None:
        given = beside
    elif beside:
        message = "contentZh holds the answers; those of content are not converted"
        notes.add("noted", "attribute-ignored", message, beside)
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
