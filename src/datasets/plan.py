"""Which record stands in which slot of which epoch: a pure function of (seed, epoch), the same for every world size.

An epoch draws its quota from each data set, shuffles the mix and cuts it into global batches of a constant size
(`effective_batch_size`). Ranks and micro-batches are cut out of a global batch (`src.datasets.batches`), so optimizer step k
sees the same set of samples on 1, 2, 4 or 8 devices. Where lengths are known, samples of like length meet: each window of
`group_window` global batches is sorted by length, cut, and its batches are shuffled again. What does not fill a last global
batch is the epoch's declared tail: left out, or filled up with the epoch's first samples.

Cost of an epoch of 1,000,000 samples: about 0.3 s and 60 MB at the peak, 10 MB kept for each of the epochs in use
(`python -m benchmarks.data_plan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.datasets.config import TailPolicy
from src.errors import ConfigError
from src.rng import generator

LENGTH_JITTER = 0.05


class SampleKey(NamedTuple):
    """The identity of one delivered sample; everything random about it follows from the key.

    `slot` counts the samples of an epoch from 0; `step` is the 0-based optimizer step of the whole run.
    """

    epoch: int
    slot: int
    step: int


class RowRef(NamedTuple):
    """A record: which data set of the run (0 without fusion) and which 0-based row of its usable rows."""

    dataset: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One data set's part of the mix: `quota` draws an epoch from `num_rows` usable rows.

    Without replacement every row comes once before any comes again; `seed` is the data set's own.
    """

    name: str
    num_rows: int
    quota: int
    seed: int
    without_replacement: bool = True

    def __post_init__(self) -> None:
        assert self.num_rows > 0 or self.quota == 0, self

    def draw(self, epoch: int, shuffle: bool) -> NDArray[np.int32]:
        """The epoch's rows (quota,), before the mix is shuffled."""
        if not shuffle:
            return (np.arange(self.quota) % max(self.num_rows, 1)).astype(np.int32)
        rng = generator(self.seed, "draw", self.name, epoch)
        if not self.without_replacement:
            return rng.integers(0, self.num_rows, self.quota, dtype=np.int32)
        passes, rest = divmod(self.quota, max(self.num_rows, 1))
        every = np.arange(self.num_rows, dtype=np.int32)
        parts = [every] * passes
        if rest:
            parts.append(rng.permutation(every)[:rest])
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)


class Realised(NamedTuple):
    """What an epoch holds of one data set: `requested` by its quota, `realised` after the tail, `unique` rows of them."""

    name: str
    requested: int
    realised: int
    unique: int

    @property
    def repeats(self) -> int:
        return self.realised - self.unique


class EpochOrder(NamedTuple):
    """Slot -> data set and row; `lengths` (tokens) when they are known."""

    datasets: NDArray[np.int16]
    rows: NDArray[np.int32]
    lengths: NDArray[np.int32] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochPlan:
    """The order of the mix over all epochs; `shuffle` False keeps the order of the data sets and of their files.

    `lengths`, when given, holds the tokens of each data set's usable rows (an upper bound for augmented ones).
    """

    seed: int
    pools: tuple[Pool, ...]
    effective_batch_size: int
    shuffle: bool = True
    tail: TailPolicy = "drop"
    lengths: tuple[NDArray[np.int32], ...] | None = None
    group_window: int = 1

    def __post_init__(self) -> None:
        if self.total == 0 or (self.tail == "drop" and self.total < self.effective_batch_size):
            raise ConfigError.say(
                f"{self.total} usable records do not fill one global batch",
                path="training.effective_batch_size",
                got=str(self.effective_batch_size),
                expected=f"at most {self.total}",
                remedy="lower effective_batch_size, add records, or set custom.batching.epoch_tail: repeat",
            )

    @property
    def total(self) -> int:
        """Samples that the quotas ask for in an epoch."""
        return sum(pool.quota for pool in self.pools)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps, that is full global batches, in an epoch."""
        whole, rest = divmod(self.total, self.effective_batch_size)
        return whole + (rest > 0 and self.tail == "repeat")

    @property
    def slots(self) -> int:
        """Samples of an epoch."""
        return self.steps_per_epoch * self.effective_batch_size

    @property
    def tail_size(self) -> int:
        """Samples that each epoch leaves out (positive) or repeats to fill its last batch (negative)."""
        return self.total - self.slots

    def global_batch(self, epoch: int, index: int) -> tuple[SampleKey, ...]:
        """The keys of the `index`-th global batch of an epoch, in order."""
        assert 0 <= index < self.steps_per_epoch, (index, self.steps_per_epoch)
        first = index * self.effective_batch_size
        step = epoch * self.steps_per_epoch + index
        return tuple(
            SampleKey(epoch, slot, step) for slot in range(first, first + self.effective_batch_size)
        )

    def order(self, epoch: int) -> EpochOrder:
        """The whole epoch, arrays of `slots` entries."""
        return _order(self, epoch)

    def locate(self, key: SampleKey) -> RowRef:
        """The row that stands in the key's slot."""
        order = self.order(key.epoch)
        return RowRef(int(order.datasets[key.slot]), int(order.rows[key.slot]))

    def batch_lengths(self, epoch: int) -> NDArray[np.int32] | None:
        """(steps_per_epoch, effective_batch_size) tokens of each slot; None when lengths are not known."""
        lengths = self.order(epoch).lengths
        return None if lengths is None else lengths.reshape(-1, self.effective_batch_size)

    def realised(self, epoch: int) -> list[Realised]:
        """Per data set: what was asked for and what the epoch holds."""
        order = self.order(epoch)
        found = []
        for number, pool in enumerate(self.pools):
            rows = order.rows[order.datasets == number]
            found.append(Realised(pool.name, pool.quota, len(rows), len(np.unique(rows))))
        return found


def plan_of_one(
    *, seed: int, num_rows: int, effective_batch_size: int, shuffle: bool = True
) -> EpochPlan:
    """The plan of a single data set, every row once an epoch."""
    pool = Pool(name="", num_rows=num_rows, quota=num_rows, seed=seed)
    return EpochPlan(
        seed=seed, pools=(pool,), effective_batch_size=effective_batch_size, shuffle=shuffle
    )


@lru_cache(maxsize=4)
def _order(plan: EpochPlan, epoch: int) -> EpochOrder:
    drawn = [pool.draw(epoch, plan.shuffle) for pool in plan.pools]
    rows = np.concatenate(drawn)
    sizes = [len(part) for part in drawn]
    datasets = np.repeat(np.arange(len(drawn), dtype=np.int16), sizes)
    if plan.shuffle:
        mixed = generator(plan.seed, "shuffle", epoch).permutation(len(rows)).astype(np.int32)
        rows, datasets = rows[mixed], datasets[mixed]
    if plan.slots != len(rows):  # the tail: cut off, or filled up from the front
        rows, datasets = np.resize(rows, plan.slots), np.resize(datasets, plan.slots)
    if plan.lengths is None:
        return EpochOrder(datasets, rows, None)
    lengths = lengths_of(plan.lengths, datasets, rows)
    order = _grouped(plan, epoch, lengths)
    return EpochOrder(datasets[order], rows[order], lengths[order])


def lengths_of(
    by_pool: Sequence[NDArray[np.int32]], datasets: NDArray[np.int16], rows: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The tokens of each (data set, row)."""
    result = np.empty(len(rows), dtype=np.int32)
    for number, lengths in enumerate(by_pool):
        own = datasets == number
        result[own] = lengths[rows[own]]
    return result


def _grouped(plan: EpochPlan, epoch: int, lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Slots re-ordered so that like lengths meet; a sample never leaves its window of global batches.

    Sorted longest first inside a window, but by lengths that are off by up to `LENGTH_JITTER`, anew each epoch: else a sample
    would meet the same neighbours in every epoch of a small data set. The batches of a window come in random order, since a
    run that goes from long to short answers would learn in waves. In file order (`shuffle` False) the window is a single
    batch: a step's samples stay its own. Inside a batch lengths descend.
    """
    batch, group = plan.effective_batch_size, plan.group_window if plan.shuffle else 1
    rng = generator(plan.seed, "group", epoch)
    chance = rng.random(plan.steps_per_epoch)
    place = np.arange(len(lengths)) // batch
    if group > 1:
        blurred = lengths * (1.0 + LENGTH_JITTER * rng.random(len(lengths)))
        by_length = np.lexsort((-blurred, place // group))
    else:
        by_length = np.arange(len(lengths))
    batches = np.lexsort((chance, np.arange(plan.steps_per_epoch) // group))
    order = by_length.reshape(-1, batch)[batches].reshape(-1).astype(np.int32)
    return order[np.lexsort((-lengths[order], place))]
