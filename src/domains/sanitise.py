"""Raw texts cleaned by a pack's sanitizers, in their order. Pure; a few microseconds a text and step."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from src.domains.findings import TextFinding
from src.domains.text_config import Drop, Sanitizer, TextKind

Cleaned = tuple[str, tuple[TextFinding, ...]]


def clean(text: str, kind: TextKind, steps: Sequence[Sanitizer]) -> Cleaned:
    """The text after every step for its kind, and a `fixed` finding for each that changed more than white space.

    Whatever the steps: Unicode NFC with single spaces, so that the same word spelled in two ways is one word.
    """
    text = one_line(text)
    findings = []
    for step in steps:
        if kind not in step.only or step.empty_label is not None:
            continue
        rule, cleaned = _applied(step, text)
        if cleaned != text and "".join(cleaned.split()) != "".join(text.split()):
            findings.append(
                TextFinding(
                    kind="fixed",
                    rule=rule,
                    message=f"the {kind} was cleaned",
                    got=text,
                    result=cleaned,
                )
            )
        text = cleaned
    return text.strip(), tuple(findings)


def one_line(text: str) -> str:
    """Unicode NFC, runs of white space as one space, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def empty_label(steps: Sequence[Sanitizer]) -> str | None:
    """The raw label that the steps give to an object without one; None when they give none."""
    return next((step.empty_label for step in steps if step.empty_label is not None), None)


def _applied(step: Sanitizer, text: str) -> tuple[str, str]:
    """(rule, cleaned text) of one step."""
    if step.unicode is not None:
        return "text-unicode", unicodedata.normalize(step.unicode, text)
    if step.spaces is not None:
        return "text-spaces", ("" if step.spaces == "remove" else " ").join(text.split())
    if step.replace is not None:
        return "text-replaced", "".join(
            step.replace[character] if character in step.replace else character
            for character in text
        )
    assert step.drop is not None
    return "text-dropped", "" if _says_nothing(text, step.drop) else text


def _says_nothing(text: str, drop: Drop) -> bool:
    return text in drop.texts or any(re.fullmatch(pattern, text) for pattern in drop.patterns)
