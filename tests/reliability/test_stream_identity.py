"""A1: the stream of samples is bit-identical whatever the number of workers and ranks, the start method, or persistence.

Faults that it catches: a worker id or a shared counter in the randomness, an epoch that persistent workers never hear of,
state on the data set, a rank that reads its share in another way.
"""

import itertools

import pytest

from tests.reliability import streams

WORKERS = (0, 1, 2, 4, 8)
RANKS = (1, 2, 4)
WHOLE = [
    (workers, world, context, persistent)
    for workers, world, context, persistent in itertools.product(
        WORKERS, RANKS, ("fork", "spawn"), (False, True)
    )
    if workers or (context == "fork" and not persistent)
]
SAMPLED = [
    (0, 4, "fork", False),
    (2, 1, "fork", True),
    (2, 2, "fork", False),
    (1, 1, "spawn", True),
]


@pytest.fixture(scope="module")
def expected(scenes):
    seen = streams.stream(scenes)
    assert len(seen) == 2 * streams.NUM_SAMPLES
    return seen


def check(scenes, expected, case):
    workers, world, context, persistent = case
    seen = streams.stream(
        scenes, workers=workers, world=world, context=context, persistent=persistent
    )
    assert seen == expected


@pytest.mark.parametrize("case", SAMPLED, ids=str)
def test_sampled_settings_give_the_same_stream(scenes, expected, case):
    check(scenes, expected, case)


@pytest.mark.full
@pytest.mark.parametrize("case", WHOLE, ids=str)
def test_all_settings_give_the_same_stream(scenes, expected, case):
    check(scenes, expected, case)


def test_epochs_differ_in_order_and_agree_in_content(scenes):
    expected = streams.stream(scenes, dataset=streams.dataset_of(scenes, ()))
    by_epoch = [[key for key in expected if key.epoch == epoch] for epoch in (0, 1)]
    contents = [[expected[key] for key in sorted(keys)] for keys in by_epoch]
    assert contents[0] != contents[1]
    assert sorted(contents[0]) == sorted(contents[1])


def test_each_epoch_augments_anew(expected):
    pixels = {value.pixels for value in expected.values()}
    assert len(pixels) > 1.9 * streams.NUM_SAMPLES


class CountingPrompt(streams.GeometryDigest):
    """The planted fault: state on the data set, which every worker counts for itself."""

    calls = 0

    def __getitem__(self, key):
        self.calls += 1
        sample = super().__getitem__(key)
        return sample._replace(encoded=sample.encoded._replace(text=str(self.calls % 7)))


def test_the_check_sees_state_in_the_worker(scenes):
    def made():
        base = streams.dataset_of(scenes)
        return CountingPrompt(base.members, base.plan)

    alone = streams.stream(scenes, dataset=made())
    assert streams.stream(scenes, dataset=made(), workers=2, context="fork") != alone
