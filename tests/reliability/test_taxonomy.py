"""Figure "taxonomy": an answer that is one character off is unmapped, never taken for another.

Faults that it catches: matching by part of a text (a screw that does not comply becomes one that does), by case, by resemblance;
an unmapped answer that is not listed. Planted: matching by substring, both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from src.domains.describe import describe
from src.domains.loader import load_pack
from src.domains.vocabulary import Question, Vocabulary, cleaned_answer

FURTHER = "x1"
"""Characters of no answer, tried beside those of the question's own answers."""


@dataclass
class Tally:
    """Edited answers; those that reached the desc; those that are not listed as unmapped."""

    answers: int = 0
    edits: int = 0
    left_out: int = 0
    mapped: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)


def edits(text: str, alphabet: str) -> Iterator[str]:
    """Every text one character away: inserted, deleted, replaced, or swapped with its neighbour."""
    for at in range(len(text) + 1):
        before, after = text[:at], text[at:]
        yield from (before + character + after for character in alphabet)
        if after:
            yield before + after[1:]
            yield from (before + character + after[1:] for character in alphabet)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]


def conditions(question: Question, questions: tuple[Question, ...]) -> dict[str, str]:
    """Answers that make the question apply."""
    if question.condition is None:
        return {}
    asked, wanted = question.condition
    parent = next(one for one in questions if one.key == asked)
    return {asked: min(wanted), **conditions(parent, questions)}


def tally(words: Vocabulary) -> Tally:
    """Edit every answer of every question of every type."""
    counts = Tally()
    types = {kind.name: (label, kind) for label, kind in words.types.items()}
    for label, kind in types.values():
        for question in kind.questions:
            valid = set(question.answers)
            alphabet = "".join(sorted({c for raw in valid for c in raw} | set(FURTHER)))
            given = conditions(question, kind.questions)
            without = describe(label, given, words).desc
            for raw in sorted(valid):
                counts.answers += 1
                for edited in sorted(set(edits(raw, alphabet))):
                    if not edited or cleaned_answer(edited, words.pack) in valid:
                        counts.left_out += 1  # another answer of the question, or none at all
                        continue
                    counts.edits += 1
                    described = describe(label, {**given, question.key: edited}, words)
                    if described.desc != without:
                        counts.mapped.append(f"{question.key}: {edited} -> {described.desc}")
                    listed = {f.got for f in described.findings if f.rule == "answer-unmapped"}
                    if f"{question.key}: {edited}" not in listed:
                        counts.unlisted.append(f"{question.key}: {edited}")
    return counts


class BySubstring(dict):
    """The planted fault: a text is known when it is part of an answer, or an answer part of it."""

    def _match(self, text):
        return next((raw for raw in self.keys() if raw in text or text in raw), None)

    def __contains__(self, text):
        return self._match(text) is not None

    def __getitem__(self, text):
        return super().__getitem__(self._match(text))


def faulty(words: Vocabulary) -> Vocabulary:
    def by_substring(question):
        return replace(question, answers=BySubstring(question.answers))

    return replace(
        words,
        types={
            label: replace(kind, questions=tuple(map(by_substring, kind.questions)))
            for label, kind in words.types.items()
        },
    )


@pytest.fixture(scope="module")
def words():
    return Vocabulary.of(load_pack("telecom_zh"))


def test_an_answer_one_character_off_is_unmapped(words):
    counts = tally(words)
    assert counts.answers >= 60
    assert counts.edits >= 8_000
    assert (counts.mapped, counts.unlisted) == ([], [])


def test_matching_by_substring_is_seen(words):
    counts = tally(faulty(words))
    assert len(counts.mapped) > 1000
    assert len(counts.unlisted) > 1000


def test_a_label_one_character_off_is_unmapped(words):
    alphabet = "".join(sorted({character for label in words.types for character in label}))
    for label in words.types:
        for edited in set(edits(label, alphabet)) - words.types.keys() - {""}:
            described = describe(edited, {}, words)
            assert described.desc == edited
            assert [finding.rule for finding in described.findings] == ["label-unmapped"], edited
