"""A8: a sample's curriculum value is the same for any prefetch, number of workers, and after a resume.

Catches: values read from shared or counted state. Planted: a curriculum that counts its calls.
"""

from __future__ import annotations

import pytest
from torch.utils.data import DataLoader

from src.datasets.augmentation.builder import make_pipeline
from src.datasets.augmentation.config import AugmentationConfig, OpSpec, Phase
from src.datasets.augmentation.curriculum import Curriculum
from src.datasets.batches import BatchGrid
from src.datasets.sampler import PlanBatchSampler
from src.datasets.unified_fusion_dataset import KeyedSample
from tests.reliability import streams

TOTAL = 2 * streams.NUM_SAMPLES // streams.BATCH
CONFIG = AugmentationConfig(
    enabled=True,
    ops=(OpSpec(name="rotate", params={"max_degrees": 2.0, "prob": 1.0}), OpSpec(name="hflip")),
    curriculum=(
        Phase(until_percent=50, ops={"rotate": {"max_degrees": 30}}, bypass_prob=0.1),
        Phase(until_percent=80, interpolation="hold", ops={"hflip": {"prob": 0.9}}),
    ),
)


def curriculum() -> Curriculum:
    return make_pipeline(CONFIG, seed=1, budget=streams.PixelBudget(), total_steps=TOTAL).curriculum


class Values(streams.GeometryDigest):
    """Each sample is the curriculum's values at its key."""

    def __init__(self, scenes, values):
        base = streams.dataset_of(scenes, ())
        super().__init__(base.members, base.plan)
        self.values = values

    def __getitem__(self, key):
        return KeyedSample(key, 0, str(self.values.at(key.step)))


def keep(samples):
    return [(tuple(sample.key), sample.encoded) for sample in samples]


def delivered(dataset, workers=0, prefetch=None, skip=0):
    grid = BatchGrid(rank=0, world_size=1, micro_batch_size=4, accumulation_steps=4)
    seen = {}
    for epoch in (0, 1):
        sampler = PlanBatchSampler(dataset.plan, grid, skip_batches=skip if epoch == 0 else 0)
        sampler.set_epoch(epoch)
        loader = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=keep,
            num_workers=workers,
            prefetch_factor=prefetch,
        )
        for batch in loader:
            seen |= dict(batch)
    return seen


@pytest.mark.parametrize(("workers", "prefetch"), [(2, 1), (2, 2), (4, 8)])
def test_values_do_not_depend_on_who_reads_them_or_when(scenes, workers, prefetch):
    alone = delivered(Values(scenes, curriculum()))
    assert delivered(Values(scenes, curriculum()), workers, prefetch) == alone
    resumed = delivered(Values(scenes, curriculum()), skip=8)
    assert resumed == {key: value for key, value in alone.items() if key in resumed}
    assert len(resumed) == len(alone) - 32


class Counting(Curriculum):
    calls = 0

    def at(self, step):
        self.calls += 1
        return self.build(self.calls // 16)


def test_a_planted_counter_is_seen(scenes):
    made = curriculum()

    def counting():
        return Counting(made.policies, made.bypass_prob, made.segments)

    alone = delivered(Values(scenes, counting()))
    assert delivered(Values(scenes, counting()), workers=2, prefetch=2) != alone


def test_the_values_are_the_declared_ones():
    made = curriculum()
    rotate = [made.at(step).policies[0].max_degrees for step in range(TOTAL + 3)]
    assert rotate[0] == 2.0
    assert rotate[3] == pytest.approx(2 + 28 * 3 / 6)
    assert rotate[6:] == [30.0] * (TOTAL - 3)
    assert [made.at(step).policies[1].prob for step in (0, 5, 6, 11)] == [0.5, 0.5, 0.9, 0.9]
    assert made.at(0).bypass_prob == 0.0
    assert made.at(11).bypass_prob == 0.1
