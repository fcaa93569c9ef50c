"""How raw texts are cleaned before they are matched, and which remarks ask for a second look. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TextKind = Literal["label", "answer", "remark"]
"""A label of an object, a fixed answer, free text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Texts that say nothing: equal to one of `texts`, or fitting one of `patterns` (regular expressions) as a whole."""

    texts: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.texts and not self.patterns:
            raise ValueError("drop names texts or patterns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanitizer:
    """One step of cleaning; an entry has exactly one of the five, and `only` the kinds of text that it is for (default: all).

    `unicode` normalises; `spaces` makes runs of white space single, or removes all; `replace` folds characters; `drop` removes
    texts that say nothing; `empty_label` is the raw label of an object whose label is empty: its answers count as with any other.
    """

    unicode: Literal["NFC", "NFKC"] | None = None
    spaces: Literal["single", "remove"] | None = None
    replace: Mapping[str, str] | None = None
    drop: Drop | None = None
    empty_label: str | None = None
    only: tuple[TextKind, ...] = ("label", "answer", "remark")

    def __post_init__(self) -> None:
        steps = (self.unicode, self.spaces, self.replace, self.drop, self.empty_label)
        if sum(step is not None for step in steps) != 1:
            raise ValueError(
                "an entry is exactly one of unicode, spaces, replace, drop, empty_label"
            )
        if self.replace is not None and any(len(key) != 1 for key in self.replace):
            raise ValueError("replace maps single characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRules:
    """Remarks in which the annotator was not sure.

    A remark that holds one of `phrases` makes the desc `<type>/<tokens.uncertain>` with the remark and nothing else: the answers
    beside it cannot be trusted. A phrase inside one of `exceptions` does not count. `key` names the token in `form: key_value`.
    """

    phrases: tuple[str, ...]
    exceptions: tuple[str, ...] = ()
    key: str | None = None
