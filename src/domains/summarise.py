"""The summary of a picture from the descs of its objects. Pure; some microseconds an object."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from src.domains.desc_reading import ReadDesc, read_desc
from src.domains.summary_config import CountedSummary, JsonSummary
from src.domains.vocabulary import Vocabulary


def summarise(descs: Sequence[str], words: Vocabulary) -> str | None:
    """One line; None for a picture without objects and for a pack without summary rules.

    Descs that the rules do not order keep the order given.
    """
    rules = words.pack.summary
    if rules is None or not descs:
        return None
    read = [read_desc(desc, words) for desc in descs]
    if rules.form == "counted":
        return _counted(descs, read, rules.counted)
    return _json(read, rules.json)


def _counted(descs: Sequence[str], read: Sequence[ReadDesc], rules: CountedSummary) -> str:
    counts = Counter(descs)  # In the order of first appearance; the sort below keeps it.
    types = {desc: item.type_name for desc, item in zip(descs, read, strict=True)}
    items = []
    for desc in sorted(counts, key=len):
        alone = counts[desc] == 1 and types[desc] in rules.without_one
        items.append(desc if alone else f"{desc}{rules.count_sign}{counts[desc]}")
    return rules.separator.join(items)


def _json(read: Sequence[ReadDesc], keys: JsonSummary) -> str:
    summary: dict[str, object] = {keys.counts: _categories(read, keys)}
    remarks = list(dict.fromkeys(remark for item in read for remark in item.remarks))
    if remarks:
        summary[keys.remarks] = remarks
    grouped: dict[str, Counter[str]] = {}
    for item in read:
        if item.group is not None:
            grouped.setdefault(str(item.group), Counter())[item.type_name] += 1
    if grouped:
        summary[keys.groups] = {number: dict(counts) for number, counts in grouped.items()}
    return json.dumps(summary, ensure_ascii=False, separators=(", ", ": "))


def _categories(read: Sequence[ReadDesc], keys: JsonSummary) -> list[dict[str, object]]:
    """One entry a type, in the order of first appearance, with its number and how often each answer was given."""
    categories = []
    for type_name, number in Counter(item.type_name for item in read).items():
        answers: dict[str, Counter[str]] = {}
        for item in read:
            if item.type_name == type_name:
                for name, text in item.answers:
                    answers.setdefault(name, Counter())[text] += 1
        entry: dict[str, object] = {keys.category: type_name, keys.number: number}
        categories.append(entry | {name: dict(texts) for name, texts in answers.items()})
    return categories
