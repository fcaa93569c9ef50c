"""COCO ground truth: `annotations/instances_PART.json`, and `captions_PART.json` where records have summaries.

Picture ids count from 1 through all parts, categories from 1 in the order of their first appearance. Every part lists all
categories, so files of one data set agree about ids. Annotations are streamed; in memory are the pictures' entries and the
captions (some 150 bytes each).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any

import orjson

from data_conversion.pipeline.writers.dense import attributes_of, dense_records
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Written
from src.contract.records import ObjectAnnotation, Record
from src.datasets.geometry.clip import area_of
from src.files import atomic_write

FOLDER = "annotations"


class CocoWriter:
    """Writer of COCO ground truth (see the module text)."""

    fidelity = Fidelity(
        bbox_2d="exact",
        poly="exact",
        line="lost",
        attributes=True,
        summaries=True,
        notes="attributes as CVAT writes them (`attributes` of an annotation); labels become categories",
    )

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """Write the annotation files of all parts; they appear together, when the last is complete."""
        ids = _Ids()
        written = Written()
        with ExitStack() as stack:
            files = []
            for part, records in parts.items():
                path = options.output / FOLDER / f"instances_{part}.json"
                file = _Part(handle=stack.enter_context(atomic_write(path, "wb")))
                file.add_all(records, ids, written)
                if file.captions:
                    path = path.with_name(f"captions_{part}.json")
                    _finish_captions(stack.enter_context(atomic_write(path, "wb")), file)
                files.append(file)
            categories = [{"id": number, "name": name} for name, number in ids.categories.items()]
            for file in files:
                file.handle.write(
                    b'\n],\n"images":%b,\n"categories":%b}\n'
                    % (_list(file.images), _list(map(orjson.dumps, categories)))
                )
        return written


@dataclass(slots=True, kw_only=True)
class _Ids:
    """The next free ids, and category ids by name."""

    image: int = 0
    annotation: int = 0
    categories: dict[str, int] = field(default_factory=dict)

    def category(self, name: str) -> int:
        return self.categories.setdefault(name, len(self.categories) + 1)


@dataclass(slots=True, kw_only=True)
class _Part:
    handle: IO[bytes]
    images: list[bytes] = field(default_factory=list)
    captions: list[bytes] = field(default_factory=list)

    def add_all(self, records: Iterable[Record], ids: _Ids, written: Written) -> None:
        separator = b'{"annotations":[\n'
        for record in dense_records(records, written, keeps_summary=True):
            for entry in self.add(record, ids, written):
                self.handle.write(separator + orjson.dumps(entry))
                separator = b",\n"
        if separator.startswith(b"{"):
            self.handle.write(separator)

    def add(self, record: Record, ids: _Ids, written: Written) -> list[dict[str, Any]]:
        """The annotations of a record; its picture and caption are kept for later."""
        ids.image += 1
        width, height = record.width, record.height
        image = {"id": ids.image, "file_name": record.images[0], "width": width, "height": height}
        self.images.append(orjson.dumps(image))
        if record.summary is not None:
            caption = {"id": ids.image, "image_id": ids.image, "caption": record.summary}
            self.captions.append(orjson.dumps(caption))
        entries = []
        for item, own in zip(record.objects, attributes_of(record, written), strict=True):
            if item.kind == "line":
                written.losses["lines (COCO has no open shapes)"] += 1
                continue
            ids.annotation += 1
            entry = {
                "id": ids.annotation,
                "image_id": ids.image,
                "category_id": ids.category(item.desc),
                **geometry(item),
                "iscrowd": 0,
            }
            entries.append(entry | ({"attributes": own} if own else {}))
        written.num_objects += len(entries)
        return entries


def geometry(item: ObjectAnnotation) -> dict[str, Any]:
    """Box (x, y, width, height), area and outline of a box or polygon, as COCO writes them."""
    xs, ys = item.points[::2], item.points[1::2]
    left, top = min(xs), min(ys)
    width, height = max(xs) - left, max(ys) - top
    is_box = item.kind == "bbox_2d"
    area = width * height if is_box else area_of(list(zip(xs, ys, strict=True)))
    outline = [] if is_box else [list(item.points)]
    return {"bbox": [left, top, width, height], "area": area, "segmentation": outline}


def _list(entries: Iterable[bytes]) -> bytes:
    return b"[\n%b\n]" % b",\n".join(entries)


def _finish_captions(handle: IO[bytes], part: _Part) -> None:
    handle.write(b'{"annotations":%b,\n"images":%b}\n' % (_list(part.captions), _list(part.images)))
