"""Checks the pass-through sections against the pinned ms-swift's fields without importing it (a table in JSON).

The table is written by `python -m scripts.config_tools.make_field_table`. Cost: about 2 ms to read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from src.config.guidance import GUIDANCE, REFUSED
from src.config.schema import OWN_FLOAT_KEYS, OWN_TRAINING_KEYS, PASS_THROUGH
from src.errors import Issue
from src.typed_yaml.decoding import unknown_key
from src.typed_yaml.tree import MapNode, place_of, plain
from src.utils.suggest import closest

TABLE = Path(__file__).with_name("ms_swift_fields.json")
_KIND = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    list: "list",
    dict: "dict",
    type(None): "null",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """One argument of ms-swift: where it belongs and what it takes."""

    section: str
    kinds: frozenset[str]
    default: str
    choices: tuple[Any, ...]
    scalar_becomes_list: bool


@lru_cache(maxsize=1)
def field_rules() -> Mapping[str, FieldRule]:
    """Every argument by name, and this project's own keys of `training`."""
    raw = json.loads(TABLE.read_text(encoding="utf-8"))["fields"]
    rules = {
        name: FieldRule(
            section=row["section"],
            kinds=frozenset(row["kinds"]),
            default=row["default"],
            choices=tuple(row["choices"]) if "choices" in row else (),
            scalar_becomes_list="scalar_becomes_list" in row,
        )
        for name, row in raw.items()
    }
    for name in OWN_TRAINING_KEYS:
        rules[name] = FieldRule(
            section="training",
            kinds=frozenset({"float" if name in OWN_FLOAT_KEYS else "int"}),
            default="",
            choices=(),
            scalar_becomes_list=False,
        )
    return rules


@lru_cache(maxsize=1)
def section_keys() -> Mapping[str, tuple[str, ...]]:
    """The keys that each pass-through section offers; what this project decides itself is left out."""
    rules = field_rules()
    return {
        section: tuple(
            name for name, rule in rules.items() if rule.section == section and name not in REFUSED
        )
        for section in PASS_THROUGH
    }


def check_sections(tree: MapNode, known: Mapping[str, Sequence[str]]) -> list[Issue]:
    """Every unknown, misplaced or wrongly typed key of the pass-through sections."""
    issues = []
    for section in PASS_THROUGH:
        entry = tree.entries.get(section)
        if entry is None or not isinstance(entry.node, MapNode):
            continue
        for name, value in entry.node.entries.items():
            path = (section, name)
            if name not in section_keys()[section]:
                issues.append(unknown_key(tree, path, section_keys()[section], known, GUIDANCE))
            else:
                issue = _check_value(tree, path, field_rules()[name], plain(value.node))
                issues += [issue] if issue else []
    return issues


def _check_value(tree: MapNode, path: tuple[str, str], rule: FieldRule, value: Any) -> Issue | None:
    kind = _KIND[type(value)]
    if value is None:  # takes back what an extended file says: the default holds
        return None
    fits = kind in rule.kinds or (kind == "int" and "float" in rule.kinds)
    remedy = ""
    if fits and rule.choices and value is not None and value not in rule.choices:
        fits = False
        near = closest(str(value), [str(choice) for choice in rule.choices])
        remedy = f"did you mean {near}?" if near else ""
    if fits:
        return None
    if kind == "str" and not rule.choices:
        remedy = "write it without quotes"
    expected = rule.choices or sorted(rule.kinds)
    return Issue(
        message="not a legal value",
        where=str(place_of(tree, path)),
        path=".".join(path),
        rule="value",
        got=json.dumps(value, ensure_ascii=False)[:80],
        expected=" | ".join(str(item) for item in expected),
        remedy=remedy,
    )


def normalised(section: Mapping[str, Any]) -> dict[str, Any]:
    """The section as ms-swift takes it.

    A scalar given for a list argument becomes a list of one; null, where ms-swift has no null, means its default.
    """
    rules = field_rules()
    return {
        name: [value] if rules[name].scalar_becomes_list and isinstance(value, str) else value
        for name, value in section.items()
        if value is not None or "null" in rules[name].kinds
    }
