import numpy as np
import pytest

from src.datasets.batches import BatchGrid
from src.datasets.plan import EpochPlan, SampleKey, plan_of_one
from src.datasets.sampler import PlanBatchSampler
from src.errors import ConfigError


def plan_of(num_rows: int, batch: int = 8, **changes) -> EpochPlan:
    return plan_of_one(seed=17, num_rows=num_rows, effective_batch_size=batch, **changes)


def test_an_epoch_covers_every_row_but_the_declared_tail():
    plan = plan_of(101)
    keys = [key for index in range(plan.steps_per_epoch) for key in plan.global_batch(0, index)]
    rows = [plan.locate(key).row for key in keys]
    assert plan.tail_size == 101 - len(rows) == 5
    assert len(set(rows)) == len(rows)


def test_epochs_have_different_orders_and_the_same_epoch_the_same():
    plan, again = plan_of(100), plan_of(100)
    orders = [
        [plan.locate(SampleKey(epoch, slot, 0)).row for slot in range(96)] for epoch in range(3)
    ]
    assert orders[0] != orders[1] != orders[2]
    assert orders[1] == [again.locate(SampleKey(1, slot, 0)).row for slot in range(96)]


def test_the_step_counts_over_the_whole_run():
    plan = plan_of(32)
    assert {key.step for key in plan.global_batch(2, 3)} == {2 * 4 + 3}


def test_evaluation_keeps_file_order():
    plan = plan_of(10, batch=1, shuffle=False)
    assert [plan.locate(SampleKey(0, slot, 0)).row for slot in range(10)] == list(range(10))


def test_too_few_records_for_a_global_batch_is_an_error_with_the_limit():
    with pytest.raises(ConfigError, match="do not fill one global batch") as caught:
        plan_of(7)
    assert caught.value.issues[0].expected == "at most 7"


@pytest.mark.parametrize("num_rows", [96, 100, 101])
@pytest.mark.parametrize("world_size", [1, 2, 4, 8])
def test_ranks_and_micro_batches_cut_the_same_global_batches(num_rows: int, world_size: int):
    plan = plan_of(num_rows, batch=16)
    micro, accumulation = (2, 16 // (2 * world_size)) if world_size < 8 else (1, 2)
    samplers = [
        PlanBatchSampler(
            plan,
            BatchGrid(
                rank=rank,
                world_size=world_size,
                micro_batch_size=micro,
                accumulation_steps=accumulation,
            ),
        )
        for rank in range(world_size)
    ]
    streams = [list(sampler) for sampler in samplers]
    assert {len(stream) for stream in streams} == {plan.steps_per_epoch * accumulation}
    for index in range(plan.steps_per_epoch):
        delivered = [
            key
            for stream in streams
            for batch in stream[index * accumulation : (index + 1) * accumulation]
            for key in batch
        ]
        assert len(delivered) == 16
        assert set(delivered) == set(plan.global_batch(0, index))


def test_skipping_batches_continues_exactly_where_the_epoch_stood():
    plan = plan_of(64)
    grid = BatchGrid(rank=1, world_size=2, micro_batch_size=2, accumulation_steps=2)
    whole = PlanBatchSampler(plan, grid)
    whole.set_epoch(3)
    for skip in (1, 5, 15):
        rest = PlanBatchSampler(plan, grid, skip_batches=skip)
        rest.set_epoch(3)
        assert list(rest) == list(whole)[skip:]
        assert len(rest) == len(whole) - skip


def test_a_million_rows_plan_in_a_fraction_of_a_second():
    plan = plan_of(1_000_000, batch=64)
    order = np.array([plan.locate(key).row for key in plan.global_batch(5, 1000)])
    assert len(np.unique(order)) == 64
