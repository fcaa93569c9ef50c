"""D4: what is written is what is read: parse(build(record)) equals the quantised record, in every format and space.

The declared order is that of the ordering policy; `grouped` writes each description once, so there the descriptions stand in the
order of their first object and the objects of one in the policy's order.

Faults that it catches: W and H mixed up, a missing clamp, vertices sorted by angle, an unescaped quote, a lossy separator, an
object given to another description.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from src.contract.coordinates import from_text_space
from src.contract.records import ObjectAnnotation
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Prompts
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.jsonlines import JsonLinesBuilder, object_text
from src.datasets.builders.ordering import sort_key
from src.rng import generator
from tests.scene_making import random_object, scene_of

NUM_RECORDS = 10_000
SPACES = ("none", "norm100", "norm1000")
CASES = [(name, norm) for name in FORMATS for norm in SPACES]


def records(case: int, count: int):
    """Every case gets its own share, so that all together are `NUM_RECORDS`."""
    for number in range(count):
        rng = generator(4, "round-trip", case, number)
        width, height = (int(v) for v in rng.integers(200, 2000, 2))
        yield width, height, [random_object(rng, width, height) for _ in range(rng.integers(0, 7))]


def quantised(name, objects, width, height, norm, policy):
    """The oracle: points on the text's grid, in the declared order, back in pixels."""
    scene = scene_of(objects, width, height)
    texts = [object_text(item, width, height, norm) for item in scene.objects]
    texts.sort(key=lambda text: sort_key(text, policy))
    if name == "grouped":
        firsts = [text.desc for text in texts]
        texts.sort(key=lambda text: firsts.index(text.desc))  # stable: the policy's order inside
    return [
        (
            t.desc,
            t.kind,
            from_text_space([v for pair in t.pairs for v in pair], width, height, norm),
        )
        for t in texts
    ]


def holds(name: str, piece: str, item: ObjectAnnotation) -> bool:
    """Whether a span's text is the whole object: read with the standard library, in the format's own words."""
    value = json.loads(piece)
    flat = {"bbox_2d": value, "poly": value[1:], "line": value[1:]} if name == "grouped" else {}
    if name == "compact":
        named = value[0] == item.desc and (item.kind == "bbox_2d" or value[1] == item.kind)
        return named and len(value) == len(item.points) + 1 + (item.kind != "bbox_2d")
    if name == "grouped":
        return len(flat[item.kind]) == len(item.points)
    said = value["label" if name == "qwen" else "desc"]
    return said == item.desc and len(np.ravel(value[item.kind])) == len(item.points)


def disagreements(name, norm, case, count, parse=None) -> int:
    parse = parse or FORMATS[name].parse
    config = BuilderConfig(json_format=name, emit_norm=norm)
    builder = JsonLinesBuilder(config, Prompts(system=None, user="Describe."))
    wrong = 0
    for width, height, objects in records(case, count):
        text = builder.build(scene_of(objects, width, height)).target
        answer = parse(text, width, height, norm)
        read = [(o.desc, o.kind, o.points) for o in answer.objects]
        expected = quantised(name, objects, width, height, norm, config.object_ordering_policy)
        spans = [text[start:end] for start, end in answer.spans]
        placed = all(map(holds, [name] * len(spans), spans, answer.objects))
        is_read = answer.is_valid and not answer.dropped and read == expected
        wrong += not (is_read and placed and len(spans) == len(read))
    return wrong


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_parse_of_build_is_the_quantised_record(name, norm):
    case = CASES.index((name, norm))
    assert disagreements(name, norm, case, -(-NUM_RECORDS // len(CASES))) == 0


def test_the_check_sees_labels_that_go_astray():
    """The planted fault: a reader of groups that gives an object to the label before its own."""

    def shifted(text, width, height, norm):
        answer = FORMATS["grouped"].parse(text, width, height, norm)
        descs = [item.desc for item in answer.objects]
        moved = [
            replace(item, desc=before)
            for item, before in zip(answer.objects, descs[:1] + descs, strict=False)
        ]
        return replace(answer, objects=tuple(moved))

    assert disagreements("grouped", "norm1000", 0, 50, shifted) > 25


def test_the_check_sees_a_swapped_axis():
    def swapped(text, width, height, norm):
        return FORMATS["qwen"].parse(text, height, width, norm)

    assert disagreements("qwen", "norm1000", 0, 50, swapped) > 25


@pytest.mark.parametrize("norm", ["norm100", "norm1000"])
def test_a_round_trip_moves_a_point_by_half_a_grid_cell_at_most(norm):
    grid = {"norm100": 100, "norm1000": 1000}[norm]
    for width, height, objects in records(99, 300):
        for item in scene_of(objects, width, height).objects:
            text = object_text(item, width, height, norm)
            back = np.array(
                from_text_space([v for p in text.pairs for v in p], width, height, norm)
            ).reshape(-1, 2)
            original = item.shape.points
            # Canonical order shifts and turns vertices; compare each with its nearest.
            distance = np.abs(back[:, None] - original[None]).max(axis=2)
            assert distance.min(axis=1).max() <= max(width, height) / (2 * grid) + 1e-9


@pytest.mark.parametrize("norm", ["none", "norm100", "norm1000"])
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_an_object_smaller_than_a_grid_cell_survives(name, norm):
    specks = [
        ObjectAnnotation(desc="box", kind="bbox_2d", points=(4999.6, 4999.7, 4999.9, 4999.95)),
        ObjectAnnotation(desc="shape", kind="poly", points=(7.1, 7.1, 7.2, 7.1, 7.1, 7.2)),
        ObjectAnnotation(desc="line", kind="line", points=(9.1, 9.1, 9.2, 9.2)),
    ]
    builder = JsonLinesBuilder(
        BuilderConfig(json_format=name, emit_norm=norm), Prompts(system=None, user="d")
    )
    text = builder.build(scene_of(specks, 5000, 5000)).target
    answer = FORMATS[name].parse(text, 5000, 5000, norm)
    assert answer.is_valid
    assert sorted(item.desc for item in answer.objects) == ["box", "line", "shape"]


def test_spans_name_every_description_and_coordinate():
    objects = [
        ObjectAnnotation(desc='a "b"', kind="bbox_2d", points=(10, 20, 30, 40)),
        ObjectAnnotation(desc="w", kind="line", points=(1, 2, 3, 4)),
    ]
    for name in FORMATS:
        config = BuilderConfig(json_format=name, emit_norm="none")
        talk = JsonLinesBuilder(config, Prompts(system=None, user="d")).build(
            scene_of(objects, 64, 64)
        )
        comma = ", " if name in ("standard", "qwen") else ","
        pieces = {(s.kind, talk.target[s.start : s.end]) for s in talk.spans}
        assert ("desc", 'a \\"b\\"') in pieces
        assert ("coordinate", comma.join(["10", "20", "30", "40"])) in pieces
        assert len(talk.spans) == 4


def test_a_description_that_repeats_is_written_once_in_groups():
    objects = [
        ObjectAnnotation(desc="b", kind="bbox_2d", points=(10, 0, 20, 10)),
        ObjectAnnotation(desc="a", kind="line", points=(0, 20, 9, 29)),
        ObjectAnnotation(desc="b", kind="poly", points=(0, 40, 9, 40, 5, 49)),
    ]
    config = BuilderConfig(json_format="grouped", emit_norm="none")
    talk = JsonLinesBuilder(config, Prompts(system=None, user="d")).build(scene_of(objects, 64, 64))
    assert talk.target == '{"b":[[10,0,20,10],["poly",0,40,9,40,5,49]],"a":[["line",0,20,9,29]]}'
    said = [talk.target[s.start : s.end] for s in talk.spans if s.kind == "desc"]
    assert said == ["b", "a"]
