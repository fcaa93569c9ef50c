"""Pascal VOC: Annotations/, one XML a picture, and ImageSets/Main/ with a list for each part.

Corners are whole pixels, inclusive and counted from 1, as most readers expect: the edges x1..x2 become round(x1) + 1 and
round(x2), at most half a pixel away. Where these would not differ, a box under two pixels, the corners get fractions: equal
corners mean a box without area.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from data_conversion.pipeline.raw import Attribute
from data_conversion.pipeline.readers.voc import ANNOTATIONS, FLAGS, IMAGE_FOLDERS
from data_conversion.pipeline.writers.dense import (
    attributes_of,
    dense_records,
    number_text,
    xml_text,
)
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Written
from src.contract.records import ObjectAnnotation, Record
from src.errors import DataError
from src.files import write_text


class VocWriter:
    """Writer of Pascal VOC folders (see the module text)."""

    @property
    def fidelity(self) -> Fidelity:
        """Boxes alone."""
        return Fidelity(
            bbox_2d="exact",
            poly="as box",
            line="lost",
            precision="whole pixels",
            notes="of attributes `truncated`, `difficult`, `occluded` and `pose` are kept; a box thinner than two pixels gets "
            "corners with fractions",
        )

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """The annotations of all parts in one folder, and a list of each part's."""
        written = Written()
        image_of: dict[str, str] = {}
        for part, records in parts.items():
            keys = []
            for record in dense_records(records, written):
                key = _claim(image_of, record.images[0])
                keys.append(key)
                write_text(options.output / ANNOTATIONS / f"{key}.xml", _file(record, written))
            lines = "".join(f"{key}\n" for key in keys)
            write_text(options.output / "ImageSets" / "Main" / f"{part}.txt", lines)
        return written


def _claim(image_of: dict[str, str], image: str) -> str:
    """The picture's path in its image folder without the suffix: a name that no other picture may share."""
    path = PurePosixPath(image)
    if path.parts[0] in IMAGE_FOLDERS and len(path.parts) > 1:
        path = path.relative_to(path.parts[0])
    key = path.with_suffix("").as_posix()
    if image_of.setdefault(key, image) != image:
        raise DataError.say(
            "two pictures would share an annotation file: VOC tells them apart by the name before the suffix",
            where=f"{ANNOTATIONS}/{key}.xml",
            got=f"{image_of[key]} and {image}",
            remedy="rename one of the pictures",
        )
    return key


def _file(record: Record, written: Written) -> str:
    objects = []
    for item, own in zip(record.objects, attributes_of(record, written), strict=True):
        if item.kind == "line":
            written.losses["lines are left out"] += 1
            _count_lost(own, written)
            continue
        if item.kind == "poly":
            written.losses["polygons became their bounding boxes"] += 1
        objects.append(_object(item, own, written))
    written.num_objects += len(objects)
    name = xml_text(PurePosixPath(record.images[0]).name, written)
    return (
        f"<annotation>\n  <filename>{name}</filename>\n"
        f"  <size><width>{record.width}</width><height>{record.height}</height><depth>3</depth></size>\n"
        f"{''.join(objects)}</annotation>\n"
    )


def _object(item: ObjectAnnotation, attributes: dict[str, Attribute], written: Written) -> str:
    xs, ys = item.points[::2], item.points[1::2]
    (xmin, xmax), (ymin, ymax) = _corners(min(xs), max(xs)), _corners(min(ys), max(ys))
    own = dict(attributes)
    flags = "".join(f"<{name}>{int(own.pop(name, False) is True)}</{name}>" for name in FLAGS)
    pose = own.pop("pose") if isinstance(own.get("pose"), str) else "Unspecified"
    _count_lost(own, written)
    return (
        f"  <object>\n    <name>{xml_text(item.desc, written)}</name>"
        f"<pose>{xml_text(str(pose), written)}</pose>{flags}\n"
        f"    <bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>\n"
        "  </object>\n"
    )


def _corners(low: float, high: float) -> tuple[str, str]:
    """The first and the last pixel of the edges low..high, counted from 1."""
    first, last = round(low) + 1, round(high)
    if first < last:
        return str(first), str(last)
    margin = (
        0.5 - min(high - low, 1.0) / 4
    )  # less than half a pixel, and the first stays below the last
    return number_text(low + 1 - margin), number_text(high + margin)


def _count_lost(attributes: dict[str, Attribute], written: Written) -> None:
    if attributes:
        written.losses["objects with attributes that are left out"] += 1
