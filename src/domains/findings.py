"""What happened to one text on its way into a desc: nothing is changed or left out without one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

UNMAPPED = "-unmapped"
"""Rules that end like this say that the pack lacks a word: a label, a question, an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFinding:
    """`fixed` changed a text beyond its white space; `noted` left it as it is, or left it out of the desc."""

    kind: Literal["fixed", "noted"]
    rule: str
    message: str
    got: str = ""
    result: str = ""
