"""A4: an optimizer step sees the same samples for every number of devices, and after a change of it.

Faults that it catches: batches cut per rank before they are global, a length grouping that looks at one rank's share, a remainder
that depends on the number of ranks. Planted: ms-swift's own sampler, which keeps no global batch of 118,287 samples on a second
rank. What `training_step` of the real trainer saw decides; the plan's own lists are compared for sizes that no test can train.
"""

from __future__ import annotations

import numpy as np
import pytest

from src.datasets.batches import BatchGrid
from src.datasets.plan import EpochPlan, Pool
from src.datasets.sampler import PlanBatchSampler
from tests.datasets import mixes
from tests.reliability.whole_runs import keys_by_step

COCO = 118_287
BATCH = 8


@pytest.fixture(scope="module")
def mix_words(tmp_path_factory, scenes):
    """Overrides that make the recipe's run one on five data sets, with micro-batches of any size under a cap."""
    folder = tmp_path_factory.mktemp("mix")
    fusion = mixes.fusion_of(mixes.write_parts(folder / "parts", scenes), scenes)
    path = mixes.write_fusion(folder / "mix.yaml", fusion)
    return (
        "custom.train_jsonl=null", "custom.val_jsonl=null", f"custom.fusion_config={path}",
        f"custom.image_roots=[{scenes}]", "training.max_steps=8", "training.save_strategy=no",
        "training.per_device_train_batch_size=null", "custom.batching.max_tokens_per_micro_batch=1024",
        "global_max_length=null", "custom.batching.group_window=2", "tuner.freeze_vit=false",
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone(recipe, mix_words, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("alone")
    recipe.run(run_dir, *mix_words)
    return keys_by_step(run_dir)


@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.full)])
def test_a_mix_trains_on_the_same_samples_on_more_ranks(recipe, mix_words, alone, tmp_path, ranks):
    for run in recipe.start_ranks(ranks, tmp_path / "run", *mix_words):
        assert run.wait(300) == 0, run.output[-4000:]
    assert keys_by_step(tmp_path / "run") == alone
    assert {len(keys) for keys in alone.values()} == {16}
    data_sets = {key[4] for keys in alone.values() for key in keys}
    assert data_sets == {0, 1, 2, 3, 4}


def plan_of(num_rows: int, *, grouped: bool) -> EpochPlan:
    lengths = np.random.default_rng(num_rows).integers(60, 900, num_rows).astype(np.int32)
    return EpochPlan(
        seed=17,
        pools=(Pool(name="coco", num_rows=num_rows, quota=num_rows, seed=17),),
        effective_batch_size=BATCH,
        lengths=(lengths,) if grouped else None,
        group_window=16,
    )


def steps_of(plan: EpochPlan, world_size: int, max_tokens: int | None = None) -> list[set]:
    """The sample sets of an epoch's optimizer steps, put together from what each rank's sampler yields."""
    accumulation = BATCH // world_size if max_tokens is None else max(1, 8 // world_size)
    found: list[set] = [set() for _ in range(plan.steps_per_epoch)]
    for rank in range(world_size):
        grid = BatchGrid(
            rank=rank,
            world_size=world_size,
            accumulation_steps=accumulation,
            micro_batch_size=1 if max_tokens is None else None,
            max_tokens=max_tokens,
        )
        for position, keys in enumerate(PlanBatchSampler(plan, grid)):
            found[position // accumulation].update(keys)
    return found


@pytest.mark.parametrize("num_rows", [96, 100, 101, COCO])
@pytest.mark.parametrize("max_tokens", [None, 2000])
def test_every_world_size_cuts_the_same_steps(num_rows, max_tokens):
    plan = plan_of(num_rows, grouped=True)
    alone = steps_of(plan, 1, max_tokens)
    assert all(len(step) == BATCH for step in alone)
    for world_size in (2, 4, 8):
        assert steps_of(plan, world_size, max_tokens) == alone


def test_the_planted_sampler_keeps_no_step():
    from src.training.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    from swift.dataloader import BatchSamplerShard

    class Shard(BatchSamplerShard):
        """ms-swift's sampler as one of several ranks, without a process group."""

        rank = 0
        world_size = 1

    def global_batches(world_size):
        parts = []
        for number in range(world_size):
            kind = type("Shard", (Shard,), {"rank": number, "world_size": world_size})
            sampler = kind(COCO, BATCH // world_size, shuffle=True, drop_last=False, data_seed=17)
            parts.append(list(sampler))
        return [set().union(*batches) for batches in zip(*parts, strict=True)]

    one, two = global_batches(1), global_batches(2)
    assert min(len(one), len(two)) >= 14_785
    assert sum(a == b for a, b in zip(one, two, strict=False)) == 0
