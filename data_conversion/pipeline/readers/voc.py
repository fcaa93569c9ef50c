"""Pascal VOC: one XML per image, boxes as inclusive corners that count pixels from 1.

Corner (xmin, ymin) names the first pixel of the box and (xmax, ymax) the last, so on pixel edges the box spans
xmin - 1 .. xmax by ymin - 1 .. ymax (VOC development kit, "bounding box"). Tools that count from 0 exist; their files show it
only where a corner is 0, which becomes -1 here and is clamped, and counted, by a later step.

Layouts: `Annotations/` beside `JPEGImages/` (or `images/`), with `ImageSets/Main/{train,val,trainval}.txt`; or XML files beside
their images, where folders named train/val/valid define the split. An image is the file with the XML's own stem, as the
development kit pairs them; `<filename>` is used when there is none, and decides between several.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from data_conversion.pipeline.folder_split import SPLIT_NAMES, split_by_folder
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import (
    Attribute,
    Finding,
    Item,
    Listing,
    RawImage,
    RawObject,
    SplitName,
)
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.safe_xml import parse_xml
from src.errors import DataError, RecordError

ANNOTATIONS = "Annotations"
IMAGE_FOLDERS = ("JPEGImages", "images", "Images")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
CORNERS = ("xmin", "ymin", "xmax", "ymax")
KNOWN_IMAGE_TAGS = {"folder", "filename", "path", "source", "owner", "size", "segmented", "object"}
KNOWN_OBJECT_TAGS = {"name", "pose", "truncated", "difficult", "occluded", "bndbox"}
FLAGS = ("truncated", "difficult", "occluded")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class VocReader:
    """Reader of Pascal VOC folders (see the module text)."""

    looks_for = "a folder Annotations with XML files, or an XML file that begins with <annotation>"

    def recognise(self, source: Path) -> str:
        """An Annotations folder with XML files, or an XML file whose root is <annotation>."""
        folder = source / ANNOTATIONS
        first = next(iter(sorted((folder if folder.is_dir() else source).glob("*.xml"))), None)
        if first is None:
            return ""
        with first.open("rb") as handle:
            is_voc = re.search(rb"<annotation[\s>]", handle.read(4096)) is not None
        return f"{first.name} has <annotation>" if is_voc else ""

    def open(self, source: Path, options: ReadOptions) -> VocExport:
        """Items are the XML files, and the ids of ImageSets that have none (they end up in quarantine, not in silence)."""
        base = source / ANNOTATIONS if (source / ANNOTATIONS).is_dir() else source
        files = {
            path.relative_to(base).with_suffix("").as_posix(): path.relative_to(source).as_posix()
            for path in base.rglob("*")
            if path.suffix.lower() == ".xml" and path.is_file()
        }
        if not files:
            raise DataError.say(
                "no Pascal VOC annotations found",
                where=str(source),
                expected=f"XML files in {ANNOTATIONS}/ or beside the images",
                remedy="give the folder that holds Annotations/ and JPEGImages/ as input",
            )
        split, found_in = _split_of(source, files)
        missing = [key for key in split or () if key not in files]
        items = [Item(key=key, annotation=annotation) for key, annotation in files.items()]
        items += [Item(key=key, annotation="") for key in missing]
        listing = Listing(items=tuple(sorted(items)), split=split, split_source=found_in)
        return VocExport(root=source, images=options.images, listing=listing)


@dataclass(frozen=True, slots=True, kw_only=True)
class VocExport:
    """An opened folder."""

    root: Path
    images: ImageIndex
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One XML file and the image it belongs to; the image's pixels are not touched."""
        if not item.annotation:
            raise RecordError.say(
                "listed for training or validation, but there is no annotation file",
                where="ImageSets/Main",
                rule="annotation-missing",
                got=item.key,
                expected=f"{ANNOTATIONS}/{item.key}.xml",
            )
        tree = parse_xml(self.root / item.annotation, item.annotation)
        if tree.tag != "annotation":
            raise _refuse(item, "not a Pascal VOC file", "voc-root", got=f"<{tree.tag}>")
        image, image_name = _find_image(self.root, self.images, item, _text(tree, "filename"))
        elements = tree.findall("object")
        objects, findings = _read_objects(elements)
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=image_name,
            size=_read_size(tree),
            objects=objects,
            num_objects=len(elements),
            findings=(*findings, *_unknown_tags(tree, KNOWN_IMAGE_TAGS, None)),
        )


def _split_of(root: Path, files: Mapping[str, str]) -> tuple[Mapping[str, SplitName] | None, str]:
    """The export's own split and where it was found; (None, "") without one."""
    folder = root / "ImageSets" / "Main"
    names: dict[str, tuple[str, ...]] = {
        name: tuple(_ids(folder / f"{name}.txt", files))
        for name in ("train", "val", "trainval")
        if (folder / f"{name}.txt").is_file()
    }
    if "train" in names and ("val" in names or "trainval" in names):
        train = set(names["train"])
        val = set(names["val"]) if "val" in names else set(names["trainval"]) - train
        if both := sorted(train & val):
            raise DataError.say(
                f"{len(both)} ids are listed for training and for validation",
                where=str(folder),
                rule="split-overlap",
                got=", ".join(both[:5]),
                remedy="correct the lists, or pass split=seeded to ignore them",
            )
        marks: dict[str, SplitName] = dict.fromkeys(sorted(train), "train")
        return marks | dict.fromkeys(sorted(val), "val"), "ImageSets/Main"
    by_folder = split_by_folder(files)
    if set(by_folder.values()) == {"train", "val"}:
        return by_folder, "folder names"
    return None, ""


def _ids(path: Path, known: Container[str]) -> Iterator[str]:
    """The ids of an ImageSets list: the whole line where that is one, else its first word (class lists have a second column)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError.say(
            "not UTF-8 text", where=f"ImageSets/Main/{path.name}", remedy="save it as UTF-8"
        ) from error
    for line in text.split("\n"):
        if words := line.split():
            yield line.strip() if line.strip() in known else words[0]


def _find_image(source: Path, images: ImageIndex, item: Item, filename: str) -> tuple[str, str]:
    """(path relative to the image root, path under the image folder) of the item's image."""
    root = images.root
    if images.by_name is None:  # no pictures: the name is taken as it is
        suffix = PurePosixPath(filename).suffix or IMAGE_SUFFIXES[0]
        return f"{item.key}{suffix}", f"{item.key}{suffix}"
    in_annotations = item.annotation.startswith(f"{ANNOTATIONS}/")
    bases = [root / name for name in IMAGE_FOLDERS] if in_annotations else []
    bases = [base for base in [*bases, root / ANNOTATIONS, root] if base.is_dir()]
    stem = PurePosixPath(item.key)
    suffixes = [*IMAGE_SUFFIXES, *(suffix.upper() for suffix in IMAGE_SUFFIXES)]
    names = [stem.with_name(stem.name + suffix) for suffix in suffixes]
    named = PurePosixPath(filename.replace("\\", "/")).name
    if named not in ("", ".", ".."):
        names.append(stem.with_name(named))
    for base in bases:
        found = list(dict.fromkeys(name for name in names if (base / name).is_file()))
        of_stem = [name for name in found if name.stem == stem.name]
        if len(of_stem) > 1 and any(name.name == named for name in found):
            found = [stem.with_name(named)]
        elif len(of_stem) > 1:
            raise _refuse(
                item,
                "several images have the annotation's stem, and <filename> is none of them",
                "image-ambiguous",
                got=", ".join(name.name for name in of_stem),
                expected=filename,
            )
        if found:
            return (base / found[0]).relative_to(root).as_posix(), found[0].as_posix()
    if root != source and filename:  # pictures lie elsewhere, in folders of any name
        image = _find_elsewhere(images, stem, filename, item.annotation)
        return image, image
    raise _refuse(
        item,
        "the annotated image was not found",
        "image-missing",
        got=filename,
        expected=f"{stem.name}.jpg (or .png ...) or {named or 'a <filename>'} in "
        + ", ".join(base.relative_to(root).as_posix() for base in bases),
    )


def _find_elsewhere(images: ImageIndex, stem: PurePosixPath, filename: str, where: str) -> str:
    """The image that <filename> names; one without folders is not found in the folder of another split than the XML's."""
    image = images.find(filename, where)
    mine, its = (
        {SPLIT_NAMES[name.lower()] for name in path.parts[:-1] if name.lower() in SPLIT_NAMES}
        for path in (stem, PurePosixPath(image))
    )
    if mine and its and mine != its:
        return images.find((stem.parent / PurePosixPath(image).name).as_posix(), where)
    return image


def _read_size(tree: Element) -> tuple[int, int] | None:
    """<size> as (width, height); None when it is absent, zero or not a number (the image itself is asked later)."""
    width, height = (_number(_text(tree, f"size/{name}")) for name in ("width", "height"))
    if width is None or height is None or width < 1 or height < 1:
        return None
    return round(width), round(height)


def _read_objects(elements: list[Element]) -> tuple[tuple[RawObject, ...], list[Finding]]:
    objects: list[RawObject] = []
    findings: list[Finding] = []
    for index, element in enumerate(elements):
        read, found = _read_object(element, index)
        findings.extend(found)
        findings.extend(_unknown_tags(element, KNOWN_OBJECT_TAGS, index))
        if read is not None:
            objects.append(read)
    return tuple(objects), findings


def _read_object(element: Element, index: int) -> tuple[RawObject | None, list[Finding]]:
    """The object, or None with the finding that says why not."""
    label = _text(element, "name")
    corners = {name: _text(element, f"bndbox/{name}") for name in CORNERS}
    got = " ".join(f"{name}={text or '(none)'}" for name, text in corners.items())

    def dropped(rule: str, message: str) -> tuple[None, list[Finding]]:
        return None, [
            Finding(
                kind="dropped",
                rule=rule,
                message=message,
                object_index=index,
                label=label,
                got=got,
            )
        ]

    if not label:
        return dropped("label-empty", "the object has no <name>")
    numbers = [_number(text) for text in corners.values()]
    x1, y1, x2, y2 = numbers
    if x1 is None or y1 is None or x2 is None or y2 is None:
        return dropped("corner-missing", "the object has no four finite corner numbers")
    if x1 == x2 or y1 == y2:  # judged as annotated: x2 - (x1 - 1) would make it one pixel wide
        return dropped("degenerate", "the box has equal corners")
    findings = []
    if x1 > x2 or y1 > y2:
        x1, x2, y1, y2 = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
        findings.append(
            Finding(
                kind="fixed",
                rule="corners-swapped",
                message="the box's corners were given in the other order",
                object_index=index,
                label=label,
                got=got,
                result=f"xmin={x1:g} ymin={y1:g} xmax={x2:g} ymax={y2:g}",
            )
        )
    points = (x1 - 1, y1 - 1, x2, y2)
    return (
        RawObject(
            index=index,
            label=label,
            kind="bbox_2d",
            parts=(points,),
            attributes=_attributes(element),
        ),
        findings,
    )


def _attributes(element: Element) -> dict[str, Attribute]:
    """What VOC says about an object beside its box; values that say nothing (0, Unspecified) are left out."""
    found: dict[str, Attribute] = {
        name: True for name in FLAGS if _text(element, name) not in ("", "0")
    }
    pose = _text(element, "pose")
    if pose and pose.lower() != "unspecified":
        found["pose"] = pose
    return found


def _unknown_tags(element: Element, known: set[str], index: int | None) -> list[Finding]:
    tags = sorted({child.tag for child in element} - known)
    return [
        Finding(
            kind="noted",
            rule="element-ignored",
            message=f"<{tag}> is not converted",
            object_index=index,
            got=f"{element.tag}/{tag}",
        )
        for tag in tags
    ]


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _number(text: str) -> float | None:
    """A finite decimal number; None for anything else (Python's float() would take `nan`, `inf` and `1_0`)."""
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def _refuse(item: Item, message: str, rule: str, got: str = "", expected: str = "") -> RecordError:
    return RecordError.say(message, where=item.annotation, rule=rule, got=got, expected=expected)


VOC = VocReader()
