"""A pack's taxonomy made ready for matching: raw texts as the pack's sanitizers leave them. Made once a pack; pickles.

Cost: a millisecond for some hundred answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from src.domains.config import DomainPack
from src.domains.desc_form import separators
from src.domains.sanitise import Cleaned, clean
from src.domains.taxonomy_config import AttributeRule, ObjectType
from src.domains.text_config import TextKind


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
    settled: Mapping[TextKind, frozenset[str]]
    """Texts of the pack that cleaning leaves as they are: most of an export's, which need not be cleaned again."""

    def clean(self, text: str, kind: TextKind) -> Cleaned:
        """What `src.domains.sanitise.clean` makes of the text by the pack's sanitizers."""
        return (text, ()) if text in self.settled[kind] else clean(text, kind, self.pack.sanitizers)

    @classmethod
    def of(cls, pack: DomainPack) -> Self:
        """The words of a checked pack (`load_pack`)."""
        taxonomy = pack.taxonomy
        types: dict[str, TypeWords] = {}
        for item in taxonomy.types:
            words = _type_words(item, pack)
            types |= dict.fromkeys((cleaned_label(raw, pack) for raw in item.raw_labels), words)
        labels = {cleaned_label(raw, pack): desc for raw, desc in taxonomy.labels.items()}
        question = taxonomy.label_question
        return cls(
            pack=pack,
            labels=labels,
            types=types,
            label_question=None if question is None else cleaned_answer(question, pack),
            separators=separators(pack),
            settled=_settled({*labels, *types}, types.values(), pack),
        )


def cleaned_label(text: str, pack: DomainPack) -> str:
    """A raw label as it is matched."""
    return clean(text, "label", pack.sanitizers)[0]


def cleaned_answer(text: str, pack: DomainPack) -> str:
    """A raw answer, or question, as it is matched."""
    return clean(text, "answer", pack.sanitizers)[0]


def _settled(
    labels: set[str], types: Collection[TypeWords], pack: DomainPack
) -> Mapping[TextKind, frozenset[str]]:
    answers = {one for kind in types for one in kind.ignored}
    answers |= {one for kind in types for question in kind.questions for one in question.answers}
    answers |= {question.key for kind in types for question in kind.questions}

    def stable(texts: set[str], kind: TextKind) -> frozenset[str]:
        return frozenset(text for text in texts if clean(text, kind, pack.sanitizers) == (text, ()))

    return {
        "label": stable(labels, "label"),
        "answer": stable(answers, "answer"),
        "remark": frozenset(),
    }


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
