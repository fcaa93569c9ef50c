"""D5: a parser of model output never raises and keeps every object that was complete before the damage.

Faults that it catches: recursion on nested brackets, a single `json.loads` of the whole, an exception on NaN or huge numbers,
silently repaired boxes.
"""

import json
import re
import time

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


def first_value(decoder, text: str, position: int):
    """(value, end) of the JSON value at `position`, or None."""
    try:
        return decoder.raw_decode(text, position)
    except ValueError:
        return None


def complete_before(text: str, end: int, name: str) -> list[str]:
    """The oracle: descriptions of the objects that end before `end`, found with the standard library's decoder."""
    if name == "grouped":
        return complete_in_groups(text, end)
    decoder = json.JSONDecoder()
    opening = re.compile(r"\[" if name == "compact" else r"\{")
    found = []
    position = 0 if name == "qwen" else 1
    while position < end:
        match = opening.search(text, position)
        value = match and first_value(decoder, text, match.start())
        if not value or value[1] > end:
            break
        entry, position = value
        key = {"compact": 0, "qwen": "label", "standard": "desc"}[name]
        found.append(entry[key])
    return found


def complete_in_groups(text: str, end: int) -> list[str]:
    """The same for `{label:[[...],[...]],label:[...]}`: each list counts by itself."""
    decoder = json.JSONDecoder()
    found = []
    position = 1
    while position < end and text[position] == '"':
        label, position = decoder.raw_decode(text, position)
        position += 2  # :[
        while text[position] == "[":
            _, position = decoder.raw_decode(text, position)
            if position > end:
                return found
            found.append(label)
            position += 1  # the comma before a list, or the end of the group
        position += 1  # the comma before a label
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
        '["' * 50_000,
        '["a",' * 30_000,
        '{"a":[' * 20_000,
        '"' + '\\"' * 50_000,
        '["' + '\\"' * 50_000,
        '[["' + "\\" * 99_999,
        '{"a":[' + "[" * 99_999,
        "nothing here",
        "null",
        "[]]]]",
    ],
)
def test_hostile_texts_are_read_without_a_crash(name, text):
    answer = FORMATS[name].parse(text, *SIZE, "norm1000")
    assert answer.objects == ()


PATTERNS = (
    "[",
    "{",
    '"',
    '\\"',
    '["',
    '["a",',
    '["a","b"',
    '{"a":[',
    '{"a":[[1,2,3,4],',
    "[1,2",
    ',"',
    "[ ",
    "x[",
    ',"b":7',
    '{"a":[7',
    '"a":[',
    '["a",1,2,3,4],7,',
)


def growth(parse, piece: str, length: int = 2000) -> float:
    """How much longer a text of eight times the length takes; the fastest of three, in processor time."""

    def seconds(text: str) -> float:
        times = []
        for _ in range(3):
            start = time.process_time()
            parse(text, *SIZE, "norm1000")
            times.append(time.process_time() - start)
        return min(times)

    # Behind an open string and an open list, where every piece may be tried once more.
    short, long = ('["' + piece * (n // len(piece)) for n in (length, 8 * length))
    return (seconds(long) + 1e-3) / (seconds(short) + 1e-3)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("piece", PATTERNS)
def test_time_is_linear_in_the_text(name, piece):
    assert growth(FORMATS[name].parse, piece) < 24


def test_the_check_sees_a_reader_that_tries_every_quote_to_the_end():
    def quadratic(text, width, height, norm):
        return [re.compile(r'"(?:[^"\\]|\\.)*"').match(text, at) for at in range(len(text))]

    assert growth(quadratic, '\\"', 800) > 24


WRONG = [
    ("qwen", '[{"bbox_2d": [30, 20, 10, 40], "label": "a"}]', "degenerate"),
    ("qwen", '[{"bbox_2d": [10, 20, 1001, 40], "label": "a"}]', "outside"),
    ("qwen", '[{"bbox_2d": [10, 20, NaN, 40], "label": "a"}]', "NaN"),
    ("qwen", '[{"bbox_2d": [1, 2, 3, 4], "poly": [1, 2, 3, 4, 5, 6], "label": "a"}]', "geometry"),
    ("qwen", '[{"bbox_2d": [1, 2, 3, 4]}]', "label"),
    ("qwen", '[{"bbox_2d": [1, 2, 3, 4], "bbox_2d": [1, 2, 3, 5], "label": "a"}]', "twice"),
    ("qwen", '[{"bbox_2d": [1, 2, 3, 4], "label": "a"', "cut off"),
    # Half a character cannot be written as UTF-8: neither a description nor a reason may hold it.
    ("qwen", r'[{"bbox_2d": [1, 2, 3, 4], "label": "\ud83d x"}]', "Unicode"),
    ("qwen", r'[{"bbox_2d": [1, 2, 3, 4], "label": "x", "\ud83d": 1}]', "unknown key"),
    ("compact", r'[["\ud83d",1,2,30,40]]', "Unicode"),
    ("grouped", r'{"\ud83d":[[1,2,30,40]]}', "Unicode"),
    ("compact", '[["a",30,20,10,40]]', "degenerate"),
    ("compact", '[["a",10,20,NaN,40]]', "NaN"),
    ("compact", '[["a","bow",10,20,30,40]]', "kind"),
    ("compact", '[["a",10,20,30]]', "list of points"),
    ("compact", '[["a","poly",10,20,30,40]]', "list of points"),
    ("compact", '[["a",10,20,30,40,7]]', "list of points"),
    ("compact", '[["a",[10,20,30,40]]]', "not a described object"),
    ("compact", '[["",10,20,30,40]]', "no label"),
    ("compact", '[["a",10,20,3', "cut off"),
    ("compact", '[["a","po', "cut off"),
    ("compact", '[["a', "cut off"),
    ("grouped", '{"a":[[30,20,10,40]]}', "degenerate"),
    ("grouped", '{"a":[[10,20,1001,40]]}', "outside"),
    ("grouped", '{"a":[["bow",10,20,30,40]]}', "kind"),
    ("grouped", '{"a":[[10,20,30,40,1.5]]}', "list of points"),
    ("grouped", '{"a":[10,20,30,40]}', "not a list of numbers"),
    ("grouped", '{"a":[]}', "not a list of numbers"),
    ("grouped", '{"":[[10,20,30,40]]}', "no label"),
    ("grouped", '{"a:[[10,20,30,40]]', "cut off"),
    ("grouped", "[[10,20,30,40]]", "no label"),
    ("grouped", '{"a":[["line",1', "cut off"),
    ("grouped", '{"a":[', "cut off"),
    ("grouped", '{"a', "cut off"),
]


@pytest.mark.parametrize(("name", "text", "reason"), WRONG)
def test_what_is_not_an_object_is_dropped_with_its_reason(name, text, reason):
    answer = FORMATS[name].parse(text, *SIZE, "norm1000")
    assert not answer.objects
    assert not answer.is_valid
    assert reason in answer.dropped[0].reason
    assert all((part.reason + part.text).encode() for part in answer.dropped)


STRAY = [
    ("compact", '[["a",1,2,3,4],[5,6,7,8]]', 1, ["[5,6,7,8]]"]),
    ("compact", '[["a",1,2,3,4],{"bbox_2d":[1,2,3,4],"label":"b"}]', 1, ['{"bbox_2d":[1,2,3,4],"label":"b"}]']),
    ("compact", "[[1,2,3,4]]", 0, ["[[1,2,3,4]]"]),
    ("compact", '[["a",1,2,3,4],7,["b",1,2,3,4], [ ] ]', 2, ["7"]),
    ("compact", '7,[["a",1,2,3],8,["b",1,2,3,4]]', 1, ["7,[", '["a",1,2,3]', "8"]),
    ("compact", "nothing", 0, ["nothing"]),
    ("grouped", '{"a":[[1,2,3,4]],"b":{"c":1}}', 1, ['"b":{"c":1}}']),
    ("grouped", '{"a":[[1,2,3,4]],"b":7,"c":[[1,2,3,4]]}', 2, ['"b":7']),
    ("grouped", '{"a":[[1,2,3,4]7],"c":[[1,2,3,4]]}', 2, ["7]"]),
    ("grouped", '{"a":[10,20,30,40],"b":[[1,2,3,4]]}', 1, ['10,20,30,40],"b":[[1,2,3,4]]}']),
    ("grouped", '{"a":["b":[[1,2,3,4]]}', 1, ['"a":[']),
    ("grouped", "nothing", 0, ["nothing"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "count", "dropped"), STRAY)
def test_nothing_but_separators_is_passed_over(name, text, count, dropped):
    answer = FORMATS[name].parse(text, *SIZE, "norm1000")
    assert len(answer.objects) == count
    assert not answer.is_valid
    assert [part.text for part in answer.dropped] == dropped


DAMAGED = [
    # A label that lost its end: the objects behind it have none, those of the next one do.
    ('{"a":[[1,2,3,4]],"b:[[1,2,3,5]],"c":[[1,2,3,6]]}', "ac"),
    ('{"a":[[1,2,3,4]],"b"x":[[1,2,3,5]],"c":[[1,2,3,6]]}', "ac"),
    # A group that lost its end.
    ('{"a":[[1,2,3,4],"b":[[1,2,3,5]]}', "ab"),
    ('{"a":[[1,2,3,4]"b":[[1,2,3,5]],"c":[[1,2,3,6]]}', "ac"),
    # A list that is none does not end its group.
    ('{"a":[[1,2,3,4],[1,2,x],[1,2,3,5]]}', "aa"),
    # An end too early: the lists behind it belong to nobody.
    ('{"a":[[1,2,3,4]],[1,2,3,5]],"c":[[1,2,3,6]]}', "ac"),
    # A key that stands twice keeps both.
    ('{"a":[[1,2,3,4]],"b":[[1,2,3,5]],"a":[[1,2,3,6]]}', "aba"),
    ('Here: {"a":[[1,2,3,4]]}', "a"),
]


@pytest.mark.parametrize(("text", "descs"), DAMAGED)
def test_no_object_is_given_to_a_label_that_is_not_its_own(text, descs):
    answer = FORMATS["grouped"].parse(text, *SIZE, "norm1000")
    assert "".join(item.desc for item in answer.objects) == descs


SCORED = [
    ("standard", '{"object_1": {"desc": "a", "bbox_2d": [1, 2, 3, 4], "score": 0.5}}'),
    ("qwen", '[{"bbox_2d": [1, 2, 3, 4], "label": "a", "score": 0.5}]'),
    ("compact", '[["a",1,2,3,4,0.5]]'),
    ("grouped", '{"a":[[1,2,3,4,0.5]]}'),
]


@pytest.mark.parametrize(("name", "text"), SCORED)
def test_a_score_in_the_text_is_read(name, text):
    answer = FORMATS[name].parse(text, *SIZE, "norm1000")
    assert answer.is_valid
    assert answer.verbalised == (0.5,)
    assert [item.kind for item in answer.objects] == ["bbox_2d"]


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("qwen", "[]", 0),
        ("standard", "{}", 0),
        ("compact", "[]", 0),
        ("grouped", "{}", 0),
        ("compact", '[\n  ["a", 1, 2, 3, 4],\n  ["b", "line", 1, 2, 3, 4]\n]', 2),
        ("grouped", '{ "a": [ [1, 2, 3, 4], ["line", 1, 2, 3, 4] ] }', 2),
        ("qwen", '```json\n[\n\t{"bbox_2d": [1, 2, 3, 4], "label": "a"}\n]\n```', 1),
        ("standard", '{"object_1": {"desc": "a", "poly": [[1, 2], [9, 2], [5, 9]]}}', 1),
    ],
)
def test_whole_answers_are_valid(name, text, count):
    answer = FORMATS[name].parse(text, *SIZE, "norm1000")
    assert answer.is_valid
    assert len(answer.objects) == count


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("space", ["", " ", "\n", "\t  "])
def test_an_empty_answer_may_hold_white_space(name, space):
    begin, end = FORMATS[name].write([]).text
    answer = FORMATS[name].parse(f"{space}{begin}{space}{end}{space}", *SIZE, "norm1000")
    assert answer.is_valid
    assert answer.dropped == answer.objects == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("standard", "[]"),
        ("qwen", "{}"),
        ("compact", "{}"),
        ("grouped", "[]"),
        ("qwen", '[[{"bbox_2d": [1, 2, 3, 4], "label": "a"}]]'),
        ("compact", '[[["a",1,2,3,4]]]'),
        ("compact", '[["a",1,2,3,4]'),
        ("compact", 'So: [["a",1,2,3,4]]'),
        ("grouped", '{"a":[[1,2,3,4]]'),
        ("grouped", '{"a":[[1,2,3,4]],"b":7}'),
    ],
)
def test_other_texts_are_not_valid(name, text):
    assert not FORMATS[name].parse(text, *SIZE, "norm1000").is_valid
