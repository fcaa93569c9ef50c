"""The name that a user probably meant. Cost: microseconds for some hundred known names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name nearest to `word` (case ignored), or None when nothing is near."""
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean NAME?`, or the empty string when nothing is near."""
    name = closest(word, known)
    return "" if name is None else f"did you mean {name}?"
