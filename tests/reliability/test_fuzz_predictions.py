"""D5: a parser of model output never raises and keeps every object that was complete before the damage.

Faults that it catches: recursion on nested brackets, a single `json.loads` of the whole, an exception on NaN or huge numbers,
silently repaired boxes.
"""

import json
import re

import pytest

from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Prompts
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.rng import generator
from tests.scene_making import random_object, scene_of

NUM_OUTPUTS = 10_000
SIZE = (640, 480)
JUNK = (
    "{",
    "}",
    "[",
    "]",
    '"',
    ",",
    ":",
    "\\",
    "\x00",
    "null",
    "NaN",
    "1e999",
    "9" * 40,
    "```",
    "\n",
    "é",
    "<|im_end|>",
    "-5",
)


def output(rng, name: str) -> str:
    objects = [random_object(rng, *SIZE) for _ in range(rng.integers(1, 8))]
    config = BuilderConfig(json_format=name, emit_norm="norm1000")
    return (
        JsonLinesBuilder(config, Prompts(system=None, user="d"))
        .build(scene_of(objects, *SIZE))
        .target
    )


def damaged(rng, text: str) -> tuple[str, int]:
    """(text, offset of the first damage)."""
    if rng.random() < 0.4:
        cut = int(rng.integers(0, len(text) + 1))
        return text[:cut], cut
    first = len(text)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(0, len(text) + 1))
        first = min(first, place)
        junk = JUNK[int(rng.integers(len(JUNK)))]
        text = text[:place] + junk + text[place + int(rng.integers(0, 6)) :]
    return text, first


def complete_before(text: str, end: int, name: str) -> list[str]:
    """The oracle: descriptions of the objects that end before `end`, found with the standard library's decoder."""
    decoder = json.JSONDecoder()
    found = []
    position = 0 if name == "qwen" else 1
    while position < end:
        match = re.compile(r"\{").search(text, position)
        if match is None:
            break
        try:
            value, stop = decoder.raw_decode(text, match.start())
        except ValueError:
            break
        if stop > end:
            break
        found.append(value["label" if name == "qwen" else "desc"])
        position = stop
    return found


def lost_objects(name: str, count: int, parse=None) -> int:
    parse = parse or FORMATS[name].parse
    lost = 0
    for number in range(count):
        rng = generator(5, "predictions", name, number)
        whole = output(rng, name)
        text, first = damaged(rng, whole)
        answer = parse(text, *SIZE, "norm1000")
        kept = [item.desc for item in answer.objects]
        expected = complete_before(whole, first, name)
        lost += kept[: len(expected)] != expected
    return lost


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_object_before_the_damage_is_kept(name):
    assert lost_objects(name, NUM_OUTPUTS // len(FORMATS)) == 0


def test_the_check_sees_a_parser_that_wants_the_whole_text():
    def strict(text, width, height, norm):
        try:
            json.loads(text)
        except ValueError:
            text = ""
        return FORMATS["qwen"].parse(text, width, height, norm)

    assert lost_objects("qwen", 200, strict) > 50


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "{" * 100_000,
        '{"a":' * 50_000,
        '"' * 99_999,
        "\\" * 99_999,
        "nothing here",
        "null",
        "[]]]]",
    ],
)
def test_hostile_texts_are_read_without_a_crash(name, text):
    answer = FORMATS[name].parse(text, *SIZE, "norm1000")
    assert answer.objects == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"bbox_2d": [30, 20, 10, 40], "label": "a"}]', "degenerate"),
        ('[{"bbox_2d": [10, 20, 1001, 40], "label": "a"}]', "outside"),
        ('[{"bbox_2d": [10, 20, NaN, 40], "label": "a"}]', "NaN"),
        ('[{"bbox_2d": [1, 2, 3, 4], "poly": [1, 2, 3, 4, 5, 6], "label": "a"}]', "one geometry"),
        ('[{"bbox_2d": [1, 2, 3, 4]}]', "label"),
        ('[{"bbox_2d": [1, 2, 3, 4], "bbox_2d": [1, 2, 3, 5], "label": "a"}]', "twice"),
        ('[{"bbox_2d": [1, 2, 3, 4], "label": "a"', "cut off"),
    ],
)
def test_what_is_not_an_object_is_dropped_with_its_reason(text, reason):
    answer = FORMATS["qwen"].parse(text, *SIZE, "norm1000")
    assert not answer.objects
    assert not answer.is_valid
    assert reason in answer.dropped[0].reason


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("qwen", "[]", 0),
        ("standard", "{}", 0),
        ("qwen", '```json\n[\n\t{"bbox_2d": [1, 2, 3, 4], "label": "a"}\n]\n```', 1),
        ("standard", '{"object_1": {"desc": "a", "poly": [[1, 2], [9, 2], [5, 9]]}}', 1),
    ],
)
def test_whole_answers_are_valid(name, text, count):
    answer = FORMATS[name].parse(text, *SIZE, "norm1000")
    assert answer.is_valid
    assert len(answer.objects) == count
