"""A description taken apart by the domain pack's grammar: head term and attribute slots. Cost: some microseconds a text.

| form | text | head term | slots |
| --- | --- | --- | --- |
| plain | `bolt, rusty` | `bolt` | none |
| key_value | `kind=bolt,state=rusty` | `bolt` | `kind`: {bolt}, `state`: {rusty} |
| type_attr | `bolt/rusty,loose/note` | `bolt` | `type`: {bolt}, `attributes`: {rusty, loose}, `attributes 2`: {note} |

Parts are compared normalised (`src.evaluation.wording.normalised`). In `plain` and `type_attr` the prefix of a pack's groups is no
part of the head term; in `key_value` it is a pair like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from src.domains.config import DescGrammar
from src.domains.summary_config import Grouping
from src.evaluation.wording import folded, normalised

TYPE_SLOT = "type"
ATTRIBUTE_SLOT = "attributes"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescParts:
    """The head term, and (slot, value) pairs, sorted; a value that is given twice is there twice."""

    head: str
    slots: tuple[tuple[str, str], ...]


@lru_cache(maxsize=65536)
def desc_parts(desc: str, grammar: DescGrammar, grouping: Grouping | None = None) -> DescParts:
    """The parts of a description. A text that does not follow the grammar keeps what does; nothing raises.

    In `key_value`, an item without the pair separator is no slot; without any pair the head term is the text before
    the first item separator.
    """
    text = folded(desc)
    if grammar.form == "key_value":
        return _key_value(text, grammar)
    if grouping is not None:
        text = text[_length_of_prefix(text, grouping) :]
    if grammar.form == "type_attr":
        return _type_attr(text, grammar)
    return DescParts(head=_first_item(text, grammar), slots=())


def _key_value(text: str, grammar: DescGrammar) -> DescParts:
    pairs = []
    for item in _items(text, grammar):
        key, separator, value = item.partition(folded(grammar.pair_separator))
        if separator and normalised(key):
            pairs.append((normalised(key), normalised(value)))
    head = pairs[0][1] if pairs else _first_item(text, grammar)
    if grammar.head_key is not None:
        wanted = normalised(grammar.head_key)
        head = next((value for key, value in pairs if key == wanted), "" if pairs else head)
    return DescParts(head=head, slots=tuple(sorted(pairs)))


def _type_attr(text: str, grammar: DescGrammar) -> DescParts:
    head, *levels = text.split(folded(grammar.level_separator))
    slots = [(TYPE_SLOT, normalised(head))]
    for number, level in enumerate(levels, 1):
        name = ATTRIBUTE_SLOT if number == 1 else f"{ATTRIBUTE_SLOT} {number}"
        slots += [(name, normalised(item)) for item in _items(level, grammar)]
    return DescParts(head=normalised(head), slots=tuple(sorted(slots)))


def _length_of_prefix(text: str, grouping: Grouping) -> int:
    before, after = (re.escape(folded(part)) for part in grouping.template.split("{n}"))
    found = re.match(rf"{before}[1-9][0-9]{{0,5}}{after}", text)
    return 0 if found is None else found.end()


def _items(text: str, grammar: DescGrammar) -> list[str]:
    return [item for item in text.split(folded(grammar.item_separator)) if normalised(item)]


def _first_item(text: str, grammar: DescGrammar) -> str:
    return normalised(text.split(folded(grammar.item_separator))[0])
