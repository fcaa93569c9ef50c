"""Label Studio: the full JSON export (also what its importer takes), a list of tasks with annotations and their results.

Of several annotations of a task the first that was not cancelled is taken; a task without one is not a picture without objects
and goes to quarantine. Opening a file finds its tasks by byte offset; a task is parsed when it is read. JSON_MIN leaves out what
says which picture a task is about and is refused.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from data_conversion.pipeline import json_values as values
from data_conversion.pipeline.folder_split import SPLIT_NAMES, unique_key
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import Item, Listing, RawImage, SplitName
from data_conversion.pipeline.readers.label_studio.json_spans import array_spans
from data_conversion.pipeline.readers.label_studio.picture_name import (
    EMBEDDED,
    find_picture,
    holds_picture,
    path_in,
    picture_value,
)
from data_conversion.pipeline.readers.label_studio.regions import (
    Region,
    answers,
    read_region,
    size_of,
)
from data_conversion.pipeline.reading import ReadOptions
from src.errors import DataError, RecordError

HEAD_BYTES = 1 << 16
MARKS = (b'"from_name"', b'"was_cancelled"', b'"file_upload"', b'"annotation_id"')


class LabelStudioReader:
    """Reader of Label Studio exports (see the module text)."""

    looks_for = "a JSON list of Label Studio tasks (the full export, not JSON_MIN)"

    def recognise(self, source: Path) -> str:
        """A JSON list whose beginning has keys that only Label Studio writes."""
        found = next((path for path in _files(source) if _looks_right(path)), None)
        return f"{found.name} is a list of Label Studio tasks" if found else ""

    def open(self, source: Path, options: ReadOptions) -> LabelStudioExport:
        """Items are tasks, named by their pictures; files named train and val define the split."""
        root = source if source.is_dir() else source.parent
        items: dict[str, Item] = {}
        ends: dict[tuple[str, int], int] = {}
        split: dict[str, SplitName] = {}
        for path in _files(source):
            if source.is_dir() and not _begins_list(_head(path)):
                continue  # no list of tasks: a labeling interface, notes of another tool
            name = path.relative_to(root).as_posix()
            for start, end, raw in _tasks(path, name):
                key = unique_key(_key_of(raw, f"{name}@{start}"), items)
                items[key] = Item(key=key, annotation=name, position=start)
                ends[name, start] = end
                if path.stem.lower() in SPLIT_NAMES:
                    split[key] = SPLIT_NAMES[path.stem.lower()]
        if not items:
            raise DataError.say(
                "no Label Studio tasks found",
                where=str(source),
                expected="a JSON file with a list of tasks",
                remedy='export the project as "JSON" and give the file or its folder as input',
            )
        listing = Listing.of(items.values(), split, "file names")
        return LabelStudioExport(root=root, images=options.images, ends=ends, listing=listing)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStudioExport:
    """An opened export; `ends` are the ends (bytes) of tasks by (file, start)."""

    root: Path
    images: ImageIndex
    ends: Mapping[tuple[str, int], int]
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One task; the picture's pixels are not touched."""
        where = f"{item.annotation}: {item.key}"
        with (self.root / item.annotation).open("rb") as handle:
            handle.seek(item.position)
            text = handle.read(self.ends[item.annotation, item.position] - item.position)
        raw = values.parse_object(text, where)
        notes = Notes()
        results = _taken_results(raw, where, notes)
        regions = _regions(results, notes)
        shaped = [region for region in regions if region.geometry is not None]
        sizes = {size for region in regions for one in region.results if (size := size_of(one))}
        if len(sizes) > 1:
            raise _refuse(where, "size-disagrees", "regions disagree about the size", sizes)
        if turned := [one["image_rotation"] for one in results if one.get("image_rotation")]:
            raise _refuse(
                where, "image-rotation", "the picture was turned while annotating", turned
            )
        objects = [read_region(region, index, notes) for index, region in enumerate(shaped)]
        free = [one for region in regions if region.geometry is None for one in region.results]
        data = values.mapping(raw.get("data"))
        wanted = _picture_tag(data, shaped, free, where)
        image, name, named, embedded = self._picture(data, wanted, item, where)
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=name,
            named=named,
            size=next(iter(sizes), _size_in(raw)),
            objects=tuple(found for found in objects if found is not None),
            num_objects=len(shaped),
            findings=tuple(notes.findings),
            attributes=answers(free),
            embedded=embedded,
        )

    def _picture(
        self, data: values.Object, wanted: str, item: Item, where: str
    ) -> tuple[str, str, str, bytes | None]:
        """(path below the image root, name in the output, name in the task, bytes where the task holds the picture)."""
        value = picture_value(data, wanted, where)
        if value.startswith(EMBEDDED):
            content, suffix = values.picture_bytes(value.partition(",")[2], where)
            return "", f"{item.key}{suffix}", "", content
        image = find_picture(value, self.images, where)
        return image, image, path_in(value), None


def _picture_tag(
    data: values.Object, shaped: list[Region], free: list[values.Object], where: str
) -> str:
    """The name of the tag that all regions refer to; `RecordError` when results are about several pictures."""
    geometries = (region.geometry for region in shaped)
    tags = {values.text(one.get("to_name")) for one in geometries if one is not None}
    answered = {values.text(one.get("to_name")) for one in free}
    tags |= {name for name in answered if holds_picture(data, name)} or (
        set() if tags else answered
    )
    tags -= {""}
    if len(tags) > 1:
        raise _refuse(where, "pictures-several", "results are about several pictures", sorted(tags))
    return next(iter(tags), "")


def _taken_results(raw: values.Object, where: str, notes: Notes) -> list[values.Object]:
    """The results of the annotation that counts."""
    annotations = values.objects(raw.get("annotations"))
    done = [one for one in annotations if one.get("was_cancelled") is not True]
    if not done:
        raise _refuse(where, "not-annotated", "the task has no annotation", len(annotations))
    if len(annotations) > 1:
        message = "of several annotations the first that was not cancelled was taken"
        notes.add("noted", "annotations-several", message, f"{len(annotations)} annotations")
    if predictions := values.sequence(raw.get("predictions")):
        message = "predictions are not converted"
        notes.add("noted", "predictions-ignored", message, f"{len(predictions)} predictions")
    return values.objects(done[0].get("result"))


def _size_in(raw: values.Object) -> tuple[int, int] | None:
    """The size that the task's data gives: where nothing is annotated, no region tells it."""
    data = values.mapping(raw.get("data"))
    return values.size(data.get("width"), data.get("height"))


def _regions(results: list[values.Object], notes: Notes) -> list[Region]:
    """Results put together by their id, in the order of each one's first."""
    grouped: dict[object, list[values.Object]] = {}
    for position, one in enumerate(results):
        if one.get("type") == "relation":
            ends = f"{one.get('from_id')} -> {one.get('to_id')} {one.get('labels') or ''}"
            notes.add("noted", "relation-ignored", "a relation of two regions has no place", ends)
            continue
        key = one.get("id")
        grouped.setdefault(key if isinstance(key, str) else position, []).append(one)
    return [Region(results=group) for group in grouped.values()]


def _tasks(path: Path, name: str) -> Iterator[tuple[int, int, values.Object]]:
    """(start, end, task) of every task of a file; `DataError` when it is not a full export."""
    data = _mapped(path)
    try:
        for start, end in array_spans(data):
            raw = values.parse_object(data[start:end], f"{name}, byte {start}")
            if not isinstance(raw.get("data"), dict):
                raise _no_task(name, raw)
            yield start, end, raw
    except RecordError as error:
        raise DataError(*error.issues) from error
    except ValueError as error:
        raise DataError.say(
            f"the file is damaged: {error}", where=name, rule="json", remedy="export it again"
        ) from error


def _key_of(raw: values.Object, place: str) -> str:
    """The picture's path without its suffix; the task's id where that is not clear (reading then says why)."""
    try:
        value = picture_value(values.mapping(raw.get("data")), "", place)
    except RecordError:
        value = ""
    if value and not value.startswith(EMBEDDED):
        return path_in(value).lstrip("/").rpartition(".")[0]
    return f"task-{raw.get('id', place)}"


def _mapped(path: Path) -> mmap.mmap | bytes:
    """The file's bytes, not read before they are looked at; unmapped when nothing refers to them any more."""
    if not path.stat().st_size:
        return b""
    with path.open("rb") as handle:
        return mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    return sorted(path for path in source.glob("*.json") if path.is_file())


def _looks_right(path: Path) -> bool:
    head = _head(path)
    return _begins_list(head) and any(mark in head for mark in MARKS)


def _begins_list(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(HEAD_BYTES)


def _no_task(name: str, raw: values.Object) -> DataError:
    return DataError.say(
        "not a full Label Studio export (JSON_MIN is not enough)",
        where=name,
        rule="label-studio-min",
        got=f"keys {', '.join(list(raw)[:8])}",
        expected="tasks with data and annotations",
        remedy='export the project as "JSON"',
    )


def _refuse(where: str, rule: str, message: str, got: object) -> RecordError:
    return RecordError.say(message, where=where, rule=rule, got=str(got)[:200])


LABEL_STUDIO = LabelStudioReader()
