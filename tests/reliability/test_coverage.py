"""A5: an epoch holds what its quotas ask for, each record as often as declared; only the declared tail is left out.

Faults that it catches: rows lost between windows or ranks, a row twice, a quota that drifts. Planted: a grouping that sorts over
its window's edge and so loses rows.
"""

from __future__ import annotations

import numpy as np
import pytest

from src.datasets import plan as plan_module
from src.datasets.plan import EpochPlan, Pool

QUOTAS = (("a", 1000, 1000), ("b", 503, 251), ("c", 40, 120), ("d", 7, 7), ("e", 900, 333))


def plan_of(tail: str = "drop", window: int = 5) -> EpochPlan:
    rng = np.random.default_rng(1)
    return EpochPlan(
        seed=3,
        pools=tuple(Pool(name=n, num_rows=rows, quota=quota, seed=3) for n, rows, quota in QUOTAS),
        effective_batch_size=16,
        tail=tail,
        lengths=tuple(rng.integers(10, 999, rows).astype(np.int32) for _, rows, _ in QUOTAS),
        group_window=window,
    )


def delivered(plan: EpochPlan, epoch: int) -> dict[int, np.ndarray]:
    """How often each row of each data set comes, key by key."""
    counts = {number: np.zeros(pool.num_rows, dtype=int) for number, pool in enumerate(plan.pools)}
    for index in range(plan.steps_per_epoch):
        for key in plan.global_batch(epoch, index):
            ref = plan.locate(key)
            counts[ref.dataset][ref.row] += 1
    return counts


def check(plan: EpochPlan, epoch: int) -> None:
    counts = delivered(plan, epoch)
    total = sum(int(found.sum()) for found in counts.values())
    assert total == plan.slots == plan.total - plan.tail_size
    missing = 0
    for (_, rows, quota), found in zip(QUOTAS, counts.values(), strict=True):
        passes = -(-quota // rows)
        assert found.max() <= passes  # never more often than declared
        missing += quota - int(found.sum())
    for told, (name, _, quota), found in zip(
        plan.realised(epoch), QUOTAS, counts.values(), strict=True
    ):
        assert (told.name, told.requested, told.realised) == (name, quota, found.sum())
        assert told.unique == (found > 0).sum()
    assert missing == plan.tail_size < plan.effective_batch_size


@pytest.mark.parametrize("epoch", range(3))
@pytest.mark.parametrize("window", [1, 5, 1000])
def test_an_epoch_leaves_out_its_tail_and_nothing_else(epoch, window):
    check(plan_of(window=window), epoch)


def test_another_tail_is_left_out_in_another_epoch():
    plan = plan_of()
    left = [tuple(np.flatnonzero(delivered(plan, epoch)[0] == 0)) for epoch in range(4)]
    assert len(set(left)) > 1


def test_a_repeated_tail_leaves_nothing_out():
    plan = plan_of("repeat")
    counts = delivered(plan, 0)
    assert counts[0].min() >= 1
    assert sum(int(found.sum()) for found in counts.values()) == plan.slots > plan.total


def test_the_planted_grouping_is_seen(monkeypatch):
    real = plan_module._grouped

    def loses(plan, epoch, lengths):
        order = real(plan, epoch, lengths)
        order[::7] = order[0]
        return order

    monkeypatch.setattr(plan_module, "_grouped", loses)
    with pytest.raises(AssertionError):
        check(plan_of(), 0)
