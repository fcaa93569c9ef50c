"""What must be true inside a taxonomy: every raw text means one thing, and every desc can be taken apart again."""

from __future__ import annotations

from collections.abc import Iterator

from src.domains.config import DomainPack
from src.domains.desc_form import folded, follows, has_separator, separators, summary_marks
from src.domains.taxonomy_config import AttributeRule, ObjectType
from src.domains.vocabulary import cleaned_answer, cleaned_label

Path_ = tuple[str | int, ...]
Found = tuple[Path_, str, str, str]
"""(path, rule, message, got)"""


def attributes(pack: DomainPack) -> Iterator[tuple[Path_, AttributeRule]]:
    """Every attribute of the pack with its path."""
    for number, item in enumerate(pack.taxonomy.types):
        for index, rule in enumerate(item.attributes):
            yield ("taxonomy", "types", number, "attributes", index), rule


def check_taxonomy(pack: DomainPack) -> Iterator[Found]:
    """Every problem, in the order of the file."""
    yield from _labels(pack)
    yield from _type_names(pack)
    for number, item in enumerate(pack.taxonomy.types):
        yield from _questions(pack, ("taxonomy", "types", number), item)
    for path, rule in attributes(pack):
        yield from _answers(pack, path, rule)
    yield from _separators(pack)
    yield from _whole_descs(pack)
    yield from _distinct_texts(pack)


def _labels(pack: DomainPack) -> Iterator[Found]:
    """No two raw labels are the same once they are cleaned; `empty_label` names one of them."""
    seen: dict[str, str] = {}
    places: list[tuple[Path_, str]] = [
        (("taxonomy", "labels", raw), raw) for raw in pack.taxonomy.labels
    ]
    for number, item in enumerate(pack.taxonomy.types):
        path: Path_ = ("taxonomy", "types", number)
        places += (
            [((*path, "labels", index), raw) for index, raw in enumerate(item.labels)]
            if item.labels
            else [((*path, "name"), item.name)]
        )
    for path, raw in places:
        key = cleaned_label(raw, pack)
        if not key:
            yield path, "raw-text", "nothing is left of this label after the sanitizers", raw
        elif key in seen:
            yield path, "label-twice", f"the same raw label as {seen[key]!r}", raw
        else:
            seen[key] = raw
    for number, step in enumerate(pack.sanitizers):
        named = step.empty_label
        if named is not None and seen and cleaned_label(named, pack) not in seen:
            here: Path_ = ("sanitizers", number, "empty_label")
            yield here, "unknown-label", "no label of the taxonomy", named


def _type_names(pack: DomainPack) -> Iterator[Found]:
    names = [item.name for item in pack.taxonomy.types]
    for number, name in enumerate(names):
        path: Path_ = ("taxonomy", "types", number, "name")
        if not name.strip() or name != name.strip():
            yield path, "type-name", "a name is not empty and has no space around it", name
        if name in names[:number]:
            yield path, "type-twice", "two types of one name", name


def _questions(pack: DomainPack, path: Path_, item: ObjectType) -> Iterator[Found]:
    """Questions are asked once; a condition names an earlier one and its answers."""
    earlier: dict[str, AttributeRule] = {}
    for index, rule in enumerate(item.attributes):
        here: Path_ = (*path, "attributes", index)
        question = cleaned_answer(rule.question, pack)
        if question in earlier:
            yield (*here, "question"), "question-twice", "asked twice of one type", rule.question
        if rule.when is not None:
            asked = cleaned_answer(rule.when.question, pack)
            if asked not in earlier:
                message = "no earlier question of this type"
                yield (*here, "when", "question"), "unknown-question", message, rule.when.question
            else:
                known = {cleaned_answer(raw, pack) for raw in earlier[asked].answers}
                for position, answer in enumerate(rule.when.answers):
                    if cleaned_answer(answer, pack) not in known:
                        message = "no answer of that question"
                        yield (
                            (*here, "when", "answers", position),
                            "unknown-answer",
                            message,
                            answer,
                        )
        earlier[question] = rule
    for index, ignored in enumerate(item.ignored):
        if cleaned_answer(ignored, pack) in earlier:
            yield (*path, "ignored", index), "question-twice", "asked and ignored", ignored


def _answers(pack: DomainPack, path: Path_, rule: AttributeRule) -> Iterator[Found]:
    if bool(rule.answers) == (rule.free_text is not None):
        yield path, "answers", "a question has either answers or free_text", rule.question
    if rule.level < 1:
        yield (*path, "level"), "level", "levels count from 1", str(rule.level)
    seen: dict[str, str] = {}
    for raw in rule.answers:
        here: Path_ = (*path, "answers", raw)
        key = cleaned_answer(raw, pack)
        if not key:
            yield here, "raw-text", "nothing is left of this answer after the sanitizers", raw
        elif key in seen:
            yield here, "answer-twice", f"the same raw answer as {seen[key]!r}", raw
        else:
            seen[key] = raw


def _separators(pack: DomainPack) -> Iterator[Found]:
    """Names, keys and answers hold no separator, so that the pack's own grammar takes every desc apart."""
    marks = separators(pack)
    texts: list[tuple[Path_, str]] = [
        (("taxonomy", "types", number, "name"), item.name)
        for number, item in enumerate(pack.taxonomy.types)
    ]
    for path, rule in attributes(pack):
        texts += [((*path, "answers", raw), text) for raw, text in rule.answers.items()]
        if pack.desc_grammar.form == "key_value":
            texts.append((path, rule.name))
        if rule.free_text is not None:
            texts.append(((*path, "free_text", "template"), rule.free_text.template))
            texts.append(((*path, "free_text", "fallback"), rule.free_text.fallback or ""))
            texts.append(((*path, "free_text", "stand_in"), rule.free_text.stand_in))
    if pack.grouping is not None:
        texts.append((("grouping", "template"), pack.grouping.template))
    for path, text in texts:
        if has_separator(text, marks):
            message = f"holds a separator of descs or summaries ({' '.join(marks)})"
            yield path, "separator", message, text


def _whole_descs(pack: DomainPack) -> Iterator[Found]:
    """A whole desc follows the desc grammar, and no summary of it is torn apart."""
    grammar, marks = pack.desc_grammar, summary_marks(pack)
    for raw, desc in pack.taxonomy.labels.items():
        here: Path_ = ("taxonomy", "labels", raw)
        # A summary may be torn by the full-width form of the character that parts the items of a desc.
        parts = {folded(grammar.item_separator), folded(grammar.level_separator)} - set(marks)
        torn = any(mark in desc for mark in marks) or has_separator(
            desc, {*map(folded, marks)} - parts
        )
        if torn:
            message = f"holds a mark of summaries ({' '.join(marks)})"
            yield here, "separator", message, desc
        elif not follows(desc, grammar):
            message = "does not follow the desc grammar: one line, no empty part, in pairs the type's first"
            yield here, "desc-form", message, desc


def _distinct_texts(pack: DomainPack) -> Iterator[Found]:
    """A JSON summary counts answers by question, which the desc must tell apart."""
    is_json = pack.summary is not None and pack.summary.form == "json"
    if not is_json or pack.desc_grammar.form == "key_value":
        return
    for number, item in enumerate(pack.taxonomy.types):
        owners: dict[str, str] = {}
        for index, rule in enumerate(item.attributes):
            for raw, text in rule.answers.items():
                if text and owners.setdefault(text, rule.question) != rule.question:
                    path = ("taxonomy", "types", number, "attributes", index, "answers", raw)
                    message = f"also an answer to {owners[text]!r}: a JSON summary could not tell"
                    yield path, "answer-ambiguous", message, text
