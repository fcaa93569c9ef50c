"""YOLO data sets (detection, segmentation, oriented boxes), as Ultralytics describes them.

A picture's labels lie where its path's last `images` is replaced by `labels` (`label_path`). The data set is what `data.yaml`
lists, or every picture under an `images` folder where there is no such file. Class names come from it or from `classes.txt`.
Sizes come from the pictures' headers: YOLO holds shares of the sides and nothing else. They are sides of the upright picture,
as Ultralytics reads it. A picture without a label file, or with an empty one, has no objects (Ultralytics calls it background).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Finding, Item, Listing, RawImage, SplitName
from data_conversion.pipeline.readers.yolo.description import (
    Description,
    describe,
    find_class_list,
    find_yaml,
    read_text_file,
)
from data_conversion.pipeline.readers.yolo.label_rows import read_rows
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.yolo_paths import label_path
from src.contract.images import ImageResolver
from src.contract.records import Source
from src.errors import DataError, RecordError
from src.images import read_header

MAX_LABEL_BYTES = 64 << 20
SPLIT_FOLDERS: Mapping[str, SplitName] = {
    "train": "train", "val": "val", "valid": "val", "train2017": "train", "val2017": "val",
}  # fmt: skip
_ROW = re.compile(r"\s*\d+(\.0*)?(\s+[+-]?[\d.]+([eE][+-]?\d+)?){4,}\s*(\n|$)")
Part = Literal["train", "val", "test"]


class YoloReader:
    """Reader of YOLO folders, or of their data.yaml (see the module text)."""

    looks_for = "data.yaml with names and train, val or test; or classes.txt beside labels"

    def recognise(self, source: Path) -> str:
        """A YAML file with names and train, val or test; or a class list beside labels of numbers."""
        yaml_file = find_yaml(source)
        if yaml_file is not None:
            return f"{yaml_file.name} has names and parts"
        if not source.is_dir() or find_class_list(source) is None:
            return ""
        folders = [source, *(path for path in sorted(source.iterdir()) if path.is_dir())]
        for folder in folders:
            if folder.name == "labels" or (folder / "labels").is_dir() or folder == source:
                first = _first_labels(folder)
                if first:
                    return f"{first} has rows of YOLO labels"
        return ""

    def open(self, source: Path, options: ReadOptions) -> YoloExport:
        """Items are the pictures that the data set names, those that are missing too, and label files without a picture."""
        yaml_file = find_yaml(source)
        root = Path(os.path.abspath(source.parent if source.is_file() else source))  # noqa: PTH100
        if options.images.by_name is None:
            raise DataError.say(
                "YOLO labels need their pictures: coordinates are shares of sides that only the pictures tell",
                where=str(source),
                remedy="give the pictures (the options images and image_root)",
            )
        given = Path(os.path.abspath(yaml_file)) if yaml_file else None  # noqa: PTH100
        description = describe(root, given)
        files = _Files.of(root, options.images)
        pictures = dict(files.listed(description))
        items = [_item(files, key) for key in pictures]
        items += [Item(key=key, annotation=key) for key in files.orphans(description, pictures)]
        if not items:
            raise DataError.say(
                "no pictures found",
                where=str(source),
                expected=f"pictures where {description.shown} says, or in images/",
                remedy="check the folder, or give image_root",
            )
        found_in = description.shown if description.entries else "folder names"
        listing = Listing.of(items, _split(pictures), found_in)
        return YoloExport(
            root=root,
            image_root=options.images.root,
            prefix=files.prefix,
            names=description.names,
            listing=listing,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloExport:
    """An opened data set. Keys are pictures' paths relative to `root`; `prefix` is the image root, relative to it."""

    root: Path
    image_root: Path
    prefix: str
    names: Mapping[int, str]
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One picture's header and its label file."""
        if item.key == item.annotation:
            raise RecordError.say(
                "labels without a picture",
                where=item.annotation,
                rule="image-missing",
                expected="a picture of that name where the labels' path has `images` for `labels`",
            )
        where = item.annotation or item.key
        image = item.key.removeprefix(f"{self.prefix}/") if self.prefix else item.key
        path = ImageResolver(self.image_root).resolve(image, Source(file=where, line=1))
        size = read_header(path).upright_size
        text, findings = "", []
        if item.annotation:
            if (self.root / item.annotation).stat().st_size > MAX_LABEL_BYTES:
                raise RecordError.say("the label file is too large", where=where, rule="too-large")
            text = read_text_file(self.root, item.annotation)
        else:
            findings = [
                Finding(
                    kind="noted",
                    rule="label-file-missing",
                    message="no label file: taken as a picture without objects",
                    got=label_path(item.key),
                )
            ]
        rows = read_rows(text, size, self.names, where)
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=item.key.removeprefix("images/"),
            size=size,
            frame="upright",
            objects=tuple(rows.objects),
            num_objects=rows.count,
            findings=(*findings, *rows.findings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """What lies in the data set's folder: pictures and text files, relative to it."""

    root: Path
    prefix: str
    images: ImageIndex
    pictures: frozenset[str]
    texts: frozenset[str]

    @classmethod
    def of(cls, root: Path, images: ImageIndex) -> _Files:
        assert images.by_name is not None
        image_root = Path(os.path.abspath(images.root))  # noqa: PTH100
        inside = image_root != root and image_root.is_relative_to(root)
        prefix = image_root.relative_to(root).as_posix() if inside else ""
        texts: set[str] = set()
        for folder, _folders, names in os.walk(root):
            below = PurePosixPath(Path(folder).relative_to(root).as_posix())
            texts.update((below / name).as_posix() for name in names if name.endswith(".txt"))
        found = (path for paths in images.by_name.values() for path in paths)
        pictures = frozenset(f"{prefix}/{path}" if prefix else path for path in found)
        return cls(
            root=root, prefix=prefix, images=images, pictures=pictures, texts=frozenset(texts)
        )

    def listed(self, description: Description) -> Iterator[tuple[str, Part | None]]:
        """The data set's pictures (also missing ones), each with its part."""
        if description.entries is None:
            chosen = {path for path in self.pictures if "images" in path.split("/")[:-1]}
            for path in sorted(chosen or self.pictures):
                yield path, _part_by_folder(path)
            return
        found: dict[str, Part] = {}
        clashes: dict[str, set[Part]] = {}
        for part in ("train", "val", "test"):
            for entry in description.entries.get(part, ()):
                for path in self._of_entry(entry):
                    if found.setdefault(path, part) != part:
                        clashes.setdefault(path, {found[path]}).add(part)
        _check_overlap(found, clashes, description.shown)
        for path in sorted(found):
            yield path, (None if path in clashes else found[path])

    def _of_entry(self, entry: str) -> Iterator[str]:
        path = self.root / entry
        if path.is_dir():
            yield from (name for name in self.pictures if not entry or name.startswith(f"{entry}/"))
        else:
            folder = PurePosixPath(entry).parent.as_posix()
            for line in read_text_file(self.root, entry).split("\n"):
                if line.strip():
                    yield self._of_line(line.strip(), folder)

    def _of_line(self, line: str, folder: str) -> str:
        """The picture that a list's line means; the line itself when there is none."""
        for base in (folder, ""):
            path = os.path.normpath(PurePosixPath(base, line))
            if path in self.pictures:
                return path
        try:
            found = self.images.find(line, "")
        except RecordError:
            return line
        return f"{self.prefix}/{found}" if self.prefix else found

    def orphans(self, description: Description, pictures: Mapping[str, object]) -> list[str]:
        """Label files in the label folders of listed folders that belong to no picture."""
        own = {label_path(path) for path in pictures if path in self.pictures}
        if description.entries is None:
            folders = ["labels"]
        else:
            entries = [entry for found in description.entries.values() for entry in found]
            folders = [_label_folder(entry) for entry in entries if (self.root / entry).is_dir()]
        return sorted(
            text
            for text in self.texts - own
            if any(text.startswith(f"{folder}/") for folder in folders if folder)
            and PurePosixPath(text).name != "classes.txt"
        )


def _label_folder(entry: str) -> str:
    """The folder of the labels of a folder of pictures; empty when both are one (other texts lie there too)."""
    folder = PurePosixPath(label_path(f"{entry}/x.jpg")).parent.as_posix()
    return "" if folder == entry else folder


def _item(files: _Files, key: str) -> Item:
    label = label_path(key) if key in files.pictures else ""
    return Item(key=key, annotation=label if label in files.texts else "")


def _part_by_folder(path: str) -> Part | None:
    names = [name.lower() for name in path.split("/")[:-1]]
    return next((SPLIT_FOLDERS[name] for name in names if name in SPLIT_FOLDERS), None)


def _check_overlap(found: Mapping[str, Part], clashes: Mapping[str, set[Part]], shown: str) -> None:
    """Train and val may be the same pictures altogether (demonstration sets: there is no split then), but not in part."""
    if clashes and len(clashes) < len(found):
        raise DataError.say(
            f"{len(clashes)} pictures are listed in several parts",
            where=shown,
            rule="split-overlap",
            got=", ".join(sorted(clashes)[:5]),
            remedy="correct the lists",
        )


def _split(pictures: Mapping[str, Part | None]) -> Mapping[str, SplitName]:
    split: dict[str, SplitName] = {}
    for path, part in pictures.items():
        if part == "train" or part == "val":
            split[path] = part
    return split


def _first_labels(folder: Path) -> str:
    """The first label file of a folder whose first row is one of YOLO's; empty for none."""
    for path in sorted(folder.rglob("*.txt"))[:20]:
        if path.is_file() and path.name != "classes.txt":
            with path.open("rb") as handle:
                if _ROW.match(handle.read(4096).decode("utf-8", errors="replace")):
                    return path.name
    return ""


YOLO = YoloReader()
