"""COCO and LVIS: annotation files that hold many pictures, beside folders of pictures (see `layout` and `coco_file`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Finding, Item, Listing, RawImage, SplitName
from data_conversion.pipeline.readers.coco import layout
from data_conversion.pipeline.readers.coco.annotation import AnnotationReader
from data_conversion.pipeline.readers.coco.coco_file import CocoFile
from data_conversion.pipeline.reading import ReadOptions
from src.errors import DataError, RecordError
from src.utils.logger import get_logger

logger = get_logger(__name__)
_LVIS_LISTS = {"neg_category_ids": "negative", "not_exhaustive_category_ids": "not_exhaustive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoReader:
    """Reader of both; the flavour "lvis" keeps which categories were looked for, and is told apart when recognising."""

    flavour: layout.Flavour

    @property
    def looks_for(self) -> str:
        """COCO's lists, and LVIS's own keys."""
        lists = "a JSON file with the lists images, annotations and categories"
        return f"{lists}, and neg_category_ids" if self.flavour == "lvis" else lists

    def recognise(self, source: Path) -> str:
        """Looks at the first and last bytes of a few JSON files."""
        return layout.recognise(source, self.flavour)

    def open(self, source: Path, options: ReadOptions) -> CocoExport:
        """Index every annotation file in one pass each (about 10 s for 1.1 GB)."""
        root = source.parent if source.is_file() else source
        found = layout.members(source)
        if not found:
            raise DataError.say(
                "no COCO annotations found",
                where=str(source),
                expected="a JSON file with images, annotations and categories",
                remedy="give the file, or the folder that holds annotations/",
            )
        members = {
            member.path: _Opened(
                member=member,
                file=CocoFile.open(root / member.path, member.path),
                captions=CocoFile.open(root / member.captions, member.captions)
                if member.captions
                else None,
            )
            for member in found
        }
        for opened in members.values():
            if opened.captions is not None and opened.captions.strays:
                logger.warning(
                    "%s: captions of %d pictures that it does not list are left out",
                    opened.member.captions,
                    len(opened.captions.strays),
                )
        listing = _list(members.values(), options.images)
        return CocoExport(members=members, listing=listing, options=options, flavour=self.flavour)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    member: layout.Member
    file: CocoFile
    captions: CocoFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoExport:
    """Opened files. An item's `position` is its picture's in the file, negative for annotations whose picture is not listed."""

    members: Mapping[str, _Opened]
    listing: Listing
    options: ReadOptions
    flavour: layout.Flavour

    def read(self, item: Item) -> RawImage:
        """One picture with its annotations, by reading just these from the file."""
        opened = self.members[item.annotation]
        if item.position < 0:
            raise _stray(opened, item)
        image, annotations = opened.file.read(item.position)
        name = _name_of(image, opened.member.folder, self.options.images)
        if not name:
            raise RecordError.say(
                "the picture has no file_name",
                where=item.annotation,
                rule="image-missing",
                got=f"image id {image['id']}",
            )
        path = _find(image, name, self.options.images, item.annotation)
        size = _size_of(image)
        reader = AnnotationReader(
            names=opened.file.names, size=size, keep_crowd=self.options.keep_crowd
        )
        captions, objects, num_objects = [], [], 0
        for raw in annotations:
            if "caption" in raw and "category_id" not in raw:
                captions.append(raw["caption"])
                continue
            if (read := reader.read(raw, num_objects)) is not None:
                objects.append(read)
            if raw["id"] in opened.file.repeated:
                reader.notes.findings.append(_repeated(num_objects, raw["id"]))
            num_objects += 1
        if opened.captions is not None:
            captions += _captions_of(opened.captions, int(image["id"]))
        return RawImage(
            annotation=item.annotation,
            image=path,
            image_name=path,
            named=name if _is_own(image, name) else "",
            size=size,
            objects=tuple(objects),
            num_objects=num_objects,
            findings=tuple(reader.notes.findings),
            metadata=_metadata(image, opened.file) if self.flavour == "lvis" else {},
            captions=tuple(text for text in captions if isinstance(text, str) and text.strip()),
        )


def _list(members: Iterable[_Opened], images: ImageIndex) -> Listing:
    """Every picture of every file, and one item for each image id that annotations name and no picture has."""
    items: list[Item] = []
    split: dict[str, SplitName] = {}
    seen: Counter[str] = Counter()
    for opened in members:
        path, file = opened.member.path, opened.file
        for position, image in enumerate(file.all_images()):
            name = _name_of(image, opened.member.folder, images) or f"{path}#{image['id']}"
            seen[name] += 1
            key = name if seen[name] == 1 else f"{name}#{seen[name]}"
            items.append(Item(key=key, annotation=path, position=position))
            if opened.member.split in ("train", "val"):
                split[key] = opened.member.split
        items += [
            Item(key=f"{path}#image_id={number}", annotation=path, position=-1 - place)
            for place, number in enumerate(file.strays)
        ]
    return Listing.of(items, split, "file and folder names")


def _name_of(image: Mapping[str, Any], folder: str, images: ImageIndex) -> str:
    """The picture's path as the file gives it: `file_name`, or the end of LVIS's `coco_url`; the one that exists, if one does.

    `folder` is put in front of a bare name: it tells pictures of the same name in train and val apart.
    """
    names = []
    if isinstance(name := image.get("file_name"), str) and name:
        path = PurePosixPath(name.replace("\\", "/"))
        names.append(str(path) if len(path.parts) > 1 or not folder else f"{folder}/{path}")
    if isinstance(url := image.get("coco_url"), str) and url.count("/") >= 2:
        names.append("/".join(url.split("/")[-2:]))
    if images.by_name is not None:
        names = [name for name in names if name.rsplit("/", 1)[-1] in images.by_name] or names
    return names[0] if names else ""


def _find(image: Mapping[str, Any], name: str, images: ImageIndex, where: str) -> str:
    """The picture called `name`. Folders that are not `file_name`'s own are a guess, and another folder will do, unless its name
    says another split: a picture of val2017 is never that of train2017."""
    try:
        return images.find(name, where)
    except RecordError as error:
        if _is_own(image, name) or error.issues[0].rule != "image-missing":
            raise
        found = images.find(PurePosixPath(name).name, where)
        guessed, actual = (
            layout.split_of(f"{PurePosixPath(path).parent}/") for path in (name, found)
        )
        if guessed and actual and guessed != actual:
            raise
        return found


def _is_own(image: Mapping[str, Any], name: str) -> bool:
    """Whether `name` is `file_name` alone, without a folder that was put in front."""
    return name == str(image.get("file_name")).replace("\\", "/")


def _size_of(image: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return None


def _metadata(image: Mapping[str, Any], file: CocoFile) -> dict[str, Any]:
    """LVIS is annotated category by category: `negative` were looked for and are not in the picture; of `not_exhaustive` ones
    not every instance is annotated. Of any other category nothing is known."""
    return {
        "lvis": {
            name: [file.names[number] for number in image[key] if number in file.names]
            for key, name in _LVIS_LISTS.items()
            if key in image
        }
    }


def _captions_of(file: CocoFile, image_id: int) -> list[Any]:
    position = file.position_of(image_id)
    return [] if position is None else [raw.get("caption") for raw in file.read(position)[1]]


def _repeated(index: int, number: int) -> Finding:
    return Finding(
        kind="noted",
        rule="annotation-id-repeated",
        message="another annotation of the file has the same id; both were kept",
        object_index=index,
        got=str(number),
    )


def _stray(opened: _Opened, item: Item) -> RecordError:
    number, count = list(opened.file.strays.items())[-1 - item.position]
    return RecordError.say(
        f"{count} annotations belong to a picture that the file does not list",
        where=item.annotation,
        rule="image-unlisted",
        got=f"image_id {number}",
        expected="an entry of images with that id",
        remedy="export the pictures' list again, or remove the annotations",
    )


COCO = CocoReader(flavour="coco")
LVIS = CocoReader(flavour="lvis")
