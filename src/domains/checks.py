"""What must be true between the parts of a pack: problems by their path in the file. Each check is a pure function of a pack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from src.domains.config import DomainPack
from src.domains.desc_form import has_separator, separators
from src.domains.placeholders import PLACEHOLDERS, STAGE_PLACEHOLDERS, names_in, prompt_texts
from src.domains.taxonomy_checks import attributes, check_taxonomy
from src.errors import Issue
from src.typed_yaml.tree import Node, dotted, place_of
from src.utils.suggest import did_you_mean

Path_ = tuple[str | int, ...]
_MISSION_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong at `path` of the pack."""

    path: Path_
    rule: str
    message: str
    got: str = ""
    expected: str = ""
    remedy: str = ""


def check_pack(pack: DomainPack, tree: Node) -> tuple[Issue, ...]:
    """Every problem of a decoded pack, with its place in `tree`."""
    problems = [*_patterns(pack), *_placeholders(pack), *_templates(pack), *_forms(pack)]
    if not any(problem.rule == "pattern" for problem in problems):
        problems += [*_examples(pack), *_taxonomy(pack)]  # They match by the pack's patterns.
    for check in (_completeness, _summary, _missions, _words):
        problems += check(pack)
    return tuple(
        Issue(
            message=problem.message,
            where=str(place_of(tree, problem.path)),
            path=dotted(problem.path),
            rule=problem.rule,
            got=problem.got,
            expected=problem.expected,
            remedy=problem.remedy,
        )
        for problem in problems
    )


def _placeholders(pack: DomainPack) -> Iterator[Problem]:
    for path, text in prompt_texts(pack):
        known = STAGE_PLACEHOLDERS if path[1] in ("stage_a", "stage_b") else PLACEHOLDERS
        for name in names_in(text):
            if name not in known:
                yield Problem(
                    path=path,
                    rule="prompt-placeholder",
                    message="unknown placeholder in a prompt",
                    got=f"{{{name}}}",
                    expected=", ".join(f"{{{one}}}" for one in known),
                    remedy=did_you_mean(name, known),
                )


def _templates(pack: DomainPack) -> Iterator[Problem]:
    """Each template holds its one placeholder once and no other."""
    found: list[tuple[Path_, str, str]] = []
    if pack.grouping is not None:
        found.append((("grouping", "template"), pack.grouping.template, "n"))
    for path, rule in attributes(pack):
        if rule.free_text is not None:
            found.append(((*path, "free_text", "template"), rule.free_text.template, "value"))
    for path, text, name in found:
        if re.findall(r"\{([^{}]*)\}", text) != [name]:
            yield Problem(
                path=path,
                rule="template",
                message="a template holds its placeholder once and no other",
                got=text,
                expected=f"{{{name}}}",
            )


def _patterns(pack: DomainPack) -> Iterator[Problem]:
    found: list[tuple[Path_, str]] = []
    for number, step in enumerate(pack.sanitizers):
        if step.drop is not None:
            for index, pattern in enumerate(step.drop.patterns):
                found.append((("sanitizers", number, "drop", "patterns", index), pattern))
    for path, rule in attributes(pack):
        if rule.free_text is not None and rule.free_text.pattern is not None:
            found.append(((*path, "free_text", "pattern"), rule.free_text.pattern))
    for path, pattern in found:
        try:
            re.compile(pattern)
        except re.error as error:
            message = f"not a regular expression: {error}"
            yield Problem(path=path, rule="pattern", message=message, got=pattern)


def _examples(pack: DomainPack) -> Iterator[Problem]:
    """An example is an answer."""
    for path, rule in attributes(pack):
        free = rule.free_text
        if free is None or free.example is None or free.pattern is None:
            continue
        if not re.fullmatch(free.pattern, free.example):
            message = "the example does not fit the pattern"
            here = (*path, "free_text", "example")
            yield Problem(path=here, rule="example", message=message, got=free.example)


def _taxonomy(pack: DomainPack) -> Iterator[Problem]:
    for path, rule, message, got in check_taxonomy(pack):
        yield Problem(path=path, rule=rule, message=message, got=got)


def _forms(pack: DomainPack) -> Iterator[Problem]:
    """What `form: key_value` needs."""
    if pack.desc_grammar.form != "key_value":
        return
    if pack.taxonomy.types and pack.desc_grammar.head_key is None:
        message = "types in form: key_value need the key of the type"
        yield Problem(path=("desc_grammar",), rule="head-key", message=message, expected="head_key")
    for section in ("review", "grouping"):
        rules = pack.review if section == "review" else pack.grouping
        if rules is not None and rules.key is None:
            message = "form: key_value needs a key here"
            yield Problem(path=(section,), rule="form-key", message=message, expected="key: ...")


def _completeness(pack: DomainPack) -> Iterator[Problem]:
    """Augmentation replaces the words wherever they stand, so they are answers, and in no other text."""
    if pack.completeness is None or not pack.taxonomy.types:
        return
    texts = {text for _, rule in attributes(pack) for text in rule.answers.values()}
    names = {item.name for item in pack.taxonomy.types}
    for field, word in (("full", pack.completeness.full), ("partial", pack.completeness.partial)):
        path: Path_ = ("completeness", field)
        if word not in texts:
            message = "the completeness wording is no answer of the taxonomy"
            yield Problem(path=path, rule="completeness", message=message, got=word)
    full = pack.completeness.full
    for text in sorted((texts | names) - {full}):
        if full in text:
            message = f"augmentation would change this word inside {text!r} too"
            yield Problem(
                path=("completeness", "full"), rule="completeness", message=message, got=full
            )


def _summary(pack: DomainPack) -> Iterator[Problem]:
    """What is written can be read back by `summary_grammar`."""
    if pack.summary is None or pack.summary.form != "counted":
        return
    rules, grammar = pack.summary.counted, pack.summary_grammar
    if rules.count_sign.strip() not in grammar.count_marks:
        yield Problem(
            path=("summary",),
            rule="summary-grammar",
            message="summary_grammar.count_marks lacks the count sign",
            got=rules.count_sign,
            expected=" | ".join(grammar.count_marks),
        )
    if rules.separator.strip() not in grammar.separators:
        yield Problem(
            path=("summary",),
            rule="summary-grammar",
            message="summary_grammar.separators lacks the separator",
            got=rules.separator,
            expected=" | ".join(grammar.separators),
        )
    for mark in grammar.separators:
        if mark == pack.desc_grammar.item_separator and pack.taxonomy.types:
            message = "descs hold this separator themselves: a summary could not be taken apart"
            yield Problem(
                path=("summary_grammar",), rule="summary-grammar", message=message, got=mark
            )
    names = [item.name for item in pack.taxonomy.types]
    for index, name in enumerate(rules.without_one):
        if name not in names:
            yield Problem(
                path=("summary", "counted", "without_one", index),
                rule="unknown-type",
                message="the taxonomy has no type of this name",
                got=name,
                remedy=did_you_mean(name, names),
            )


def _missions(pack: DomainPack) -> Iterator[Problem]:
    ids = [mission.id for mission in pack.missions]
    for index, name in enumerate(ids):
        path: Path_ = ("missions", index, "id")
        if not _MISSION_ID.fullmatch(name):
            message = "a mission's id names folders: small letters, digits, - and _"
            yield Problem(path=path, rule="mission-id", message=message, got=name)
        if name in ids[:index]:
            yield Problem(path=path, rule="mission-id", message="given twice", got=name)
    if pack.missions and pack.verdicts is None:
        message = "missions end in a verdict"
        yield Problem(path=("missions",), rule="verdicts", message=message, expected="verdicts")


def _words(pack: DomainPack) -> Iterator[Problem]:
    """Word lists hold words; tokens that stand in descs do not take them apart."""
    lists: list[tuple[Path_, tuple[str, ...]]] = [
        (("lexicons", "negative_triggers"), pack.lexicons.negative_triggers),
        (("lexicons", "negations"), pack.lexicons.negations),
        (("lexicons", "pending_phrases"), pack.lexicons.pending_phrases),
        (("lexicons", "third_states"), pack.lexicons.third_states),
    ]
    if pack.review is not None:
        lists += [(("review", "phrases"), pack.review.phrases)]
        lists += [(("review", "exceptions"), pack.review.exceptions)]
    for path, words in lists:
        for index, word in enumerate(words):
            if not word.strip() or word != word.strip() or word in words[:index]:
                message = "a word is not empty, has no space around it and is given once"
                yield Problem(path=(*path, index), rule="word", message=message, got=word)
    marks = separators(pack)
    if pack.taxonomy.types and has_separator(pack.tokens.uncertain, marks):
        message = "the token holds a separator of descs"
        yield Problem(
            path=("tokens", "uncertain"),
            rule="separator",
            message=message,
            got=pack.tokens.uncertain,
        )
