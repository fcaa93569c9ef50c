"""One COCO annotation as an object: a polygon in its parts, a mask's outlines, or a box.

Facts of the format (cocodataset.org, "Data format"): boxes are x, y, width, height; polygons flat lists of x, y, one list a
part; masks are run lengths, and `iscrowd` marks a region of many objects. All are on pixel edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.outlines import mask_outlines
from data_conversion.pipeline.raw import Attribute, Points, RawObject
from data_conversion.pipeline.rle import decode_rle
from src.datasets.geometry.overlap import bounds

KNOWN_KEYS = frozenset(
    (
        "id",
        "image_id",
        "category_id",
        "segmentation",
        "area",
        "bbox",
        "iscrowd",
        "attributes",
        "keypoints",
        "num_keypoints",
    )
)
FEWEST_NUMBERS = 6
BOX_TOLERANCE_PX = 2.0
"""How far a box may be from its outline's: exporters round outwards, or count the last pixel or not."""
_NUMBERS, _FLOATS = frozenset((int, float)), frozenset((float,))


@dataclass(slots=True, kw_only=True)
class AnnotationReader:
    """Reads the annotations of one picture of `size` (None: not given) and collects what happened to them.

    `names` are the categories by id.
    """

    names: Mapping[int, str]
    size: tuple[int, int] | None
    keep_crowd: bool
    notes: Notes = field(default_factory=Notes)

    def read(self, raw: Mapping[str, Any], index: int) -> RawObject | None:
        """The object, or None when it was dropped with a finding."""
        self.notes.about(index)
        category = raw.get("category_id")
        if type(category) is not int or category not in self.names:
            return self._drop("category-unknown", "the file lists no category of that id", category)
        label = self.names[category]
        self.notes.about(index, label)
        is_crowd = bool(raw.get("iscrowd"))
        if is_crowd and not self.keep_crowd:
            return self._drop(
                "crowd", "the region stands for many objects (iscrowd)", raw.get("bbox")
            )
        parts = self._parts(raw.get("segmentation"))
        box = () if parts else self._box(raw.get("bbox"))
        if not parts and not box:
            return self._drop(
                "degenerate", "neither outline nor box has an extent", raw.get("bbox")
            )
        if parts:
            self._compare(parts, raw.get("bbox"))
        attributes = self._attributes(raw["attributes"]) if raw.get("attributes") else {}
        if is_crowd:
            attributes["iscrowd"] = True
        if not raw.keys() <= KNOWN_KEYS or raw.get("num_keypoints") or raw.get("keypoints"):
            ignored = sorted((raw.keys() - KNOWN_KEYS) | (raw.keys() & {"keypoints"}))
            self.notes.add("noted", "key-ignored", "not converted", got=", ".join(ignored))
        return RawObject(
            index=index,
            label=label,
            kind="poly" if parts else "bbox_2d",
            parts=parts or (box,),
            attributes=attributes,
        )

    def _parts(self, segmentation: Any) -> tuple[Points, ...]:
        """The outlines that a segmentation holds; none when the box has to do."""
        if isinstance(segmentation, dict):
            return self._outlines(segmentation)
        if not segmentation:
            return ()
        if not isinstance(segmentation, list):
            self.notes.add(
                "fixed",
                "segmentation-unknown",
                "neither polygons nor a mask: the box was taken",
                segmentation,
            )
            return ()
        if type(segmentation[0]) in _NUMBERS:  # a single polygon without the list around it
            segmentation = [segmentation]
        parts = []
        for position, part in enumerate(segmentation):
            points = _points(part)
            if len(points) < FEWEST_NUMBERS or len(points) % 2:
                result = (
                    "the other parts were kept" if len(segmentation) > 1 else "the box was taken"
                )
                self.notes.add(
                    "fixed",
                    "part-degenerate",
                    f"part {position} of the outline is no polygon",
                    part,
                    result,
                )
            else:
                parts.append(points)
        return tuple(parts)

    def _outlines(self, segmentation: Mapping[str, Any]) -> tuple[Points, ...]:
        try:
            mask = decode_rle(segmentation, self.size or _own_size(segmentation))
        except ValueError as error:
            self.notes.add(
                "fixed",
                "mask-broken",
                f"the mask cannot be decoded: {error}",
                result="the box was taken",
            )
            return ()
        outlines = mask_outlines(mask.view(np.bool_))
        if outlines.filled_share:
            self.notes.add(
                "fixed",
                "holes-filled",
                "holes of the mask were filled",
                result=f"{outlines.filled_share:.2%} of the outline",
            )
        if not outlines.parts:
            self.notes.add(
                "fixed", "mask-empty", "the mask has no pixel", result="the box was taken"
            )
        return outlines.parts

    def _box(self, box: Any) -> Points:
        numbers = _points(box)
        if len(numbers) != 4 or numbers[2] <= 0 or numbers[3] <= 0:
            return ()
        x, y, width, height = numbers
        return (x, y, x + width, y + height)

    def _compare(self, parts: tuple[Points, ...], box: Any) -> None:
        """Note a box that is not the outline's: in LVIS, for one, some boxes lie in the picture's unrotated frame."""
        given = self._box(box)
        if not given:
            return
        x1, y1, x2, y2 = given
        own = bounds(parts[0] if len(parts) == 1 else tuple(chain.from_iterable(parts)))
        away = max(abs(own[0] - x1), abs(own[1] - y1), abs(own[2] - x2), abs(own[3] - y2))
        if away > BOX_TOLERANCE_PX:
            message = "the box is not the outline's; the outline was taken"
            self.notes.add(
                "noted", "box-disagrees", message, box, result=" ".join(f"{v:g}" for v in own)
            )

    def _attributes(self, attributes: Any) -> dict[str, Attribute]:
        kept: dict[str, Attribute] = {}
        if not isinstance(attributes, dict):
            self.notes.add("noted", "attribute-ignored", "attributes are no object", attributes)
            return kept
        for name, value in attributes.items():
            if isinstance(value, list) and all(isinstance(answer, str) for answer in value):
                kept[name] = tuple(value)
            elif isinstance(value, bool | int | float | str):
                kept[name] = value
            elif value is not None:
                self.notes.add("noted", "attribute-ignored", f"attribute {name} is nested", value)
        return kept

    def _drop(self, rule: str, message: str, got: Any) -> RawObject | None:
        self.notes.add("dropped", rule, message, got)
        return None


def _points(values: Any) -> Points:
    """A flat list of numbers as floats; empty for anything else. Finite: JSON as it was parsed has no other numbers."""
    if not isinstance(values, list):
        return ()
    kinds = set(map(type, values))
    if kinds == _FLOATS:
        return tuple(values)
    return tuple(map(float, values)) if kinds <= _NUMBERS else ()


def _own_size(segmentation: Mapping[str, Any]) -> tuple[int, int]:
    """The (width, height) that a mask itself gives, within what can be decoded."""
    match segmentation.get("size"):
        case [int(height), int(width)] if 0 < height * width <= 1 << 28:
            return width, height
    raise ValueError("the mask gives no size")
