"""A pack's taxonomy made ready for matching: raw texts as the pack's sanitizers leave them. Made once a pack; pickles.

Cost: a millisecond for some hundred answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from src.domains.config import DomainPack
from src.domains.desc_form import separators
from src.domains.sanitise import clean
from src.domains.taxonomy_config import AttributeRule, ObjectType


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An attribute and its cleaned raw answers; `when` are the cleaned answers that its condition asks for."""

    rule: AttributeRule
    key: str
    answers: Mapping[str, str]
    condition: tuple[str, frozenset[str]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeWords:
    """A type with its questions in the order of the pack, and the cleaned questions that are ignored."""

    name: str
    questions: tuple[Question, ...]
    ignored: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Cleaned raw labels to whole descs, and to types; the separators that free text may not hold."""

    pack: DomainPack
    labels: Mapping[str, str]
    types: Mapping[str, TypeWords]
    label_question: str | None
    separators: tuple[str, ...]

    @classmethod
    def of(cls, pack: DomainPack) -> Self:
        """The words of a checked pack (`load_pack`)."""
        taxonomy = pack.taxonomy
        types: dict[str, TypeWords] = {}
        for item in taxonomy.types:
            words = _type_words(item, pack)
            types |= dict.fromkeys((cleaned_label(raw, pack) for raw in item.raw_labels), words)
        question = taxonomy.label_question
        return cls(
            pack=pack,
            labels={cleaned_label(raw, pack): desc for raw, desc in taxonomy.labels.items()},
            types=types,
            label_question=None if question is None else cleaned_answer(question, pack),
            separators=separators(pack),
        )


def cleaned_label(text: str, pack: DomainPack) -> str:
    """A raw label as it is matched."""
    return clean(text, "label", pack.sanitizers)[0]


def cleaned_answer(text: str, pack: DomainPack) -> str:
    """A raw answer, or question, as it is matched."""
    return clean(text, "answer", pack.sanitizers)[0]


def _type_words(item: ObjectType, pack: DomainPack) -> TypeWords:
    return TypeWords(
        name=item.name,
        questions=tuple(_question(rule, pack) for rule in item.attributes),
        ignored=frozenset(cleaned_answer(text, pack) for text in item.ignored),
    )


def _question(rule: AttributeRule, pack: DomainPack) -> Question:
    condition = None
    if rule.when is not None:
        wanted = frozenset(cleaned_answer(text, pack) for text in rule.when.answers)
        condition = (cleaned_answer(rule.when.question, pack), wanted)
    return Question(
        rule=rule,
        key=cleaned_answer(rule.question, pack),
        answers={cleaned_answer(raw, pack): text for raw, text in rule.answers.items()},
        condition=condition,
    )
