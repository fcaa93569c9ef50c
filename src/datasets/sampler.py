"""Cuts each rank's micro-batches of sample keys out of the plan's global batches; runs in the main process.

The state of a run is one integer, the number of micro-batches done: a sampler made with `skip_batches` continues exactly
there. Workers only ever see keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from src.datasets.plan import EpochPlan, SampleKey


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchGrid:
    """How a global batch is cut: micro-batch j of rank r holds `micro_batch_size` keys from (j * world_size + r) on."""

    rank: int
    world_size: int
    micro_batch_size: int
    accumulation_steps: int

    @property
    def global_batch_size(self) -> int:
        return self.world_size * self.micro_batch_size * self.accumulation_steps

    def micro_batch(self, keys: tuple[SampleKey, ...], index: int) -> list[SampleKey]:
        """This rank's `index`-th micro-batch of a global batch."""
        first = (index * self.world_size + self.rank) * self.micro_batch_size
        return list(keys[first : first + self.micro_batch_size])


class PlanBatchSampler:
    """A torch batch sampler over a plan; `set_epoch` and `epoch` are what HF's and ms-swift's loops use on resume.

    `skip_batches` leaves out the first micro-batches of the epoch, as HF asks when it resumes inside an epoch.
    """

    def __init__(self, plan: EpochPlan, grid: BatchGrid, *, skip_batches: int = 0) -> None:
        assert grid.global_batch_size == plan.effective_batch_size, (grid, plan)
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
        for position in range(self.skip_batches, self.skip_batches + len(self)):
            index, micro = divmod(position, self.grid.accumulation_steps)
            yield self.grid.micro_batch(self.plan.global_batch(epoch, index), micro)
