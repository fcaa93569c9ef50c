"""Texts made comparable: folding, normalising, splitting into words, stems. Pure functions, some microseconds a text.

CJK text has no spaces, so each of its characters is a word of its own.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

CJK_RANGES = (
    (0x3040, 0x30FF),  # Hiragana and katakana
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_SUFFIXES = (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""))
_SHORTEST_STEM = 3


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """Unicode NFKC and case folding: full-width forms, ligatures and capitals do not matter."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=65536)
def normalised(text: str) -> str:
    """`folded`, punctuation as spaces, runs of white space as one space, none at the ends.

    A text of punctuation alone stays as `folded` leaves it: two different marks are not equal.
    """
    plain = folded(text)
    spaced = "".join(" " if unicodedata.category(c).startswith("P") else c for c in plain)
    return " ".join(spaced.split()) or plain.strip()


@lru_cache(maxsize=65536)
def words(text: str) -> tuple[str, ...]:
    """The words of the folded text: runs of letters, digits and marks; each CJK character alone."""
    spaced = []
    for character in folded(text):
        if is_cjk(character):
            spaced.append(f" {character} ")
        elif character.isalnum() or unicodedata.category(character).startswith("M"):
            spaced.append(character)
        else:
            spaced.append(" ")
    return tuple("".join(spaced).split())


def is_cjk(character: str) -> bool:
    """Whether a character is of a script written without spaces (Han, kana) or of Hangul, by code point."""
    code = ord(character)
    return any(low <= code <= high for low, high in CJK_RANGES)


def stem(word: str) -> str:
    """The word without one English suffix: -ies becomes -y; -ing, -ed, -es and -s go, if three letters remain.

    The first suffix that fits is taken; a word that ends in -ss keeps it.
    """
    if word.endswith("ss"):
        return word
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word[: -len(suffix)] + replacement
    return word
