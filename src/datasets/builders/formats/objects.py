"""From the JSON value of one described object to an annotation in pixels, or the reason why it is none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.contract.coordinates import GRID, Norm, from_text_space
from src.contract.predictions import DroppedPart, ParsedAnswer
from src.contract.records import GEOMETRY_KINDS, GeometryKind, ObjectAnnotation
from src.datasets.builders.formats.scanning import leaves

MAX_SHOWN = 120
SCORE_KEY = "score"  # never written by this project; read where a model was taught to write one
FEWEST_PAIRS: Mapping[GeometryKind, int] = {"bbox_2d": 2, "poly": 3, "line": 2}

_MEANING = re.compile(r"[^\s,\[\]{}]")  # What separators between objects are not made of.


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The picture and the coordinate space that an answer speaks of."""

    width: int
    height: int
    norm: Norm


class Collector:
    """Gathers what a parser finds, in the text's order: whole objects with their places and scores, and what is dropped."""

    def __init__(self, target: Target, desc_key: str) -> None:
        self.target = target
        self.desc_key = desc_key
        self.dropped: list[DroppedPart] = []
        self._objects: list[ObjectAnnotation] = []
        self._spans: list[tuple[int, int]] = []
        self._scores: list[float | None] = []
        self._reached = 0

    def __len__(self) -> int:
        """Whole objects so far."""
        return len(self._objects)

    def take(self, value: dict[str, Any], text: str, start: int, end: int) -> None:
        """Keep the object that `value` says, at characters `start` to `end` of `text`, or drop it with its reason."""
        found = parse_object(value, self.target, self.desc_key)
        if isinstance(found, str):
            self.drop(found, text[start:end])
            return
        self._objects.append(found)
        self._spans.append((start, end))
        self._scores.append(verbalised_score(value))

    def drop(self, reason: str, piece: str) -> None:
        self.dropped.append(DroppedPart(reason=reason, text=shortened(piece)))

    def reach(self, text: str, start: int, end: int) -> None:
        """Say that characters `start` to `end` are kept or dropped; what was passed over before them is dropped, too."""
        passed = text[self._reached : start]
        if _MEANING.search(passed):
            self.drop("not a described object", passed.lstrip("]}, \t\r\n").rstrip(", \t\r\n"))
        self._reached = max(self._reached, end)

    def answer(self, is_whole: bool) -> ParsedAnswer:
        """`is_whole`: the text without its objects followed the format; with something dropped it is not valid all the same."""
        return ParsedAnswer(
            objects=tuple(self._objects),
            dropped=tuple(self.dropped),
            is_valid=is_whole and not self.dropped,
            spans=tuple(self._spans),
            verbalised=tuple(self._scores),
        )


def collect_leaves(text: str, target: Target, desc_key: str) -> Collector:
    """Every complete object of a text whose objects are innermost `{...}` with `desc_key` and one geometry."""
    found = Collector(target, desc_key)
    whole = text.strip()
    for leaf in leaves(text):
        if leaf.value == {} and leaf.text == whole:  # an empty picture
            continue
        if leaf.value is None:
            found.drop(leaf.reason, leaf.text)
        else:
            found.take(leaf.value, text, leaf.start, leaf.end)
    return found


def verbalised_score(value: dict[str, Any]) -> float | None:
    """The confidence in [0, 1] that a model wrote beside an object, None when there is none."""
    if SCORE_KEY not in value or type(value[SCORE_KEY]) not in (int, float):
        return None
    found = float(value[SCORE_KEY])
    return found if 0 <= found <= 1 else None


def parse_object(value: dict[str, Any], target: Target, desc_key: str) -> ObjectAnnotation | str:
    """The object, or the reason why the value is none. Nothing is repaired: a swapped box is dropped, not turned."""
    if desc_key not in value or not isinstance(value[desc_key], str) or not value[desc_key].strip():
        return f"no {desc_key}"
    if not _is_text(value[desc_key]):
        return f"{desc_key} is not valid Unicode"
    kinds = [kind for kind in GEOMETRY_KINDS if kind in value]
    if len(kinds) != 1:
        return "not exactly one geometry"
    kind = kinds[0]
    unknown = set(value) - {desc_key, kind, f"{kind}_points", SCORE_KEY}
    if unknown:
        return f"unknown key {sorted(unknown)[0]!a}"
    pairs = _pairs(value[kind])
    if pairs is None or len(pairs) < FEWEST_PAIRS[kind] or (kind == "bbox_2d" and len(pairs) != 2):
        return f"{kind} is not a list of points"
    if f"{kind}_points" in value and value[f"{kind}_points"] != len(pairs):
        return f"{kind}_points disagrees with {kind}"
    grid = None if target.norm == "none" else GRID[target.norm]
    limits = (grid or target.width, grid or target.height)
    if any(not 0 <= x <= limits[0] or not 0 <= y <= limits[1] for x, y in pairs):
        return "a coordinate outside the picture"
    if _is_degenerate(kind, pairs):
        return f"a degenerate {kind}"
    flat = [number for pair in pairs for number in pair]
    points = from_text_space(flat, target.width, target.height, target.norm)
    return ObjectAnnotation(desc=value[desc_key], kind=kind, points=points)


def _is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: an escape such as \\ud83d alone is half a character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _pairs(value: Any) -> list[tuple[float, float]] | None:
    """Flat or nested points as pairs; None when they are neither."""
    if not isinstance(value, list) or not value:
        return None
    if isinstance(value[0], list):
        if any(not isinstance(pair, list) or len(pair) != 2 for pair in value):
            return None
        value = [number for pair in value for number in pair]
    if len(value) % 2 or any(type(number) not in (int, float) for number in value):
        return None
    return list(zip(value[::2], value[1::2], strict=True))


def _is_degenerate(kind: GeometryKind, pairs: Sequence[tuple[float, float]]) -> bool:
    (x1, y1), (x2, y2) = pairs[:2]
    if kind == "bbox_2d":
        return not (x1 < x2 and y1 < y2)
    # Vertices may coincide on a coarse grid; a single point is no shape.
    return len(set(pairs)) == 1


def shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
