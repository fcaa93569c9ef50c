"""Coordinate spaces of text formats."""

import numpy as np
import pytest

from data_conversion.pipeline.answer_text import in_text
from data_conversion.pipeline.spaces import extent, from_space, to_space
from src.contract.coordinates import to_text_space
from src.contract.records import ObjectAnnotation
from src.errors import DataError

SPACES = ("pixels", "norm1", "norm100", "norm1000", "qwen25")


@pytest.mark.parametrize("space", SPACES)
def test_there_and_back(space):
    rng = np.random.default_rng(1)
    for _ in range(50):
        size = (int(rng.integers(20, 3000)), int(rng.integers(20, 3000)))
        points = tuple(rng.uniform(0, size[position % 2]) for position in range(8))
        back = from_space(to_space(points, space, size), space, size)
        assert back == (points if space == "pixels" else pytest.approx(points, abs=1e-9))
        corner = tuple(float(value) for value in extent(space, size))
        assert to_space(tuple(map(float, size)), space, size) == corner


def test_the_far_corner_of_each_space():
    found = {space: extent(space, (640, 480)) for space in SPACES}
    assert found == {
        "pixels": (640, 480),
        "norm1": (1, 1),
        "norm100": (100, 100),
        "norm1000": (1000, 1000),
        "qwen25": (644, 476),
    }


@pytest.mark.parametrize(
    ("size", "resized"),
    [
        ((640, 480), (644, 476)),
        ((10, 30), (56, 112)),  # scaled up to four cells
        ((5000, 4000), (4004, 3192)),  # scaled down to 16384 cells
    ],
)
def test_qwen25_is_the_resized_picture(size, resized):
    """By hand from the rule of Qwen's smart_resize; 32-pixel cells would turn it red."""
    assert extent("qwen25", size) == resized
    assert resized[0] % 28 == resized[1] % 28 == 0
    assert 4 * 28**2 <= resized[0] * resized[1] <= 16384 * 28**2


def test_a_picture_that_qwen_refuses_has_no_space():
    with pytest.raises(DataError, match="elongated"):
        extent("qwen25", (3000, 10))


def test_text_is_what_training_writes():
    box = ObjectAnnotation(desc="a", kind="bbox_2d", points=(12.3, 40.5, 333.3, 401.9))
    for space, norm in (("norm1000", "norm1000"), ("norm100", "norm100"), ("pixels", "none")):
        pairs = in_text(box, space, (640, 480)).pairs
        assert [v for pair in pairs for v in pair] == to_text_space(box.points, 640, 480, norm)
