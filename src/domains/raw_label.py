"""Which raw label an object has, and what is written where the pack does not know it. Pure; some microseconds."""

from __future__ import annotations

from collections.abc import Mapping

from src.domains.desc_form import has_separator, without_separators
from src.domains.findings import UNMAPPED, TextFinding
from src.domains.sanitise import Cleaned, empty_label
from src.domains.taxonomy_config import FreeText
from src.domains.vocabulary import Vocabulary


def raw_label(label: str, given: Mapping[str, tuple[str, ...]], words: Vocabulary) -> Cleaned:
    """The cleaned raw label: the answer to the pack's question, the export's own, or the pack's for objects without one."""
    text, findings = words.clean(label, "label")
    if words.label_question is not None and words.label_question in given:
        answer, found = words.clean(" ".join(given[words.label_question]), "label")
        if answer and text and _meaning(answer, words) != _meaning(text, words):
            conflict = TextFinding(
                kind="noted",
                rule=f"label-conflict{UNMAPPED}",
                message="the export's label and the answer to the pack's label question differ",
                got=f"{text} / {answer}",
                result=answer,
            )
            found += (conflict,)
        if answer:
            return answer, found
    return (text, findings) if text else _stand_in(label, findings, words)


def _meaning(label: str, words: Vocabulary) -> tuple[str, str]:
    """Equal for raw labels that mean the same: those of one type, or of one whole desc."""
    if label in words.types:
        return "type", words.types[label].name
    return "desc", words.labels[label] if label in words.labels else label


def _stand_in(label: str, findings: tuple[TextFinding, ...], words: Vocabulary) -> Cleaned:
    """What the pack takes for the label of an object that has none, and the finding; empty when the pack has nothing."""
    named = empty_label(words.pack.sanitizers)
    if named is None:
        return "", findings
    fixed = TextFinding(
        kind="fixed",
        rule="label-empty",
        message="the object has no label; the pack's own was taken",
        got=label,
        result=named,
    )
    return words.clean(named, "label")[0], (*findings, fixed)


def unknown_label(text: str, words: Vocabulary) -> Cleaned:
    """The desc of a cleaned label that the taxonomy lacks: the label, as one item that the pack's grammar leaves whole."""
    missing = TextFinding(
        kind="noted",
        rule=f"label{UNMAPPED}",
        message="the domain pack's taxonomy does not know this label",
        got=text,
    )
    if not has_separator(text, words.separators):
        return text, (missing,)
    plain, replaced = plain_text(text, words, FreeText().stand_in)
    return plain, (missing, replaced)


def plain_text(text: str, words: Vocabulary, stand_in: str) -> tuple[str, TextFinding]:
    """The text with `stand_in` for every separator of the pack's descs and summaries."""
    plain = " ".join(without_separators(text, words.separators, stand_in).split())
    return plain, TextFinding(
        kind="fixed",
        rule="text-separator",
        message="separators of descs and summaries inside the text were replaced",
        got=text,
        result=plain,
    )
