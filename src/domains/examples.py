"""Objects as an annotator could give them, made from a pack's own taxonomy: for the command line, documents and tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from src.domains.describe import Answer
from src.domains.taxonomy_config import AttributeRule, ObjectType
from src.domains.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A raw label with raw answers."""

    type_name: str
    label: str
    answers: dict[str, Answer]


def examples(words: Vocabulary, per_type: int) -> Iterator[Example]:
    """Up to `per_type` objects of every type: the n-th takes the n-th answer to each question that applies (the last where there
    are fewer). Free text is its `example`, where it has one; a remark is made once a type."""
    for item in words.pack.taxonomy.types:
        seen: list[dict[str, Answer]] = []
        for number in range(per_type):
            answers = _answers(item, number)
            if answers not in seen:
                seen.append(answers)
                label = item.raw_labels[min(number, len(item.raw_labels) - 1)]
                yield Example(type_name=item.name, label=label, answers=answers)


def _answers(item: ObjectType, number: int) -> dict[str, Answer]:
    chosen: dict[str, Answer] = {}
    for rule in item.attributes:
        if rule.when is not None and (
            rule.when.question not in chosen or chosen[rule.when.question] not in rule.when.answers
        ):
            continue
        text = _answer(rule, number)
        if text is not None:
            chosen[rule.question] = text
    return chosen


def _answer(rule: AttributeRule, number: int) -> str | None:
    if rule.free_text is None:
        raw = tuple(rule.answers)
        return raw[min(number, len(raw) - 1)]
    return None if rule.free_text.trailing and number else rule.free_text.example
