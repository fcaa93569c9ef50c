"""Grammars and schemas accept every answer that is written, and refuse one that is changed anywhere.

Faults that they catch: a coordinate beyond the grid, a kind or a label that is not declared, other spacing than was taught, an
odd number of coordinates, an unescaped quote.
"""

import json
import re
from functools import cache

import pytest

from src.contract.text_rules import CONTROL
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Conversation, Prompts
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.formats.writing import ObjectText
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.errors import ConfigError
from src.rng import generator
from tests.datasets.builders.grammar_reading import fits, recogniser
from tests.scene_making import WORDS, random_object, scene_of

NUM_RECORDS = 500
SPACES = ("none", "norm100", "norm1000")
BEYOND = {"none": "1234567", "norm100": "101", "norm1000": "1001"}


@cache
def answers(name, norm) -> list[Conversation]:
    """This space's share of the records."""
    builder = JsonLinesBuilder(
        BuilderConfig(json_format=name, emit_norm=norm), Prompts(system=None, user="d")
    )
    made = []
    for number in range(SPACES.index(norm), NUM_RECORDS, len(SPACES)):
        rng = generator(9, "grammar", number)
        width, height = (int(v) for v in rng.integers(100, 3000, 2))
        objects = [random_object(rng, width, height) for _ in range(rng.integers(0, 7))]
        made.append(builder.build(scene_of(objects, width, height)))
    return made


def first_span(talk: Conversation, kind: str) -> tuple[int, int]:
    return next((span.start, span.end) for span in talk.spans if span.kind == kind)


def changed(talk: Conversation, kind: str, pattern: str, new: str) -> str:
    """The answer with the first match in its first span of a kind replaced."""
    start, end = first_span(talk, kind)
    piece = re.sub(pattern, new, talk.target[start:end], count=1)
    return talk.target[:start] + piece + talk.target[end:]


def wrong_values(talk: Conversation, norm: str) -> dict[str, str]:
    """Answers of the right form that say what a schema can refuse too."""
    text = talk.target
    made = {
        "negative": changed(talk, "coordinate", r"\d+", "-7"),
        "decimal": changed(talk, "coordinate", r"(\d+)", r"\1.5"),
        "empty label": changed(talk, "desc", r".+", ""),
    }
    if norm != "none":
        made["beyond the grid"] = changed(talk, "coordinate", r"\d+", BEYOND[norm])
    for kind in ("poly", "line"):
        if f'"{kind}"' in text:
            made[f"no {kind}"] = text.replace(f'"{kind}"', '"shape"', 1)
    return made


def wrong_spellings(talk: Conversation, norm: str) -> dict[str, str]:
    """Answers that only a grammar refuses."""
    return {
        "beyond the grid": changed(talk, "coordinate", r"\d+", BEYOND[norm]),
        "leading zero": changed(talk, "coordinate", r"(\d+)", r"0\1"),
        "a number fewer": changed(talk, "coordinate", r"^(\W*)\d+\D+", r"\1"),
        "blank label": changed(talk, "desc", r".+", " "),
        "outer space": changed(talk, "desc", r"$", " "),
        "line break": changed(talk, "desc", r"^", "\n"),
        "open quote": changed(talk, "desc", r"^", '"'),
        "lone backslash": changed(talk, "desc", r"^", r"\\x"),
        "space inside": changed(talk, "coordinate", r",", ",  "),
    }


@pytest.mark.parametrize("norm", SPACES)
@pytest.mark.parametrize("name", FORMATS)
def test_a_grammar_accepts_what_is_written_and_nothing_else(name, norm):
    accepts = recogniser(FORMATS[name].grammar(norm, None)).fullmatch
    for talk in answers(name, norm):
        text = talk.target
        assert accepts(text), text
        wrong = {"cut": text[:-1], "longer": f"{text} ", "before": f" {text}"}
        if talk.spans:
            wrong |= wrong_values(talk, norm) | wrong_spellings(talk, norm)
        assert [reason for reason, changed in wrong.items() if accepts(changed)] == []


@pytest.mark.parametrize("norm", SPACES)
@pytest.mark.parametrize("name", FORMATS)
def test_a_schema_accepts_what_is_written_and_refuses_other_values(name, norm):
    schema = FORMATS[name].json_schema(norm, None)
    assert json.loads(json.dumps(schema)) == schema
    for talk in answers(name, norm):
        assert fits(json.loads(talk.target), schema), talk.target
        wrong = wrong_values(talk, norm) if talk.spans else {}
        assert [why for why, text in wrong.items() if fits(json.loads(text), schema)] == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_vocabulary_limits_the_labels(name):
    whole = recogniser(FORMATS[name].grammar("norm100", WORDS)).fullmatch
    without = recogniser(FORMATS[name].grammar("norm100", WORDS[1:])).fullmatch
    schema = FORMATS[name].json_schema("norm100", WORDS[1:])
    refused = 0
    for talk in answers(name, "norm100"):
        text = talk.target
        assert whole(text)
        holds_it = f'"{WORDS[0]}"' in text
        assert bool(without(text)) == (not holds_it)
        assert fits(json.loads(text), schema) == (not holds_it)
        refused += holds_it
    assert refused > 20
    with pytest.raises(ConfigError, match="no labels"):
        FORMATS[name].grammar("none", ())


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_grammar_accepts_is_read_as_valid(name):
    """The extremes of each rule, made by hand."""
    texts = {
        "standard": '{"object_9": {"desc": "\\\\", "line_points": 2, "line": [[0, 1000], [10, 0]]}}',
        "qwen": '[{"line": [0, 1000, 10, 0], "label": "\\\\"}]',
        "compact": '[["\\\\","line",0,1000,10,0]]',
        "grouped": '{"\\\\":[["line",0,1000,10,0]],"\\\\":[[0,0,1,1000]]}',
    }
    text = texts[name]
    assert recogniser(FORMATS[name].grammar("norm1000", None)).fullmatch(text)
    answer = FORMATS[name].parse(text, 640, 480, "norm1000")
    assert not answer.dropped
    assert {item.desc for item in answer.objects} == {"\\"}
    # The one thing that is more than a grammar's: objects are counted from 1.
    assert answer.is_valid == (name != "standard")


def legal(desc) -> bool:
    """By the data contract: what a record's description may be is what a writer can meet."""
    return desc == desc.strip() and not CONTROL.search(desc)


@pytest.mark.parametrize("name", FORMATS)
def test_a_grammar_knows_every_character_as_the_contract_does(name):
    accepts = recogniser(FORMATS[name].grammar("norm1000", None)).fullmatch
    rare = (0x1680, *range(0x2000, 0x2070), 0x3000, 0x4E00, 0xFEFF, 0x1F600)
    for code in (*range(0x20, 0x180), *rare):
        for desc in (f"a{chr(code)}b", f"a{chr(code)}", f"{chr(code)}b"):
            item = ObjectText(desc=desc, kind="bbox_2d", pairs=((0, 0), (1, 1)))
            assert bool(accepts(FORMATS[name].write([item]).text)) == legal(desc), ascii(desc)


def test_the_check_sees_a_wider_grammar():
    """The planted fault: a grid of 9999."""
    grammar = FORMATS["qwen"].grammar("norm1000", None)
    wide = re.sub(r"coordinate ::= .*", "coordinate ::= [0-9]+", grammar)
    assert recogniser(wide).fullmatch('[{"line": [0, 1001, 10, 0], "label": "a"}]')
    assert not recogniser(grammar).fullmatch('[{"line": [0, 1001, 10, 0], "label": "a"}]')
