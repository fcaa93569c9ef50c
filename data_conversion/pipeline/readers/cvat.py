"""CVAT for images, XML 1.1: one file with an <image> element per picture.

Coordinates are pixel edges; `rotation` of a box or an ellipse is in degrees, clockwise about its centre; a mask's `rle` holds
run lengths by rows over its `width` x `height` pixels, the first run being background (CVAT's documentation, "XML annotation
format"). Opening a file lists its pictures by byte offset in one pass; a picture's element is parsed when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from data_conversion.pipeline.folder_split import SPLIT_NAMES, unique_key
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import Attribute, Item, Listing, RawImage, SplitName
from data_conversion.pipeline.readers.cvat_shapes import (
    MAX_DIGITS,
    InputTypes,
    read_object,
    typed,
)
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.safe_xml import parse_element_at, top_elements
from src.errors import DataError, RecordError

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What a file says of itself: types of attributes by (label, attribute), names of tasks by their id ("" for the only one)."""

    input_types: InputTypes = field(default_factory=dict)
    tasks: Mapping[str, str] = field(default_factory=dict)


class CvatReader:
    """Reader of CVAT's XML (see the module text)."""

    looks_for = "an XML file that begins with <annotations> and CVAT's <version> or <meta>"

    def recognise(self, source: Path) -> str:
        """An XML file whose root is <annotations>, with CVAT's <version> or <meta> at its beginning."""
        near = [source]
        if source.is_dir():
            near = sorted(source.glob("*.xml"))[:5] + sorted(source.glob("*/*.xml"))[:5]
        for path in near:
            if path.suffix.lower() != ".xml" or not path.is_file():
                continue
            with path.open("rb") as handle:
                head = handle.read(HEAD_BYTES)
            if re.search(rb"<annotations[\s>]", head) and re.search(
                rb"<(version|meta|image)\b", head
            ):
                return f"{path.name} has <annotations>"
        return ""

    def open(self, source: Path, options: ReadOptions) -> CvatExport:
        """Items are the <image> elements of all XML files; `subset` attributes define the split."""
        root = source if source.is_dir() else source.parent
        metas: dict[str, Meta] = {}
        items: dict[str, Item] = {}
        split: dict[str, SplitName] = {}
        for path in _xml_files(source):
            name = path.relative_to(root).as_posix()
            try:
                metas[name] = _list_file(path, name, items, split)
            except RecordError as error:
                raise DataError(*error.issues) from error
        if not metas:
            raise DataError.say(
                "no CVAT annotations found",
                where=str(source),
                expected="annotations.xml",
                remedy='export the task as "CVAT for images 1.1" and give the unpacked folder',
            )
        listing = Listing.of(items.values(), split, "subset attributes")
        return CvatExport(root=root, images=options.images, metas=metas, listing=listing)


@dataclass(frozen=True, slots=True, kw_only=True)
class CvatExport:
    """An opened export."""

    root: Path
    images: ImageIndex
    metas: Mapping[str, Meta]
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One <image> element; the picture's pixels are not touched."""
        where = f"{item.annotation}: image {item.key}"
        element = parse_element_at(self.root / item.annotation, where, item.position)
        meta = self.metas[item.annotation]
        image = self.images.find(element.get("name", ""), where)
        notes = Notes()
        shapes = [child for child in element if child.tag != "tag"]
        read = [
            read_object(shape, index, meta.input_types, notes) for index, shape in enumerate(shapes)
        ]
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=image,
            named=element.get("name", ""),
            size=_size(element),
            objects=tuple(found for found in read if found is not None),
            num_objects=len(shapes),
            findings=tuple(notes.findings),
            attributes=_image_attributes(element, meta),
        )


def _list_file(path: Path, name: str, items: dict[str, Item], split: dict[str, SplitName]) -> Meta:
    """Add the pictures of one file to `items` and `split`."""
    meta = Meta()
    for root, child in top_elements(path, name, whole=frozenset({"meta"})):
        element, place = child.element, f"{name}:{child.line}"
        if root != "annotations":
            raise _refuse(place, f"not a CVAT file: its root is <{root}>")
        if element.tag == "track":
            raise _refuse(place, "the file holds tracks (CVAT for video)")
        if element.tag == "meta":
            meta = _read_meta(element)
        if element.tag != "image":
            continue
        key = unique_key(element.get("name", ""), items)
        items[key] = Item(key=key, annotation=name, position=child.offset)
        subset = element.get("subset", "").lower()
        if subset in SPLIT_NAMES:
            split[key] = SPLIT_NAMES[subset]
    return meta


def _read_meta(element: Element) -> Meta:
    types = {
        (_text(label, "name"), _text(attribute, "name")): _text(attribute, "input_type")
        for label in element.iter("label")
        for attribute in label.iter("attribute")
    }
    tasks = {_text(task, "id"): _text(task, "name") for task in element.iter("task")}
    return Meta(
        input_types=types, tasks={"": next(iter(tasks.values()))} if len(tasks) == 1 else tasks
    )


def _image_attributes(element: Element, meta: Meta) -> dict[str, Attribute]:
    """The task's name, and the tags of the picture with their attributes (`tag.attribute`)."""
    found: dict[str, Attribute] = {}
    task = element.get("task_id", "")
    for key in (task, ""):
        if meta.tasks.get(key):
            found["task"] = meta.tasks[key]
    tags = element.findall("tag")
    if tags:
        found["tags"] = tuple(tag.get("label", "") for tag in tags)
    for tag in tags:
        label = tag.get("label", "")
        for attribute in tag.findall("attribute"):
            name = attribute.get("name", "")
            kind = meta.input_types.get((label, name), "")
            found[f"{label}.{name}"] = typed(attribute.text or "", kind)
    return found


def _size(element: Element) -> tuple[int, int] | None:
    sides = [element.get(name, "") for name in ("width", "height")]
    if not all(side.isdecimal() and len(side) <= MAX_DIGITS for side in sides):
        return None
    width, height = map(int, sides)
    return (width, height) if width > 0 < height else None


def _xml_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() == ".xml" else []
    return sorted(path for path in source.rglob("*.xml") if path.is_file())


def _text(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _refuse(where: str, message: str) -> DataError:
    return DataError.say(
        message, where=where, rule="cvat", remedy='export the task as "CVAT for images 1.1"'
    )


CVAT = CvatReader()
