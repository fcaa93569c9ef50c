"""Objects as flat lists of numbers behind an optional kind: `1,2,3,4` a box, `"poly",1,2,3,4,5,6`, `"line",1,2,3,4`.

What the formats `compact` and `grouped` share. Where a model was taught to give a score, it is a last number with a decimal point
in [0, 1] (`1,2,3,4,0.87`): coordinates come in pairs, so a number that is left over cannot be one.
"""

from __future__ import annotations

from typing import Any

from src.contract.records import GEOMETRY_KINDS
from src.datasets.builders.formats.objects import SCORE_KEY

# Possessive: no pattern that is made of these ever tries a text twice.
CHARACTERS = r'(?:[^"\\\n]++|\\.)*+'
STRING = f'"{CHARACTERS}"'
NUMBERS = r'[^"\[\]{}]*+'


def keyed(values: list[Any]) -> dict[str, Any] | str:
    """The list as the dictionary that `parse_object` reads, less its description; the reason where its kind is none."""
    kind: Any = "bbox_2d"
    if values and isinstance(values[0], str):
        kind, values = values[0], values[1:]
        if kind not in GEOMETRY_KINDS:
            return "an unknown kind"
    value: dict[str, Any] = {}
    if len(values) % 2 and type(values[-1]) is float and 0 <= values[-1] <= 1:
        value[SCORE_KEY] = values[-1]
        values = values[:-1]
    value[kind] = values
    return value
