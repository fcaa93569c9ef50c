"""The bound of an answer's length in every format, over vocabularies that bracket real ones, without a model.

Catches: a description that a format writes once being counted too seldom when its objects are drawn, reworded or spread over many
descriptions; a bound so loose that it would refuse what fits.
"""

import re
from dataclasses import replace

import pytest

from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Prompts
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.length_bounds import LengthBound
from src.datasets.scene import Scene
from src.rng import generator
from tests.datasets.lengths_by_character import Characters
from tests.scene_making import random_object, scene_of

SIZE = (640, 480)
PIECE = re.compile(r"[^\W\d]+|\d| ?[^\w\s]+|\s")


class Pieces(Characters):
    """A vocabulary that knows every run of letters and of punctuation, as a large one nearly does; digits are single."""

    def text_tokens(self, text):
        return len(PIECE.findall(text))


def bounded(name, length_of, number, *, wording=None, cap=4):
    """(drawn length, bound) of a random scene: `cap` of its objects are drawn, each in either wording."""
    rng = generator(7, "format bounds", number)
    objects = [random_object(rng, *SIZE) for _ in range(int(rng.integers(5, 14)))]
    bare = scene_of(objects, *SIZE)
    builder = JsonLinesBuilder(
        BuilderConfig(json_format=name, emit_norm="norm1000"), Prompts(system=None, user="d")
    )
    bound = LengthBound(builder, None, cap)
    bound.wording = wording
    scene = Scene(
        pictures=(), width=SIZE[0], height=SIZE[1], objects=bare.objects, summary=None, messages=(),
        source=bare.source,
    )  # fmt: skip
    most = bound.tokens(scene, bare, length_of(builder.build(bare)), length_of)
    chosen = rng.choice(len(objects), cap, replace=False)
    drawn = [bare.objects[index] for index in chosen]
    if wording is not None:
        drawn = [
            replace(item, desc=item.desc.replace(*wording)) if rng.random() < 0.5 else item
            for item in drawn
        ]
    return length_of(builder.build(replace(bare, objects=tuple(drawn)))), most


@pytest.mark.parametrize("wording", [None, ("red", "partial red and cut"), ("a", "")])
@pytest.mark.parametrize("length_of", [Characters(), Pieces()])
@pytest.mark.parametrize("name", FORMATS)
def test_no_choice_of_objects_is_longer_than_its_bound(name, length_of, wording):
    for number in range(20):
        drawn, most = bounded(name, length_of, number, wording=wording)
        assert drawn <= most


@pytest.mark.parametrize("name", FORMATS)
def test_a_bound_is_close_to_the_dearest_choice(name):
    """What is left is that every number might have four digits."""
    for number in range(10):
        rng = generator(7, "format bounds", number)
        count = int(rng.integers(5, 14))
        drawn, most = bounded(name, Pieces(), number, cap=count)
        assert drawn <= most <= 1.7 * drawn + 8


def test_the_check_sees_labels_that_are_not_counted(monkeypatch):
    monkeypatch.setattr(LengthBound, "_firsts", lambda *_: 0)
    pairs = [bounded("grouped", Characters(), number) for number in range(60)]
    assert any(drawn > most for drawn, most in pairs)
