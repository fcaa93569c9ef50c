"""Grammars for constrained decoding: GBNF, the notation that llama.cpp, vLLM and xgrammar read, and JSON schemas.

A grammar allows exactly what a format's writer can write in a coordinate space: its spacing, its kinds, whole numbers on the
grid, descriptions without control characters or outer spaces. Some things stay open: that a box's first corner lies before its
second, that a counter is right, that a label of `grouped` stands once, that a description spells no special token of the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from src.contract.coordinates import GRID, Norm
from src.contract.records import GeometryKind
from src.datasets.builders.formats.objects import FEWEST_PAIRS
from src.errors import ConfigError

Labels = Sequence[str] | None
"""The vocabulary that descriptions are limited to; None: any text."""

# Digits are nested, so that a number can be read in one way only: a decoder follows every way at once.
COORDINATES: Mapping[Norm, str] = {
    # Pixels: the grammar does not know the picture.
    "none": '"0" | [1-9] ([0-9] ([0-9] ([0-9] ([0-9] [0-9]?)?)?)?)?',
    "norm100": '"0" | [1-9] [0-9]? | "100"',
    "norm1000": '"0" | [1-9] ([0-9] [0-9]?)? | "1000"',
}
TEXT = {
    "label": r'"\"" word (space+ word)* "\""',
    "word": r'([^"\\\x00-\x20\x7F-\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000] | "\\" ["\\])+',
    "space": r"[ \xA0\u1680\u2000-\u200A\u202F\u205F\u3000]",
}


def literal(text: str) -> str:
    """A GBNF literal of a text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def grammar_text(rules: Mapping[str, str], norm: Norm, labels: Labels) -> str:
    """The rules of a format, `root` first, with those of `label` and `coordinate`: one rule a line."""
    common = label_rules(labels) | {"coordinate": COORDINATES[norm]}
    return "".join(f"{name} ::= {body}\n" for name, body in {**rules, **common}.items())


def label_rules(labels: Labels) -> dict[str, str]:
    """`label`, a quoted description as the writers write it."""
    if labels is None:
        return dict(TEXT)
    _require_some(labels)
    quoted = [literal(json.dumps(label, ensure_ascii=False)) for label in labels]
    return {"label": " | ".join(quoted)}


def point_rules(separator: str) -> dict[str, str]:
    """`box`, `poly` and `line` as flat numbers between separators, without brackets."""
    comma = literal(separator)
    return {
        "box": f"pair {comma} pair",
        "poly": f"pair {comma} pair ({comma} pair)+",
        "line": f"pair ({comma} pair)+",
        "pair": f"coordinate {comma} coordinate",
    }


def list_of(item: str, separator: str) -> str:
    """Any number of items between separators, none included."""
    return f"({item} ({literal(separator)} {item})*)?"


def label_schema(labels: Labels) -> dict[str, Any]:
    """The JSON schema of a description."""
    if labels is None:
        return {"type": "string", "minLength": 1}
    _require_some(labels)
    return {"enum": list(labels)}


def coordinate_schema(norm: Norm) -> dict[str, Any]:
    """The JSON schema of one number."""
    schema = {"type": "integer", "minimum": 0}
    return schema if norm == "none" else {**schema, "maximum": GRID[norm]}


def flat_schema(
    kind: GeometryKind, norm: Norm, first: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """The JSON schema of a flat list of numbers behind the items `first`; a schema cannot say that numbers come in pairs."""
    fewest = len(first) + 2 * FEWEST_PAIRS[kind]
    schema: dict[str, Any] = {
        "type": "array",
        "items": coordinate_schema(norm),
        "minItems": fewest,
    }
    if first:
        schema["prefixItems"] = list(first)
    if kind == "bbox_2d":
        schema["maxItems"] = fewest
    return schema


def object_schema(required: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The JSON schema of an object with exactly these keys."""
    return {
        "type": "object",
        "properties": dict(required),
        "required": list(required),
        "additionalProperties": False,
    }


def _require_some(labels: Sequence[str]) -> None:
    if not labels:
        raise ConfigError.say(
            "a grammar was asked for over no labels",
            path="labels",
            got="[]",
            expected="at least one label",
            remedy="name the labels, or pass None for free text",
        )
