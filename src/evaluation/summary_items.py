"""The items of a summary, with their counts: of JSON, or of a plain `label×count` list by the domain pack's grammar.

| text | items |
| --- | --- |
| `bolt×3, nut` | `bolt`: 3, `nut`: 1 |
| `{"bolt": 3, "nut": {"new": 1}}` | `bolt`: 3, `nut/new`: 1 |
| `{"remark": "dusty"}` | `remark=dusty`: 1 |
| `{"kinds": [{"kind": "BBU", "maker": {"A": 2}}]}` | `kinds/kind=bbu`: 1, `kinds/kind=bbu/maker/a`: 2 |
| `["bolt", "bolt"]` | `bolt`: 2 |

In JSON, a whole number is the count of its path; a text or any other value counts once under `path=value`; entries of a list
share its path, and an entry that is a mapping is named by its first text. A first line in angle brackets, such as
`<TASK=SUMMARY>`, is a heading and no item. Labels are compared normalised. Cost: some 10 us a summary.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from src.domains.config import SummaryGrammar
from src.evaluation.wording import folded, normalised

Form = Literal["json", "plain"]
Items = Counter[str]
MAX_DIGITS = 18
"""Whole numbers of JSON that are longer are read as the largest of that length."""
_HEADING = re.compile(r"\A\s*<[^\n]*>\s*(?:\n|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A summary taken apart. `is_valid` is whether a text that should be JSON is an object or a list of it."""

    form: Form
    is_valid: bool
    items: Items


def without_heading(text: str) -> str:
    """The text without a first line in angle brackets."""
    return _HEADING.sub("", text)


def true_summary(text: str, grammar: SummaryGrammar) -> Summary:
    """The items of a reference: JSON if it parses as an object or a list, else plain."""
    body = without_heading(text)
    items = _items_of_json(body)
    if items is not None:
        return Summary(form="json", is_valid=True, items=items)
    return Summary(form="plain", is_valid=True, items=plain_items(body, grammar))


def answered_summary(text: str, form: Form, grammar: SummaryGrammar) -> Summary:
    """The items of an answer that should have this form; JSON that does not parse has none."""
    body = without_heading(text)
    if form == "plain":
        return Summary(form=form, is_valid=True, items=plain_items(body, grammar))
    items = _items_of_json(body)
    return Summary(form=form, is_valid=items is not None, items=items or Counter())


def plain_items(text: str, grammar: SummaryGrammar) -> Items:
    """Items of a list such as `bolt×3, nut`; an item without a count counts once, empty ones not at all."""
    separators = "|".join(re.escape(mark) for mark in (*grammar.separators, "\n"))
    marks = "|".join(_mark_pattern(mark) for mark in grammar.count_marks)
    counted = re.compile(rf"(.+?)(?:{marks})\s*(\d{{1,9}})\s*", re.DOTALL | re.IGNORECASE)
    items: Items = Counter()
    for part in re.split(separators, text):
        piece = " ".join(part.split())  # A run of spaces would be tried from each of its places.
        match = counted.fullmatch(piece)
        label, count = (match[1], int(match[2])) if match else (piece, 1)
        if normalised(label) and count:
            items[normalised(label)] += count
    return items


def _mark_pattern(mark: str) -> str:
    """A mark that is a letter needs a space before it: the x of `box 3` is none."""
    space = r"\s+" if mark[0].isalpha() else r"\s*"
    return space + re.escape(mark)


def json_items(data: Any) -> Items:
    """Items of a parsed JSON object or list."""
    items: Items = Counter()
    _collect(data, "", items)
    return items


def _collect(value: Any, path: str, items: Items) -> None:
    if isinstance(value, dict):
        for key, below in value.items():
            _collect(below, _joined(path, normalised(key)), items)
    elif isinstance(value, list):
        for entry in value:
            _collect_entry(entry, path, items)
    elif isinstance(value, int) and not isinstance(value, bool) and path:
        if value > 0:
            items[path] += value
    else:
        items[_leaf(path, value)] += 1


def _collect_entry(entry: Any, path: str, items: Items) -> None:
    """An entry of a list: a mapping is named by its first text, which counts as an item itself; a number is a value."""
    if isinstance(entry, list):
        _collect(entry, path, items)
        return
    if not isinstance(entry, dict):
        items[_leaf(path, entry)] += 1
        return
    name = next((key for key, value in entry.items() if isinstance(value, str)), None)
    if name is None:
        _collect(entry, path, items)
        return
    place = _joined(path, f"{normalised(name)}={_text(entry[name])}")
    items[place] += 1
    _collect({key: value for key, value in entry.items() if key != name}, place, items)


def _leaf(path: str, value: Any) -> str:
    return f"{path}={_text(value)}" if path else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return normalised(value)
    return folded(json.dumps(value, ensure_ascii=False))


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _items_of_json(text: str) -> Items | None:
    """The items of the object or list that the text is; None if it is neither, or nested too deep to be meant."""
    try:
        data = json.loads(text, parse_int=_bounded)
        return json_items(data) if isinstance(data, dict | list) else None
    except (ValueError, RecursionError):
        return None


def _bounded(digits: str) -> int:
    """A model may write a number of any length, which neither `int` nor a mean could take."""
    if len(digits) <= MAX_DIGITS:
        return int(digits)
    most = int("9" * MAX_DIGITS)
    return -most if digits.startswith("-") else most
