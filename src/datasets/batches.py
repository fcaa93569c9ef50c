"""Cutting a global batch into micro-batches: of one fixed size, or of any size under a cap on padded tokens.

Every micro-batch of every rank is decided from the global batch alone, so each rank knows its own without talking to the others.
The number of micro-batches a step is one constant of the run (HF's loop takes exactly that many), their sizes may vary; the loss
is normalised by the tokens of the whole global batch, so that the cut does not change the gradient.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.datasets.plan import EpochPlan, SampleKey
from src.errors import ConfigError

Lengths = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchGrid:
    """How a global batch is cut for this rank.

    Micro-batch `index` of rank r is piece `index * world_size + r`, so that the pieces which meet on the devices at one time
    are neighbours in length. `micro_batch_size` None: pieces of any size, at most `max_tokens` padded tokens each.
    """

    rank: int
    world_size: int
    accumulation_steps: int
    micro_batch_size: int | None
    max_tokens: int | None = None

    @property
    def num_pieces(self) -> int:
        """Micro-batches of a global batch over all ranks."""
        return self.world_size * self.accumulation_steps

    def fits(self, effective_batch_size: int) -> bool:
        """Whether a global batch of this size can be cut."""
        if self.micro_batch_size is None:
            return effective_batch_size >= self.num_pieces
        return effective_batch_size == self.num_pieces * self.micro_batch_size

    def micro_batches(
        self, keys: tuple[SampleKey, ...], lengths: Lengths | None
    ) -> list[list[SampleKey]]:
        """This rank's micro-batches of a global batch, in the order of training."""
        pieces = self.pieces(len(keys), lengths)
        return [list(keys[piece]) for piece in pieces[self.rank :: self.world_size]]

    def pieces(self, count: int, lengths: Lengths | None) -> list[slice]:
        """All micro-batches of a global batch of `count` samples whose `lengths` descend."""
        if self.micro_batch_size is not None:
            size = self.micro_batch_size
            return [slice(first, first + size) for first in range(0, count, size)]
        assert self.max_tokens is not None
        assert lengths is not None
        return pack(lengths, self.max_tokens, self.num_pieces)


def pack(lengths: Lengths, max_tokens: int, count: int) -> list[slice]:
    """Exactly `count` runs of descending `lengths`, each at most `max_tokens` padded, the most expensive first.

    As many samples as fit are taken from the longest on; while runs are missing, the most expensive one is halved. Asserts that
    `count` suffices (see `pieces_needed`) and that there are so many samples.
    """
    values = lengths.tolist()
    heap: list[tuple[int, int, int]] = []
    first = 0
    while first < len(values):
        size = max(1, max_tokens // values[first])
        stop = min(first + size, len(values))
        heap.append((-(stop - first) * values[first], first, stop))
        first = stop
    assert len(heap) <= count <= len(values), (len(heap), count, len(values))
    single: list[tuple[int, int, int]] = []
    heapq.heapify(heap)
    while len(heap) + len(single) < count:
        cost, first, stop = heapq.heappop(heap)
        if stop - first == 1:
            single.append((cost, first, stop))
            continue
        middle = (first + stop) // 2
        heapq.heappush(heap, (-(middle - first) * values[first], first, middle))
        heapq.heappush(heap, (-(stop - middle) * values[middle], middle, stop))
    return [slice(first, stop) for _, first, stop in sorted([*heap, *single])]


def pieces_needed(lengths: Lengths, max_tokens: int) -> int:
    """The most runs that `pack` needs for any row of `lengths` (batches, samples), descending in each row."""
    batches, count = lengths.shape
    first = np.zeros(batches, dtype=np.int64)
    needed = 0
    open_rows = np.arange(batches)
    while len(open_rows):
        needed += 1
        longest = lengths[open_rows, first[open_rows]]
        first[open_rows] += np.maximum(1, max_tokens // longest)
        open_rows = open_rows[first[open_rows] < count]
    return needed


def accumulation_for(plan: EpochPlan, max_tokens: int, world_size: int, num_epochs: int) -> int:
    """Micro-batches a step and device, the fewest that keep every micro-batch of the run under the cap.

    `ConfigError` when a single sample is longer than the cap, or when a global batch has too few samples for the devices.
    """
    needed = 0
    for epoch in range(num_epochs):
        lengths = plan.batch_lengths(epoch)
        assert lengths is not None
        longest = int(lengths.max())
        if longest > max_tokens:
            raise ConfigError.say(
                "a sample alone is longer than a micro-batch may be",
                path="custom.batching.max_tokens_per_micro_batch",
                got=str(max_tokens),
                expected=f"at least {longest}",
                remedy="raise it, lower template.max_pixels, or lower global_max_length",
            )
        needed = max(needed, pieces_needed(lengths, max_tokens))
    steps = -(-needed // world_size)
    if steps * world_size > plan.effective_batch_size:
        raise ConfigError.say(
            f"{steps} micro-batches on each of {world_size} devices are more than the samples of a step",
            path="training.effective_batch_size",
            got=str(plan.effective_batch_size),
            expected=f"at least {steps * world_size}",
            remedy="raise it, or raise custom.batching.max_tokens_per_micro_batch",
        )
    return steps


def padding_share(lengths: Lengths, pieces: list[slice]) -> tuple[int, int]:
    """(padding tokens, all tokens) of a global batch cut into `pieces`."""
    padded = sum(int(lengths[piece].max()) * len(lengths[piece]) for piece in pieces)
    return padded - int(lengths.sum()), padded
