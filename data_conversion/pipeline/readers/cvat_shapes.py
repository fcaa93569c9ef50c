"""The shape elements of CVAT's XML: from a <box>, <polygon>, ... with its attributes to an object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.etree.ElementTree import Element

import numpy as np

from data_conversion.pipeline import annotated_shapes as shapes
from data_conversion.pipeline.json_values import LARGEST
from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import Attribute, RawObject

InputTypes = Mapping[tuple[str, str], str]
MAX_MASK_PIXELS = 100_000_000
MAX_DIGITS = 9  # of a whole number that counts pixels
_NOTHING = ("", "0")


def read_object(
    element: Element, index: int, input_types: InputTypes, notes: Notes
) -> RawObject | None:
    """The object, or None with the note that says why not."""
    label = element.get("label", "").strip()
    notes.about(index, label)
    shape = None
    if label:
        shape = _shape_of(element, notes)
    else:
        notes.add("dropped", "label-empty", f"<{element.tag}> has no label")
    attributes = _attributes(element, label, input_types, notes) if shape else {}
    notes.about(None)
    if shape is None:
        return None
    group = element.get("group_id", "")
    return RawObject(
        index=index,
        label=label,
        kind=shape[0],
        parts=shape[1],
        attributes=attributes,
        group="" if group in _NOTHING else group,
    )


def typed(text: str, input_type: str) -> Attribute:
    """An attribute's text as its declared type has it: checkbox, number, or text for all others."""
    stripped = text.strip()
    if input_type == "checkbox" and stripped.lower() in ("true", "false"):
        return stripped.lower() == "true"
    if input_type == "number" and (value := _number(stripped)) is not None:
        return int(stripped) if stripped.lstrip("+-").isdecimal() else value
    return stripped


def _shape_of(element: Element, notes: Notes) -> shapes.Shape | None:
    match element.tag:
        case "box":
            return _box(element, notes)
        case "polygon" | "polyline":
            pairs = _pairs(element.get("points", ""))
            if pairs is None:
                notes.add(
                    "dropped", "point-number", "points are not x,y;x,y", element.get("points")
                )
                return None
            return shapes.path("poly" if element.tag == "polygon" else "line", pairs, notes)
        case "ellipse":
            numbers = _numbers(element, ("cx", "cy", "rx", "ry"), notes)
            if numbers is None:
                return None
            cx, cy, rx, ry = numbers
            if (rotation := _rotation(element, notes)) is None:
                return None
            return shapes.ellipse((cx, cy), (rx, ry), rotation, notes)
        case "mask":
            return _mask(element, notes)
        case "points" | "cuboid" | "skeleton":
            notes.add(
                "dropped", "geometry-unsupported", f"<{element.tag}> has no place", element.tag
            )
        case _:
            notes.add("dropped", "element-unknown", f"<{element.tag}> is unknown", element.tag)
    return None


def _box(element: Element, notes: Notes) -> shapes.Shape | None:
    numbers = _numbers(element, ("xtl", "ytl", "xbr", "ybr"), notes)
    rotation = None if numbers is None else _rotation(element, notes)
    if numbers is None or rotation is None:
        return None
    x1, y1, x2, y2 = numbers
    centre = ((x1 + x2) / 2, (y1 + y2) / 2)
    return shapes.rotated_box((x1, y1, x2, y2), rotation, centre, notes)


def _mask(element: Element, notes: Notes) -> shapes.Shape | None:
    numbers = _numbers(element, ("left", "top", "width", "height"), notes)
    if numbers is None:
        return None
    left, top, width, height = (round(value) for value in numbers)
    runs = [part.strip() for part in element.get("rle", "").split(",")]
    counts = [int(part) for part in runs if part.isdecimal() and len(part) <= MAX_DIGITS]
    num_pixels = width * height
    is_whole = len(counts) == len(runs) and sum(counts) == num_pixels and width > 0 < height
    if not is_whole or num_pixels > MAX_MASK_PIXELS:
        notes.add(
            "dropped", "mask-broken", "the mask's runs do not fill its rectangle",
            f"{sum(counts)} pixels in runs, {width}x{height}",
        )  # fmt: skip
        return None
    is_set = np.arange(len(counts)) % 2 == 1  # the first run is background
    pixels = np.repeat(is_set, counts).reshape(height, width)
    return shapes.mask(pixels, left, top, notes)


def _attributes(
    element: Element, label: str, input_types: InputTypes, notes: Notes
) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    if element.get("occluded", "0") not in _NOTHING:
        found["occluded"] = True
    z_order = element.get("z_order", "0")
    if z_order not in _NOTHING:
        found["z_order"] = typed(z_order, "number")
    for child in element:
        name = child.get("name", "")
        if child.tag == "attribute" and name:
            found[name] = typed(child.text or "", input_types.get((label, name), ""))
        else:
            notes.add("noted", "element-ignored", f"<{child.tag}> is not converted", child.tag)
    return found


def _numbers(
    element: Element, names: tuple[str, str, str, str], notes: Notes
) -> tuple[float, ...] | None:
    found = [_number(element.get(name, "")) for name in names]
    numbers = tuple(value for value in found if value is not None)
    if len(numbers) == len(names):
        return numbers
    got = " ".join(f"{name}={element.get(name, '(none)')}" for name in names)
    notes.add("dropped", "corner-missing", f"<{element.tag}> has no four finite numbers", got)
    return None


def _rotation(element: Element, notes: Notes) -> float | None:
    """Degrees, 0 where none are given; None, noted, for what is no number."""
    text = element.get("rotation", "0")
    rotation = _number(text)
    if rotation is None:
        notes.add(
            "dropped", "rotation", f"the rotation of <{element.tag}> is no finite number", text
        )
    return rotation


def _pairs(text: str) -> list[tuple[float, float]] | None:
    pairs = []
    for part in text.split(";"):
        x, _, y = part.partition(",")
        first, second = _number(x), _number(y)
        if first is None or second is None:
            return None
        pairs.append((first, second))
    return pairs


def _number(text: str) -> float | None:
    """A number that can be a coordinate (see `json_values.LARGEST`); None for anything else."""
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        return None
    return value if abs(value) <= LARGEST else None
