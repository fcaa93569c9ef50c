"""A desc that `describe` wrote, read back by the pack's own words: group, type, answers by their names, remarks.

For summaries, which are made of the objects that are left when shapes are done. Cost: some microseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from src.domains.groups import split_group
from src.domains.taxonomy_config import AttributeRule, ObjectType
from src.domains.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDesc:
    """The parts of a desc; `answers` are (attribute's name, text) pairs in their order."""

    group: int | None
    type_name: str
    answers: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


def read_desc(desc: str, words: Vocabulary) -> ReadDesc:
    """The parts of a desc. What the pack's words do not explain (the rest of an unmapped label) is a remark."""
    pack = words.pack
    grammar = pack.desc_grammar
    group, text = split_group(desc, pack)
    if grammar.form == "key_value":
        pairs = [
            item.partition(grammar.pair_separator) for item in text.split(grammar.item_separator)
        ]
        type_name, items = pairs[0][2] or pairs[0][0], [(key, value) for key, _, value in pairs[1:]]
    elif grammar.form == "type_attr":
        type_name, *levels = text.split(grammar.level_separator)
        items = [("", item) for level in levels for item in level.split(grammar.item_separator)]
    else:
        type_name, *parts = text.split(grammar.item_separator)
        items = [("", item) for item in parts]
    rules = _rules_of(type_name, pack.taxonomy.types)
    answers: list[tuple[str, str]] = []
    remarks: list[str] = []
    for key, item in items:
        name, value = _meaning(key, item, rules)
        if name is None:
            remarks.append(value)
        else:
            answers.append((name, value))
    return ReadDesc(
        group=group, type_name=type_name, answers=tuple(answers), remarks=tuple(remarks)
    )


def _rules_of(type_name: str, types: tuple[ObjectType, ...]) -> tuple[AttributeRule, ...]:
    return next((item.attributes for item in types if item.name == type_name), ())


def _meaning(key: str, item: str, rules: tuple[AttributeRule, ...]) -> tuple[str | None, str]:
    """(name of the attribute, text), or (None, text) for a remark."""
    candidates = [rule for rule in rules if not key or rule.name == key]
    for rule in candidates:
        if item in rule.answers.values():
            return rule.name, item
    free = [(rule, rule.free_text) for rule in candidates if rule.free_text is not None]
    # A template of nothing but the value fits everything and is asked last.
    for rule, text in sorted(free, key=lambda pair: -len(pair[1].template)):
        before, after = text.template.split("{value}")
        found = re.fullmatch(f"{re.escape(before)}(.*){re.escape(after)}", item, re.DOTALL)
        if item == text.fallback or found:
            value = found[1] if found and item != text.fallback else item
            return (None if text.trailing else rule.name), value
    return (key or None), item
