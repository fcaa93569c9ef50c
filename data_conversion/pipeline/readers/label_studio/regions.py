"""A region of Label Studio: all results with one id, of which one holds the geometry and others labels, choices or texts.

Coordinates are per cent of the picture's sides; a rectangle turns about its top left corner, an ellipse about its centre, both
clockwise in degrees. Pixels are rounded to a millionth, so that 12.5 per cent of 640 is 80 and not 80.00000000000001.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_conversion.pipeline import annotated_shapes as shapes
from data_conversion.pipeline import json_values as values
from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import Attribute, RawObject
from data_conversion.pipeline.readers.label_studio.brush import decode_brush
from src.contract.records import GeometryKind

GEOMETRIES = ("rectangle", "polygon", "brush", "ellipse", "vector", "keypoint", "bitmask")
DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The results of one id in file order."""

    results: Sequence[values.Object]

    @property
    def geometry(self) -> values.Object | None:
        """The first result that holds a shape."""
        return next((raw for raw in self.results if geometry_of(raw)), None)


def geometry_of(raw: values.Object) -> str:
    """The kind of shape that a result holds ("rectanglelabels" and "rectangle" are both one); empty for choices and the like."""
    kind = values.text(raw.get("type")).removesuffix("labels")
    return kind if kind in GEOMETRIES else ""


def size_of(raw: values.Object) -> tuple[int, int] | None:
    """(width, height) of the picture that a result's per cents refer to."""
    return values.size(raw.get("original_width"), raw.get("original_height"))


def read_region(region: Region, index: int, notes: Notes) -> RawObject | None:
    """The object of a region that has a geometry, or None with the note that says why not."""
    raw = region.geometry
    assert raw is not None
    labels = _labels(region)
    label = labels[0] if labels else ""
    notes.about(index, label)
    size = size_of(raw)
    shape = None
    if not label:
        notes.add("dropped", "label-empty", "the region has no label")
    elif size is None:
        notes.add("dropped", "size-missing", "the region has no original_width and original_height")
    else:
        shape = _shape_of(raw, size, notes)
    attributes = answers(region.results) if shape else {}
    if shape and len(labels) > 1:
        attributes["labels"] = tuple(labels)
        notes.add("noted", "labels-several", "the first of several labels was taken", labels, label)
    notes.about(None)
    if shape is None:
        return None
    return RawObject(index=index, label=label, kind=shape[0], parts=shape[1], attributes=attributes)


def answers(results: Sequence[values.Object]) -> dict[str, Attribute]:
    """Choices, texts, numbers and ratings by the name of their control; several answers become a tuple."""
    found: dict[str, Attribute] = {}
    for raw in results:
        value = values.mapping(raw.get("value"))
        kind, name = values.text(raw.get("type")), values.text(raw.get("from_name"))
        if kind in ("number", "rating"):
            answer: Attribute | None = values.attribute(value.get(kind))
        else:
            given = value.get({"textarea": "text"}.get(kind, kind)) if kind in _TEXTS else None
            answer = _one_or_several(given)
            if kind == "choices" and answer in ("true", "false"):
                answer = answer == "true"
        if answer is not None:
            found[name] = answer
        note = _one_or_several(values.mapping(raw.get("meta")).get("text"))
        if note is not None:
            found["note"] = note
    return found


_TEXTS = ("choices", "textarea", "taxonomy", "datetime")


def _one_or_several(given: object) -> Attribute | None:
    if isinstance(given, str):
        return given
    texts = tuple(
        "/".join(map(str, item)) if isinstance(item, list) else str(item)  # a taxonomy's path
        for item in values.sequence(given)
    )
    return texts[0] if len(texts) == 1 else texts or None


def _labels(region: Region) -> list[str]:
    """Labels of all results of the region, each once; under the key that is the result's type, or "labels"."""
    found: list[str] = []
    for raw in region.results:
        kind = values.text(raw.get("type"))
        given = values.sequence(values.mapping(raw.get("value")).get(kind))
        if kind.endswith("labels"):
            found += [label for item in given if (label := values.text(item))]
    return list(dict.fromkeys(found))


def _shape_of(raw: values.Object, size: tuple[int, int], notes: Notes) -> shapes.Shape | None:
    value = values.mapping(raw.get("value"))
    kind = geometry_of(raw)
    match kind:
        case "rectangle":
            return _rectangle(value, size, notes)
        case "ellipse":
            numbers = _numbers(value, ("x", "y", "radiusX", "radiusY"), size, notes)
            if numbers is None:
                return None
            if (rotation := _rotation(value, notes)) is None:
                return None
            x, y, radius_x, radius_y = numbers
            return shapes.ellipse((x, y), (radius_x, radius_y), rotation, notes)
        case "polygon":
            return _path(value.get("points"), "poly", size, notes)
        case "vector":
            return _vector(value, size, notes)
        case "brush":
            return _brush(value, size, notes)
    notes.add("dropped", "geometry-unsupported", f"{kind} has no place", kind)
    return None


def _rectangle(value: values.Object, size: tuple[int, int], notes: Notes) -> shapes.Shape | None:
    numbers = _numbers(value, ("x", "y", "width", "height"), size, notes)
    rotation = None if numbers is None else _rotation(value, notes)
    if numbers is None or rotation is None:
        return None
    x, y, width, height = numbers
    corners = (x, y, round(x + width, DIGITS), round(y + height, DIGITS))
    return shapes.rotated_box(corners, rotation, (x, y), notes)


def _vector(value: values.Object, size: tuple[int, int], notes: Notes) -> shapes.Shape | None:
    """A path of vertices, each behind its `prevPointId`; curves are taken as straight and noted."""
    vertices = _chain(values.objects(value.get("vertices")))
    if vertices is None:
        got = [
            (raw.get("id"), raw.get("prevPointId")) for raw in values.objects(value.get("vertices"))
        ]
        notes.add("dropped", "vector-branches", "the vector's vertices are not one path", got)
        return None
    if any(vertex.get("isBezier") is True for vertex in vertices):
        notes.add("fixed", "curve-straight", "curves of the vector were taken as straight lines")
    pairs = [[vertex.get("x"), vertex.get("y")] for vertex in vertices]
    return _path(pairs, "poly" if value.get("closed") is True else "line", size, notes)


def _chain(vertices: list[values.Object]) -> list[values.Object] | None:
    """The vertices from the one without a predecessor (of a ring: the first of the list) on; None where they branch or break.

    Vertices that name no predecessor at all are in the order of the list.
    """
    if not any(values.text(vertex.get("prevPointId")) for vertex in vertices):
        return vertices
    following = {values.text(vertex.get("prevPointId")): vertex for vertex in vertices}
    found = [following[""] if "" in following else vertices[0]]
    while len(found) < len(vertices) and (name := values.text(found[-1].get("id"))) in following:
        if not name or following[name] is found[0]:
            return None
        found.append(following[name])
    is_whole = len(found) == len(vertices) == len(following)
    return found if is_whole else None


def _path(
    given: object, kind: GeometryKind, size: tuple[int, int], notes: Notes
) -> shapes.Shape | None:
    pairs = [values.pair(point) for point in values.sequence(given)]
    points = [pair for pair in pairs if pair is not None]
    if len(points) < len(pairs):
        notes.add("dropped", "point-number", "a point is not two numbers", given)
        return None
    pixels = [(_pixels(x, size[0]), _pixels(y, size[1])) for x, y in points]
    return shapes.path(kind, pixels, notes)


def _brush(value: values.Object, size: tuple[int, int], notes: Notes) -> shapes.Shape | None:
    codes = values.sequence(value.get("rle"))
    try:
        if not all(type(code) is int for code in codes):
            raise ValueError("a code is no whole number")
        pixels = decode_brush(bytes(codes), *size)
    except ValueError as error:
        notes.add("dropped", "mask-broken", f"the brush cannot be decoded: {error}")
        return None
    return shapes.mask(pixels, 0, 0, notes)


def _numbers(
    value: values.Object, names: tuple[str, str, str, str], size: tuple[int, int], notes: Notes
) -> tuple[float, ...] | None:
    """Four per cents, of the width and the height in turn, as pixels."""
    found = [values.number(value.get(name)) for name in names]
    numbers = [number for number in found if number is not None]
    if len(numbers) < len(names):
        got = {name: value.get(name) for name in names}
        notes.add("dropped", "corner-missing", "the region has no four finite numbers", got)
        return None
    sides = (*size, *size)
    return tuple(_pixels(number, side) for number, side in zip(numbers, sides, strict=True))


def _pixels(per_cent: float, side: int) -> float:
    return round(per_cent * side / 100, DIGITS)


def _rotation(value: values.Object, notes: Notes) -> float | None:
    """Degrees, 0 where none are given; None, noted, for what is no number."""
    given = value.get("rotation")
    rotation = 0.0 if given is None else values.number(given)
    if rotation is None:
        notes.add("dropped", "rotation", "the rotation is no finite number", given)
    return rotation
