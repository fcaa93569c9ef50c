"""LabelMe: a JSON file beside each picture, with the picture's stem, as the tool finds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import orjson

from data_conversion.pipeline.raw import Attribute
from data_conversion.pipeline.writers.dense import attributes_of, dense_records, groups_of
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Written
from src.contract.records import ObjectAnnotation, Record
from src.files import write_bytes

VERSION = "5.5.0"


class LabelMeWriter:
    """Writer of LabelMe files (see the module text)."""

    @property
    def fidelity(self) -> Fidelity:
        """Exact in all shapes; the format has no split."""
        return Fidelity(
            bbox_2d="exact",
            poly="exact",
            line="exact",
            attributes=True,
            groups=True,
            splits=False,
            notes="attributes that are set become flags, others stand under `attributes` of the shape; of two pictures with one "
            "stem in a folder the second's file keeps the picture's suffix",
        )

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """One file a picture, beside it."""
        written = Written()
        taken: set[PurePosixPath] = set()
        for records in parts.values():
            for record in dense_records(records, written, keeps_groups=True):
                image = PurePosixPath(record.images[0])
                path = image.with_suffix(".json")
                if path in taken:
                    path = image.with_name(f"{image.name}.json")
                taken.add(path)
                raw = _file(record, image.name, written)
                write_bytes(options.output / path, orjson.dumps(raw, option=orjson.OPT_INDENT_2))
                written.num_objects += len(record.objects)
        return written


def _file(record: Record, image: str, written: Written) -> dict[str, Any]:
    attributes, groups = attributes_of(record, written), groups_of(record, written)
    return {
        "version": VERSION,
        "flags": {},
        "shapes": list(map(_shape, record.objects, attributes, groups)),
        "imagePath": image,
        "imageData": None,
        "imageHeight": record.height,
        "imageWidth": record.width,
    }


def _shape(
    item: ObjectAnnotation, attributes: dict[str, Attribute], group: int | None
) -> dict[str, Any]:
    points = list(zip(item.points[::2], item.points[1::2], strict=True))
    line = "line" if len(points) == 2 else "linestrip"
    own = dict(attributes)
    flags = {name: own.pop(name) for name, value in attributes.items() if value is True}
    description = own.pop("description", "") if isinstance(own.get("description"), str) else ""
    return {
        "label": item.desc,
        "points": points,
        "group_id": group,
        "description": description,
        "shape_type": {"bbox_2d": "rectangle", "poly": "polygon", "line": line}[item.kind],
        "flags": flags,
        **({"attributes": own} if own else {}),
    }
