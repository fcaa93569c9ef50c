"""C2: a conversion that was killed at any moment goes on by the same command, and its output equals that of an undisturbed one.

Faults that it catches: a shard that is marked complete before its pictures are in place; files that grow in place, so that a half
one is taken for a whole one. Both planted, both seen.
"""

from __future__ import annotations

import pytest

from src.rng import generator
from tests.reliability.conversions import Case, made_voc, run_cases

NUM_SMALL, NUM_WHOLE = 48, 2000


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    return made_voc(tmp_path_factory.mktemp("killed-small") / "voc", NUM_SMALL)


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    return made_voc(tmp_path_factory.mktemp("killed-large") / "voc", NUM_WHOLE)


def test_a_killed_conversion_goes_on_to_the_same_bytes(small, tmp_path):
    """Share 1: the kill falls into the end, where the final files are made."""
    at_the_end, halfway = run_cases(small, tmp_path, [Case(share=1.0), Case(share=0.5, workers=2)])
    assert at_the_end.is_equal
    assert halfway.is_equal
    assert halfway.was_running


@pytest.mark.full
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("part", range(5))
def test_fifty_kills_of_two_thousand_images(large, tmp_path, workers, part):
    """Ten cases of five kills, so that none takes minutes."""
    shares = generator(23, "kills", workers, part).random(5)
    results = run_cases(large, tmp_path, [Case(share=float(s), workers=workers) for s in shares])
    assert all(result.is_equal for result in results)
    assert sum(result.was_running for result in results) >= 4


@pytest.mark.parametrize("fault", ["marked first", "in place"])
def test_the_planted_faults_are_seen(small, tmp_path, fault):
    cases = [Case(share=share, watched="marks", fault=fault) for share in (0.2, 0.5)]
    results = run_cases(small, tmp_path, cases)
    assert not all(result.is_equal for result in results)
