"""Rules of one entry of `objects`: a description and exactly one geometry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from src.contract.geometry_rules import check_geometry
from src.contract.line_issues import LineIssues, key_path
from src.contract.records import GEOMETRY_KINDS, GeometryKind, ObjectAnnotation
from src.contract.text_rules import check_text
from src.utils.suggest import did_you_mean

COUNT_KEYS = ("poly_points", "line_points")
OBJECT_KEYS = frozenset(("desc", *GEOMETRY_KINDS, *COUNT_KEYS))


def check_objects(raw: Mapping[str, Any], state: LineIssues) -> tuple[ObjectAnnotation, ...]:
    """The objects of a record; issues go to `state`."""
    if "objects" not in raw:
        return ()
    objects = raw["objects"]
    if not isinstance(objects, list):
        message, remedy = "objects must be a list", "write [] for a negative image"
        state.add("objects", "type", message, remedy, got=objects)
        return ()
    parsed = [_object(item, f"objects[{index}]", state) for index, item in enumerate(objects)]
    return tuple(item for item in parsed if item is not None)


def _object(item: Any, path: str, state: LineIssues) -> ObjectAnnotation | None:
    if not isinstance(item, dict):
        message = "an object must be a JSON object"
        state.add(path, "type", message, "write desc and one geometry", got=item)
        return None
    if not item.keys() <= OBJECT_KEYS:
        _unknown_keys(item, path, state)
    if "desc" in item:
        check_text(item["desc"], f"{path}.desc", "desc", state)
    else:
        state.add(f"{path}.desc", "missing", "desc is missing", "describe the object")
    kinds = [kind for kind in GEOMETRY_KINDS if kind in item]
    # A quad has been reported already; that it is no geometry would only say it twice.
    if len(kinds) != 1 and (kinds or "quad" not in item):
        state.add(
            path,
            "one-geometry",
            "an object has exactly one geometry",
            "keep one of bbox_2d, poly, line",
            got=", ".join(kinds) or "none",
        )
    points: tuple[float, ...] | None = None
    for kind in kinds:
        points = check_geometry(item[kind], kind, f"{path}.{kind}", state)
        if f"{kind}_points" in item:
            _count(item, kind, points, path, state)
    for name in COUNT_KEYS:
        if name in item and name.removesuffix("_points") not in kinds:
            message = f"{name} without its geometry"
            state.add(f"{path}.{name}", "point-count", message, "remove it", got=item[name])
    if state.issues or points is None:
        return None
    return ObjectAnnotation(desc=item["desc"], kind=kinds[0], points=points)


def _unknown_keys(item: Mapping[str, Any], path: str, state: LineIssues) -> None:
    for key in item:
        if key == "quad":
            message, remedy = "quad is not a geometry key", "rename it to poly"
            state.add(f"{path}.quad", "quad", message, remedy, got="quad")
        elif key not in OBJECT_KEYS:
            hint = did_you_mean(key, OBJECT_KEYS) or "remove it, or keep it in metadata"
            state.add(key_path(path, key), "unknown-key", "unknown key", hint, got=key)


def _count(
    item: Mapping[str, Any],
    kind: GeometryKind,
    points: tuple[float, ...] | None,
    path: str,
    state: LineIssues,
) -> None:
    name = f"{kind}_points"
    if points is not None and (type(item[name]) is not int or item[name] * 2 != len(points)):
        state.add(
            f"{path}.{name}",
            "point-count",
            f"{name} disagrees with {kind}",
            f"write {len(points) // 2}, or remove it",
            got=item[name],
        )
