"""A type and its items put together as the pack's desc grammar asks. Pure functions of strings.

| form | desc |
| --- | --- |
| type_attr | `type/item,item/item` by level; a trailing item ends the last level, or makes one |
| key_value | `head_key=type,key=item` |
| plain | `type,item,item` |
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from src.domains.config import DescGrammar, DomainPack
from src.domains.sanitise import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One answer as it stands in a desc."""

    key: str
    text: str
    level: int = 1
    trailing: bool = False


def write_desc(type_name: str, items: Sequence[Item], grammar: DescGrammar) -> str:
    """The desc of an object. Items of a level keep their order; levels without items leave no gap."""
    ordered = [item for item in items if not item.trailing]
    trailing = [item for item in items if item.trailing]
    if grammar.form == "key_value":
        assert grammar.head_key is not None, "the pack's checks ask for one"
        pairs = [(grammar.head_key, type_name)]
        pairs += [(item.key, item.text) for item in (*ordered, *trailing)]
        return grammar.item_separator.join(
            f"{key}{grammar.pair_separator}{text}" for key, text in pairs
        )
    if grammar.form == "plain":
        return grammar.item_separator.join(
            [type_name, *(item.text for item in (*ordered, *trailing))]
        )
    levels = [
        [item.text for item in ordered if item.level == level]
        for level in sorted({item.level for item in ordered})
    ]
    if trailing:
        levels = levels or [[]]
        levels[-1] += [item.text for item in trailing]
    joined = [grammar.item_separator.join(level) for level in levels]
    return grammar.level_separator.join([type_name, *joined])


def follows(desc: str, grammar: DescGrammar) -> bool:
    """Whether a desc is what `write_desc` could have written of some type and items; one text alone is a type."""
    if desc != one_line(desc):
        return False
    levels = [folded(desc)]
    if grammar.form == "type_attr":
        levels = levels[0].split(folded(grammar.level_separator))
    items = [item for level in levels for item in level.split(folded(grammar.item_separator))]
    pairs = [item.split(folded(grammar.pair_separator)) for item in items]
    if grammar.form != "key_value" or [len(pair) for pair in pairs] == [1]:
        return all(item.strip() for item in items)
    complete = all(len(pair) == 2 and all(text.strip() for text in pair) for pair in pairs)
    return complete and grammar.head_key in (None, pairs[0][0])


def separators(pack: DomainPack) -> tuple[str, ...]:
    """The characters that take a desc of this pack apart, or a list of descs, folded to half width."""
    grammar = pack.desc_grammar
    found = [grammar.item_separator]
    if grammar.form == "key_value":
        found.append(grammar.pair_separator)
    if grammar.form == "type_attr":
        found.append(grammar.level_separator)
    found += summary_marks(pack)
    return tuple(dict.fromkeys(folded(text) for text in found))


def summary_marks(pack: DomainPack) -> tuple[str, ...]:
    """What takes a counted summary of this pack apart, as it is written; nothing for another summary."""
    if pack.summary is None or pack.summary.form != "counted":
        return ()
    return (*pack.summary.counted.separator.strip(), pack.summary.counted.count_sign.strip())


def folded(text: str) -> str:
    """The text at half width."""
    return unicodedata.normalize("NFKC", text)


def has_separator(text: str, marks: Collection[str]) -> bool:
    """Whether a separator stands in the text, at full or half width."""
    half = folded(text)
    return any(mark in half for mark in marks)


def without_separators(text: str, marks: Collection[str], stand_in: str) -> str:
    """The text with `stand_in` for every separator, at full or half width."""
    for mark in marks:
        if len(mark) > 1:
            text = text.replace(mark, stand_in)
    return "".join(stand_in if folded(character) in marks else character for character in text)
