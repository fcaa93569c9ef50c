"""Descs of objects that the annotator put together, with their group's number. Pure; linear in the objects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from src.domains.config import DomainPack
from src.domains.findings import TextFinding


def number_groups(
    descs: Sequence[str], groups: Sequence[str], pack: DomainPack
) -> tuple[tuple[str, ...], tuple[tuple[int, TextFinding], ...]]:
    """(descs, (position, finding) pairs). `groups` names each object's group, "" for none; numbers follow the order given.

    A group with one member is none: it keeps its desc and gets no number. Without a rule in the pack groups are left out, and
    noted.
    """
    sizes = Counter(group for group in groups if group)
    numbers: dict[str, int] = {}
    numbered = list(descs)
    findings = []
    for position, group in enumerate(groups):
        if not group:
            continue
        if pack.grouping is None:
            message = "the domain pack has no rule for groups"
            findings.append((position, _note("group-ignored", message, group)))
        elif sizes[group] == 1:
            message = "a group with one member is none"
            findings.append((position, _note("group-single", message, group)))
        else:
            number = numbers.setdefault(group, len(numbers) + 1)
            numbered[position] = group_prefix(number, pack) + descs[position]
    return tuple(numbered), tuple(findings)


def group_prefix(number: int, pack: DomainPack) -> str:
    """What stands before the desc of a group's member."""
    assert pack.grouping is not None
    text = pack.grouping.template.replace("{n}", str(number))
    grammar = pack.desc_grammar
    if grammar.form != "key_value":
        return text
    return f"{pack.grouping.key}{grammar.pair_separator}{text}{grammar.item_separator}"


def split_group(desc: str, pack: DomainPack) -> tuple[int | None, str]:
    """(group's number or None, the desc without it): the inverse of `group_prefix`."""
    if pack.grouping is None:
        return None, desc
    before, after = group_prefix(0, pack).split("0", 1)
    found = re.match(rf"{re.escape(before)}([1-9]\d{{0,5}}){re.escape(after)}", desc)
    return (int(found[1]), desc[found.end() :]) if found else (None, desc)


def _note(rule: str, message: str, group: str) -> TextFinding:
    return TextFinding(kind="noted", rule=rule, message=message, got=group)
