"""YOLO data sets: detection (boxes), segmentation (polygons) and oriented boxes (four corners).

`data.yaml` names the classes in the order of their first appearance and the lists of pictures, `PART.txt`, as train, val or
test by the word in the part's name; labels lie where each picture's path has `labels` for `images`. All paths are relative, so
that the folder can be moved. Coordinates are written with ten digits: a picture of 10,000 pixels comes back within 1e-6 px.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import yaml

from data_conversion.pipeline.folder_split import part_of_words
from data_conversion.pipeline.writers.dense import count_attributes, dense_records
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Written
from data_conversion.pipeline.yolo_paths import label_path
from src.contract.records import ObjectAnnotation, Record
from src.errors import DataError, UsageError
from src.files import write_text
from src.utils.logger import get_logger

logger = get_logger(__name__)
Points = tuple[float, ...]
Size = tuple[int, int]
Shape = Callable[[ObjectAnnotation, Size], Points]
"""An object's coordinates as a task writes them, in pixels of a picture of that (width, height); empty where the task cannot
hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloWriter:
    """Writer of one task. `shape` gives coordinates, `losses` says what becomes of a kind that does not come back as it was."""

    fidelity: Fidelity
    shape: Shape
    losses: Mapping[str, str]

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """Label files first, then the lists, last `data.yaml`, which marks a finished data set.

        `UsageError` for a part whose name does not say train, val or test: nothing could be read without it.
        """
        roles = _roles(parts)
        written = Written()
        classes: dict[str, int] = {}
        labels_of: dict[str, str] = {}
        for part, records in parts.items():
            images = []
            for record in dense_records(records, written):
                image = record.images[0]
                label = _claim(labels_of, image)
                rows = self._rows(record, classes, written)
                write_text(options.output / label, "".join(rows))
                images.append(f"./{image}\n")
            write_text(options.output / f"{part}.txt", "".join(images))
        about: dict[str, object] = {}
        for role, names in roles.items():
            lists = [f"{part}.txt" for part in names]
            about[role] = lists[0] if len(lists) == 1 else lists
        about["nc"] = len(classes)
        about["names"] = {number: name for name, number in classes.items()}
        text = yaml.safe_dump(about, allow_unicode=True, sort_keys=False, width=1 << 20)
        write_text(options.output / "data.yaml", text)
        return written

    def _rows(self, record: Record, classes: dict[str, int], written: Written) -> list[str]:
        rows = []
        for item in record.objects:
            if item.kind in self.losses:
                written.losses[self.losses[item.kind]] += 1
            sides = (record.width, record.height)
            points = self.shape(item, sides)
            if points:
                number = classes.setdefault(item.desc, len(classes))
                shares = [value / sides[axis % 2] for axis, value in enumerate(points)]
                rows.append(" ".join([str(number), *map(_digits, shares)]) + "\n")
        written.num_objects += len(rows)
        count_attributes(record, written)
        return rows


def _roles(parts: Iterable[str]) -> dict[str, list[str]]:
    """The parts that are train, val and test."""
    roles: dict[str, list[str]] = {}
    for part in parts:
        file = f"{part}.jsonl"
        role = "test" if "test" in re.split("[^a-z]+", part.lower()) else part_of_words(file)
        if role is None:
            raise UsageError.say(
                "a YOLO data set has train, val and test, and the file's name does not say which it is",
                got=file,
                remedy="put one of these words into its name, as in mine_train.jsonl",
            )
        roles.setdefault(role, []).append(part)
    if missing := [role for role in ("train", "val") if role not in roles]:
        logger.warning(
            "data.yaml has no %s: training needs train and val", " and no ".join(missing)
        )
    return roles


def _claim(labels_of: dict[str, str], image: str) -> str:
    """The label file of a picture, which no other picture may share (a.jpg and a.png in one folder)."""
    label = label_path(image)
    if labels_of.setdefault(label, image) != image:
        raise DataError.say(
            "two pictures would share a label file: YOLO tells them apart by the name before the suffix",
            where=label,
            got=f"{labels_of[label]} and {image}",
            remedy="rename one of the pictures",
        )
    return label


def _digits(share: float) -> str:
    return f"{share:.10f}".rstrip("0").rstrip(".")


def _box(item: ObjectAnnotation, _size: Size) -> Points:
    """Centre and sides of the enclosing box; nothing for a line."""
    if item.kind == "line":
        return ()
    xs, ys = item.points[::2], item.points[1::2]
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    return ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _outline(item: ObjectAnnotation, _size: Size) -> Points:
    """The polygon, a box as its corners clockwise from the top left; nothing for a line."""
    if item.kind == "line":
        return ()
    if item.kind == "poly":
        return item.points
    x1, y1, x2, y2 = item.points
    return (x1, y1, x2, y1, x2, y2, x1, y2)


def _oriented(item: ObjectAnnotation, size: Size) -> Points:
    """Four corners: those of a box or of a polygon with four vertices as they are, else of the smallest rectangle around it.

    Where that leaves the picture, which the format forbids, the enclosing upright box stands for it.
    """
    points = _outline(item, size)
    if len(points) in (0, 8):
        return points
    from shapely import MultiPoint  # imported where used: most conversions do without

    xs, ys = points[::2], points[1::2]
    rectangle = MultiPoint(list(zip(xs, ys, strict=True))).minimum_rotated_rectangle
    left, top, right, bottom = rectangle.bounds
    if left < 0 or top < 0 or right > size[0] or bottom > size[1]:
        return (min(xs), min(ys), max(xs), min(ys), max(xs), max(ys), min(xs), max(ys))
    flat: list[float] = [float(v) for pair in rectangle.exterior.coords[:4] for v in pair]
    return tuple(flat)


LINES = "lines (YOLO has no open shapes)"
BOXES_AS_POLYGONS = "boxes, written as polygons of four corners"
YOLO_DET = YoloWriter(
    fidelity=Fidelity(bbox_2d="exact", poly="as box", line="lost", sizes=False),
    shape=_box,
    losses={"poly": "polygons, written as their enclosing boxes", "line": LINES},
)
YOLO_SEG = YoloWriter(
    fidelity=Fidelity(bbox_2d="as polygon", poly="exact", line="lost", sizes=False),
    shape=_outline,
    losses={"bbox_2d": BOXES_AS_POLYGONS, "line": LINES},
)
YOLO_OBB = YoloWriter(
    fidelity=Fidelity(
        bbox_2d="as polygon",
        poly="as polygon",
        line="lost",
        vertex_order=False,
        sizes=False,
        notes="polygons of four vertices are kept exactly, others become the smallest rectangle around them, or "
        "the enclosing box where that leaves the picture",
    ),
    shape=_oriented,
    losses={
        "bbox_2d": BOXES_AS_POLYGONS,
        "poly": "polygons, written as four corners: their own, or the smallest rectangle's",
        "line": LINES,
    },
)
