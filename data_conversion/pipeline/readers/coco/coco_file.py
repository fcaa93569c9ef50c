"""One COCO or LVIS annotation file of any size: opened in one pass, then read a picture at a time from the disk.

What stays in memory is 12 bytes an annotation and 20 a picture, so that a file of a million annotations goes to worker processes
cheaply; its objects are parsed when their picture's turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from data_conversion.pipeline.readers.coco.json_arrays import error_at, index_arrays, line_at
from data_conversion.pipeline.readers.coco.json_objects import Elements
from data_conversion.pipeline.readers.coco.json_tokens import Positions
from src.errors import DataError, RecordError

TOGETHER = 512
_WANTED = {"images": ("id",), "annotations": ("id", "image_id"), "categories": ("id",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoFile:
    """An indexed file. `where` names it in errors (relative to the export).

    Picture i in file order has the id `image_ids[i]` and the annotations `first[i]` to `first[i + 1]` of `annotations`, which are
    sorted by picture and within it as the file has them. `strays` counts annotations by image ids that no picture has;
    `repeated` are annotation ids that stand more than once; `names` are the categories.
    """

    path: Path
    where: str
    names: Mapping[int, str]
    images: Elements
    annotations: Elements
    first: Positions
    strays: Mapping[int, int]
    repeated: frozenset[int]

    @classmethod
    def open(cls, path: Path, where: str) -> Self:
        """Index a file. `DataError` with line and byte for broken JSON, missing lists, ids that are missing, no whole numbers
        or repeated among pictures or categories. Cost: about 10 s for 1.1 GB."""
        arrays = index_arrays(path, where, _WANTED)
        for name in ("images", "annotations"):
            if name not in arrays:
                raise DataError.say(
                    f"no list of {name}",
                    where=where,
                    rule="coco-list",
                    remedy="give a COCO annotation file (ground truth)",
                )
        images, annotations = arrays["images"], arrays["annotations"]
        with path.open("rb") as handle:
            _refuse_repeated(handle, where, "images", images)
            names = (
                _category_names(handle, where, arrays["categories"])
                if "categories" in arrays
                else {}
            )
        by_id = np.argsort(images.fields["id"], kind="stable")
        sorted_ids = images.fields["id"][by_id]
        owner_ids = annotations.fields["image_id"]
        place = np.minimum(np.searchsorted(sorted_ids, owner_ids), max(len(sorted_ids) - 1, 0))
        is_known = (
            sorted_ids[place] == owner_ids if len(sorted_ids) else np.zeros(len(owner_ids), bool)
        )
        owner = np.where(is_known, by_id[place] if len(by_id) else 0, len(images))
        order = np.argsort(owner, kind="stable")[: int(is_known.sum())]
        stray_ids, stray_counts = np.unique(owner_ids[~is_known], return_counts=True)
        ids, counts = np.unique(annotations.fields["id"], return_counts=True)
        return cls(
            path=path,
            where=where,
            names=names,
            images=images,
            annotations=Elements(
                offsets=annotations.offsets[order], lengths=annotations.lengths[order], fields={}
            ),
            first=np.concatenate(
                [[0], np.cumsum(np.bincount(owner[is_known], minlength=len(images)))]
            ),
            strays=dict(zip(stray_ids.tolist(), stray_counts.tolist(), strict=True)),
            repeated=frozenset(ids[counts > 1].tolist()),
        )

    def all_images(self) -> Iterator[dict[str, Any]]:
        """The entries of `images` in file order, without holding them all."""
        with self.path.open("rb") as handle:
            yield from parsed(handle, self.where, self.images)

    def read(self, position: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """(the entry of picture `position`, its annotations in file order). `RecordError` names line and byte of broken JSON."""
        low, high = int(self.first[position]), int(self.first[position + 1])
        spans = [(int(self.images.offsets[position]), int(self.images.lengths[position]))]
        spans += zip(
            self.annotations.offsets[low:high].tolist(),
            self.annotations.lengths[low:high].tolist(),
            strict=True,
        )
        number = os.open(self.path, os.O_RDONLY)
        try:
            texts = [os.pread(number, length, offset) for offset, length in spans]
        finally:
            os.close(number)
        try:
            image, *annotations = orjson.loads(b"[%b]" % b",".join(texts))
        except orjson.JSONDecodeError:
            with self.path.open("rb") as handle:
                raise _broken(handle, self.where, spans, texts) from None
        return image, annotations

    def position_of(self, image_id: int) -> int | None:
        """The position of the picture with an id; None when there is none."""
        found = np.flatnonzero(self.images.fields["id"] == image_id)
        return int(found[0]) if len(found) else None


def _broken(
    handle: Any, where: str, spans: list[tuple[int, int]], texts: list[bytes]
) -> RecordError:
    for (offset, _), text in zip(spans, texts, strict=True):
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError as error:
            byte = offset + error.pos
            return RecordError.say(
                f"not valid JSON: {error.msg}",
                where=f"{where}:{line_at(handle, byte)}",
                rule="json",
                got=f"byte {byte}",
                remedy="correct the annotation (NaN and Infinity are no JSON numbers)",
            )
    raise AssertionError("every entry parses alone, but not together")


def parsed(handle: BinaryIO, where: str, elements: Elements) -> Iterator[dict[str, Any]]:
    """Objects in file order; `DataError` for one that is not JSON."""
    for first in range(0, len(elements), TOGETHER):
        some = Elements(
            offsets=elements.offsets[first : first + TOGETHER],
            lengths=elements.lengths[first : first + TOGETHER],
            fields={},
        )
        handle.seek(int(some.offsets[0]))
        text = handle.read(int(some.offsets[-1] - some.offsets[0] + some.lengths[-1]))
        try:
            found = orjson.loads(b"[%b]" % text)
        except orjson.JSONDecodeError:
            yield from _parsed_singly(handle, where, some)
        else:
            yield from found


def _parsed_singly(handle: BinaryIO, where: str, elements: Elements) -> Iterator[dict[str, Any]]:
    for offset, length in zip(elements.offsets.tolist(), elements.lengths.tolist(), strict=True):
        handle.seek(offset)
        text = handle.read(length)
        try:
            yield orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise error_at(
                handle, where, offset + error.pos, f"not valid JSON: {error.msg}"
            ) from error


def _refuse_repeated(handle: BinaryIO, where: str, kind: str, elements: Elements) -> None:
    ids = elements.fields["id"]
    order = np.argsort(ids, kind="stable")
    again: NDArray[np.int64] = order[1:][ids[order][1:] == ids[order][:-1]]
    if len(again):
        first = int(again.min())
        raise error_at(
            handle,
            where,
            int(elements.offsets[first]),
            f"{len(again)} ids of {kind} stand more than once",
            f"id {ids[first]}",
        )


def _category_names(handle: BinaryIO, where: str, elements: Elements) -> dict[int, str]:
    _refuse_repeated(handle, where, "categories", elements)
    names = {}
    for position, entry in enumerate(parsed(handle, where, elements)):
        name = entry.get("name")
        if not isinstance(name, str) or not name.strip():
            raise error_at(
                handle,
                where,
                int(elements.offsets[position]),
                "a category without a name",
                ascii(name)[:80],
            )
        names[int(elements.fields["id"][position])] = name
    return names
