"""From an object's raw label and answers to its desc, by exact match alone. Pure; some ten microseconds an object.

What the pack lacks is a finding whose rule ends in `-unmapped`: an unmapped label stays as the desc, an unmapped question or
answer is left out of it. Nothing is ever taken for something that resembles it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from src.domains.desc_form import Item, has_separator, write_desc
from src.domains.findings import UNMAPPED, TextFinding
from src.domains.raw_label import plain_text, raw_label, unknown_label
from src.domains.taxonomy_config import FreeText
from src.domains.text_config import TextKind
from src.domains.vocabulary import Question, TypeWords, Vocabulary

Answer = bool | int | float | str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A desc and what happened on the way to it; an empty desc when there is no label and the pack has none for that case."""

    desc: str
    findings: tuple[TextFinding, ...] = ()


@dataclass(slots=True)
class _Draft:
    """What has been found out about one object: the answers that count (by question), the items, the remarks, the findings."""

    answered: dict[str, set[str]] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    findings: list[TextFinding] = field(default_factory=list)

    def note(self, rule: str, message: str, got: str) -> None:
        self.findings.append(TextFinding(kind="noted", rule=rule, message=message, got=got))


def describe(label: str, answers: Mapping[str, Answer], words: Vocabulary) -> Description:
    """The desc of an object that an export calls `label`, with its answers by question."""
    pack = words.pack
    given = _given(answers, words)
    text, findings = raw_label(label, given, words)
    if not text:
        return Description(desc="", findings=findings)
    if text in words.labels:
        left = _left_out(given, {words.label_question})
        return Description(desc=words.labels[text], findings=(*findings, *left))
    if text in words.types:
        draft = _Draft(findings=list(findings))
        desc = _described(words.types[text], given, words, draft)
        return Description(desc=desc, findings=tuple(draft.findings))
    if pack.taxonomy.is_empty:
        return Description(desc=text, findings=findings)
    plain, missing = unknown_label(text, words)
    return Description(desc=plain, findings=(*findings, *missing))


def _given(answers: Mapping[str, Answer], words: Vocabulary) -> dict[str, tuple[str, ...]]:
    """Answers as texts by cleaned question; questions that clean to the same are one."""
    given: dict[str, tuple[str, ...]] = {}
    for question, value in answers.items():
        key = words.clean(question, "answer")[0]
        if isinstance(value, bool):
            texts: tuple[str, ...] = ("true" if value else "false",)
        else:
            texts = value if isinstance(value, tuple) else (str(value),)
        given[key] = (given[key] if key in given else ()) + texts
    return given


def _described(
    kind: TypeWords, given: Mapping[str, tuple[str, ...]], words: Vocabulary, draft: _Draft
) -> str:
    for question in kind.questions:
        texts = given[question.key] if question.key in given else ()
        _answer(question, texts, words, draft)
    known = {question.key for question in kind.questions} | {words.label_question}
    draft.findings += _left_out(given, known, kind.ignored)
    return _reviewed(kind, words, draft)


def _left_out(
    given: Mapping[str, tuple[str, ...]],
    known: Collection[str | None],
    ignored: Collection[str] = frozenset(),
) -> list[TextFinding]:
    """A finding for each question whose answers do not reach the desc."""
    found = []
    for key, texts in given.items():
        if key in ignored:
            rule, message, got = "question-ignored", "the pack leaves this question out", key
        elif key not in known:
            rule, got = f"question{UNMAPPED}", _said(key, texts)
            message = "the domain pack does not know this question of the label"
        else:
            continue
        found.append(TextFinding(kind="noted", rule=rule, message=message, got=got))
    return found


def _answer(question: Question, texts: tuple[str, ...], words: Vocabulary, draft: _Draft) -> None:
    """Add what is answered to one question."""
    rule = question.rule
    kept = []
    for text in texts:
        kind: TextKind = (
            "answer" if rule.free_text is None or not rule.free_text.trailing else "remark"
        )
        cleaned, findings = words.clean(text, kind)
        draft.findings += findings
        if cleaned and cleaned not in kept:
            kept.append(cleaned)
    if question.condition is not None:
        asked, wanted = question.condition
        if asked not in draft.answered or not draft.answered[asked] & wanted:
            if kept:
                message = "answered although it does not apply to this object"
                draft.note("answer-not-asked", message, _said(question.key, kept))
            return
    if len(kept) > 1 and not rule.several:
        message = "the question takes one answer"
        draft.note(f"answer{UNMAPPED}", message, _said(question.key, kept))
        return
    if not kept and rule.required:
        draft.note("answer-missing", "a required question is not answered", question.key)
    if rule.free_text is not None:
        _add_free_text(question, rule.free_text, kept, words, draft)
        return
    for cleaned in kept:
        if cleaned not in question.answers:
            message = "the domain pack does not know this answer to the question"
            draft.note(f"answer{UNMAPPED}", message, _said(question.key, [cleaned]))
            continue
        draft.answered.setdefault(question.key, set()).add(cleaned)
        if question.answers[cleaned]:
            draft.items.append(
                Item(key=rule.name, text=question.answers[cleaned], level=rule.level)
            )
        else:
            message = "the pack lets this answer say nothing"
            draft.note("answer-silent", message, _said(question.key, [cleaned]))


def _add_free_text(
    question: Question, free: FreeText, kept: list[str], words: Vocabulary, draft: _Draft
) -> None:
    """One item a text, or the fallback."""
    rule = question.rule
    texts = []
    for text in kept:
        if free.pattern is not None and not re.fullmatch(free.pattern, text):
            message = "the answer does not have the form that the pack asks for"
            draft.note(f"answer{UNMAPPED}", message, _said(question.key, [text]))
            continue
        if has_separator(text, words.separators):
            text, replaced = plain_text(text, words, free.stand_in)
            draft.findings.append(replaced)
        if text:
            texts.append(free.template.replace("{value}", text))
            if free.trailing:
                draft.remarks.append(text)
    if not texts and free.fallback is not None:
        texts.append(free.fallback)
    draft.items += [
        Item(key=rule.name, text=text, level=rule.level, trailing=free.trailing) for text in texts
    ]


def _reviewed(kind: TypeWords, words: Vocabulary, draft: _Draft) -> str:
    """The desc, or the type with the uncertain token where a remark says that the annotator was not sure."""
    pack = words.pack
    desc = write_desc(kind.name, draft.items, pack.desc_grammar)
    review = pack.review
    if review is None:
        return desc
    for remark in draft.remarks:
        rest = remark
        for exception in review.exceptions:
            rest = rest.replace(exception, "\n")
        if any(phrase in rest for phrase in review.phrases):
            token = Item(key=review.key or "", text=pack.tokens.uncertain)
            trailing = [item for item in draft.items if item.trailing]
            uncertain = write_desc(kind.name, [token, *trailing], pack.desc_grammar)
            draft.findings.append(
                TextFinding(
                    kind="fixed",
                    rule="review-uncertain",
                    message="a remark says that the annotator was not sure",
                    got=desc,
                    result=uncertain,
                )
            )
            return uncertain
    return desc


def _said(question: str, texts: tuple[str, ...] | list[str]) -> str:
    return f"{question}: {', '.join(texts)}"
