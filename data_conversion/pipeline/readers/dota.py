"""DOTA: aerial pictures, one text file each, an object a line: four corners, class, difficulty.

`x1 y1 x2 y2 x3 y3 x4 y4 class difficulty` in pixels (DOTA's description, "annotation format"), the corners in clockwise order
from one that the annotator chose; here a polygon of four vertices in that order. Files may begin with `imagesource:` and `gsd:`
(metres a pixel), which become attributes of the picture. Layout: folders named `labelTxt...` beside `images`, perhaps below
`train` and `val`. A picture belongs to the text file of its stem; one without a file is not known to be empty and is refused.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data_conversion.pipeline.folder_split import split_by_folder
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import (
    Attribute,
    Finding,
    Item,
    Listing,
    RawImage,
    RawObject,
)
from data_conversion.pipeline.reading import ReadOptions
from src.errors import DataError, RecordError
from src.images import SUFFIXES

LABELS = "labelTxt"
MAX_BYTES = 64 << 20
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_HEADER = re.compile(r"(imagesource|gsd)\s*:\s*(.*)", re.IGNORECASE)


class DotaReader:
    """Reader of DOTA folders (see the module text)."""

    looks_for = "text files in a folder whose name begins with labelTxt"

    def recognise(self, source: Path) -> str:
        """A folder whose name begins with labelTxt, with text files in it."""
        folders = (*source.glob(f"{LABELS}*"), *source.glob(f"*/{LABELS}*"))
        first = next((folder for folder in sorted(folders) if any(folder.glob("*.txt"))), None)
        return f"{first.relative_to(source).as_posix()} has text files" if first else ""

    def open(self, source: Path, options: ReadOptions) -> DotaExport:
        """Items are the text files, and the pictures beside them that have none (they end up in quarantine)."""
        if options.images.by_name is None:
            raise DataError.say(
                "DOTA needs its pictures: the annotations give no sizes",
                where=str(source),
                remedy="give the pictures (the options images and image_root)",
            )
        pictures = _pictures_by_stem(options.images)
        keys: dict[str, str] = {}
        for path in sorted(source.rglob("*.txt")):
            name = path.relative_to(source).as_posix()
            if path.is_file() and PurePosixPath(name).parent.name.startswith(LABELS):
                key = _key(name)
                if key in keys:
                    raise DataError.say(
                        "two versions of the labels lie beside each other",
                        where=str(source),
                        got=f"{keys[key]} and {name}",
                        remedy="leave one folder of labels",
                    )
                keys[key] = name
        if not keys:
            raise DataError.say(
                "no DOTA annotations found",
                where=str(source),
                expected=f"text files in {LABELS}/",
                remedy=f"give the folder that holds {LABELS}/ and images/ as input",
            )
        folders = {PurePosixPath(key).parent for key in keys}
        items = [Item(key=key, annotation=name) for key, name in keys.items()]
        items += [
            Item(key=key, annotation="")
            for key in pictures
            if key not in keys and PurePosixPath(key).parent in folders
        ]
        listing = Listing.of(items, split_by_folder(keys), "folder names")
        found = {key: _picture_of(key, pictures, options.images) for key in keys}
        return DotaExport(root=source, pictures=found, listing=listing)


@dataclass(frozen=True, slots=True, kw_only=True)
class DotaExport:
    """An opened folder. Keys are pictures' paths without suffix; `pictures` gives the path of each, empty for none."""

    root: Path
    pictures: Mapping[str, str]
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One text file; the picture's pixels are not touched."""
        if not item.annotation:
            raise _refuse(item, "a picture without annotations", "annotation-missing")
        image = self.pictures[item.key]
        if not image:
            raise _refuse(item, "the annotated picture was not found", "image-missing")
        objects: list[RawObject] = []
        findings: list[Finding] = []
        attributes: dict[str, Attribute] = {}
        count = 0
        for line in _text(self.root, item).split("\n"):
            fields = line.split()
            header = _HEADER.match(line.strip()) if count == 0 else None
            if header is not None:
                attributes |= _about(header[1].lower(), header[2].strip())
            elif fields:
                reason = _reason_to_drop(fields)
                if reason is None:
                    objects.append(_object(fields, count))
                else:
                    findings.append(
                        Finding(
                            kind="dropped",
                            rule=reason[0],
                            message=reason[1],
                            object_index=count,
                            label=fields[8] if len(fields) > 8 else "",
                            got=line.strip()[:200],
                        )
                    )
                count += 1
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=image.removeprefix("images/"),
            size=None,
            objects=tuple(objects),
            num_objects=count,
            findings=tuple(findings),
            attributes=attributes,
        )


def _key(label: str) -> str:
    """`train/labelTxt-v1.5/P0001.txt` -> `train/images/P0001`."""
    path = PurePosixPath(label)
    return (path.parent.with_name("images") / path.stem).as_posix()


def _pictures_by_stem(images: ImageIndex) -> dict[str, str]:
    assert images.by_name is not None
    paths = sorted(path for paths in images.by_name.values() for path in paths)
    return {PurePosixPath(path).with_suffix("").as_posix(): path for path in reversed(paths)}


def _picture_of(key: str, pictures: Mapping[str, str], images: ImageIndex) -> str:
    """The picture of a key: where the layout puts it, or the one whose folders agree, with or without the folder `images`."""
    if key in pictures:
        return pictures[key]
    path = PurePosixPath(key)
    for name in (key, (path.parent.parent / path.name).as_posix()):
        for suffix in SUFFIXES:
            with suppress(RecordError):
                return images.find(f"{name}{suffix}", "")
    return ""


def _text(root: Path, item: Item) -> str:
    path = root / item.annotation
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise _refuse(item, "the file is a link that leads outside the input", "outside-input")
    if path.stat().st_size > MAX_BYTES:
        raise _refuse(item, "the file is too large", "too-large")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(item, "not UTF-8 text", "encoding") from error


def _about(name: str, text: str) -> dict[str, Attribute]:
    """A header line as an attribute of the picture; `gsd:null` says nothing."""
    if name == "gsd":
        value = float(text) if _NUMBER.fullmatch(text) else math.inf
        return {"gsd": value} if math.isfinite(value) else {}
    return {"imagesource": text} if text else {}


def _reason_to_drop(fields: list[str]) -> tuple[str, str] | None:
    """(rule, message) for a line that is no object."""
    if len(fields) not in (9, 10):
        return "field-count", "a line has eight coordinates, a class and a difficulty"
    if not all(_NUMBER.fullmatch(text) and math.isfinite(float(text)) for text in fields[:8]):
        return "number", "a coordinate is not a finite decimal number"
    if len(fields) == 10 and re.fullmatch(r"[0-9]{1,3}", fields[9]) is None:
        return "difficulty", "the difficulty is not a whole number"
    pairs = [(float(x), float(y)) for x, y in zip(fields[0:8:2], fields[1:8:2], strict=True)]
    x0, y0 = pairs[0]
    x1, y1 = next((pair for pair in pairs if pair != pairs[0]), pairs[0])
    if all((x1 - x0) * (y - y0) == (x - x0) * (y1 - y0) for x, y in pairs):
        return "degenerate", "the four corners lie on one line"
    return None


def _object(fields: list[str], index: int) -> RawObject:
    difficulty = int(fields[9]) if len(fields) == 10 else 0
    return RawObject(
        index=index,
        label=fields[8],
        kind="poly",
        parts=(tuple(float(text) for text in fields[:8]),),
        attributes={"difficulty": difficulty} if difficulty else {},
    )


def _refuse(item: Item, message: str, rule: str) -> RecordError:
    return RecordError.say(
        message,
        where=item.annotation or item.key,
        rule=rule,
        expected=f"{item.key}.png (or .jpg ...) and its text file in {LABELS}/",
    )


DOTA = DotaReader()
