"""Cuts each rank's micro-batches of sample keys out of the plan's global batches; runs in the main process.

The state of a run is one integer, the number of micro-batches done: a sampler made with `skip_batches` continues exactly
there. Workers only ever see keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from src.datasets.batches import BatchGrid
from src.datasets.plan import EpochPlan, SampleKey


class PlanBatchSampler:
    """A torch batch sampler over a plan; `set_epoch` and `epoch` are what HF's and ms-swift's loops use on resume.

    `skip_batches` leaves out the first micro-batches of the epoch, as HF asks when it resumes inside an epoch.
    """

    def __init__(self, plan: EpochPlan, grid: BatchGrid, *, skip_batches: int = 0) -> None:
        assert grid.fits(plan.effective_batch_size), (grid, plan.effective_batch_size)
        self.plan = plan
        self.grid = grid
        self.skip_batches = skip_batches
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.plan.steps_per_epoch * self.grid.accumulation_steps - self.skip_batches

    def __iter__(self) -> Iterator[list[SampleKey]]:
        epoch = self.epoch
        lengths = self.plan.batch_lengths(epoch)
        first, inside = divmod(self.skip_batches, self.grid.accumulation_steps)
        for index in range(first, self.plan.steps_per_epoch):
            keys = self.plan.global_batch(epoch, index)
            own = self.grid.micro_batches(keys, None if lengths is None else lengths[index])
            yield from own[inside if index == first else 0 :]
