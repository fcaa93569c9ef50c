"""A2: resuming at any step of a two-epoch run delivers exactly the rest of the uninterrupted run.

Faults that it catches: an off-by-one skip, a first epoch replayed after a resume, a skip applied to every later epoch too.
"""

import pytest

from src.datasets.plan import SampleKey
from tests.reliability import streams

STEPS = 2 * streams.NUM_SAMPLES // streams.BATCH
ACCUMULATION = streams.BATCH // streams.MICRO


@pytest.fixture(scope="module")
def whole(scenes):
    return streams.stream(scenes)


def rest_of(whole: dict, step: int) -> dict[SampleKey, streams.Digests]:
    return {key: value for key, value in whole.items() if key.step >= step}


@pytest.mark.parametrize("workers", [0, 2])
def test_the_rest_is_equal_at_every_step(scenes, whole, workers):
    steps = range(STEPS) if workers == 0 else (1, 5, 6, 7, 11)
    for step in steps:
        seen = streams.stream(scenes, skip=step * ACCUMULATION, workers=workers, context="fork")
        assert list(seen.items()) == list(rest_of(whole, step).items())


@pytest.mark.full
def test_the_rest_is_equal_at_every_step_with_workers(scenes, whole):
    for step in range(STEPS):
        seen = streams.stream(scenes, skip=step * ACCUMULATION, workers=2, context="fork")
        assert list(seen.items()) == list(rest_of(whole, step).items())


def test_the_check_sees_an_off_by_one_skip(scenes, whole):
    seen = streams.stream(scenes, skip=3 * ACCUMULATION + 1)
    assert seen != rest_of(whole, 3)
