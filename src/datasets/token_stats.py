"""Figures about tokens that help to choose limits: histograms, shares over a limit, padding before and after planning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.contract.budget import CELL, PixelBudget
from src.datasets.batches import BatchGrid, padding_share
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.plan import EpochPlan
from src.rng import generator

BINS = 12
MAX_SAMPLED = 4000
MAX_BATCHES = 2000
BAR = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Share of padding tokens of an epoch's micro-batches: in random order, and as planned."""

    random: float
    planned: float


def histogram(lengths: NDArray[np.int32], bins: int = BINS) -> list[tuple[int, int, int]]:
    """(from, to, count) with edges at even steps; `to` is exclusive."""
    low, high = int(lengths.min()), int(lengths.max())
    edges = np.unique(np.linspace(low, high + 1, bins + 1).astype(int))
    counts, _ = np.histogram(lengths, edges)
    return [
        (int(a), int(b), int(count))
        for a, b, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def histogram_lines(lengths: NDArray[np.int32]) -> list[str]:
    """The histogram as bars of characters."""
    rows = histogram(lengths)
    most = max(count for *_, count in rows)
    return [
        f"  {a:>7} to {b - 1:>7} {count:>9} {'#' * round(BAR * count / most)}"
        for a, b, count in rows
    ]


def padding_of(plan: EpochPlan, grid: BatchGrid, epoch: int = 0) -> Padding:
    """Measured on at most the first 2,000 global batches of an epoch; random order uses batches of the grid's mean size."""
    planned = plan.batch_lengths(epoch)
    assert planned is not None
    planned = planned[:MAX_BATCHES]
    size = planned.shape[1]
    pads = [padding_share(row, grid.pieces(size, row)) for row in planned]
    mixed = (
        generator(plan.seed, "padding", epoch).permutation(planned.ravel()).reshape(planned.shape)
    )
    micro = max(1, size // grid.num_pieces)
    pieces = [slice(first, first + micro) for first in range(0, size, micro)]
    plain = [padding_share(row, pieces) for row in mixed]
    return Padding(random=_share(plain), planned=_share(pads))


def _share(pairs: Sequence[tuple[int, int]]) -> float:
    return sum(pad for pad, _ in pairs) / sum(whole for _, whole in pairs)


def largest_fitting_budget(
    dataset: DenseCaptionDataset, exact: NDArray[np.int32], limit: int, share: float
) -> int | None:
    """The largest max_pixels (whole 32-pixel cells, at most today's) with which `share` of the rows fit `limit` tokens.

    Looks at a seeded choice of at most 4,000 rows with one picture; None when even one cell leaves too many too long.
    """
    rows = generator(0, "budget").permutation(len(dataset))[:MAX_SAMPLED]
    texts, sizes = [], []
    for row in map(int, rows):
        record = dataset.source.record(row)
        if record.width:
            own = dataset.budget.image_tokens(record.width, record.height)
            texts.append(int(exact[row]) - own)
            sizes.append((record.width, record.height))
    if not sizes:
        return dataset.budget.max_pixels
    low, high = 0, min(dataset.budget.max_pixels, max(w * h for w, h in sizes) * 2) // CELL**2
    while low < high:
        cells = (low + high + 1) // 2
        budget = PixelBudget(min_pixels=CELL * CELL, max_pixels=cells * CELL * CELL)
        fit = sum(
            text + budget.image_tokens(*size) <= limit
            for text, size in zip(texts, sizes, strict=True)
        )
        if fit >= share * len(sizes):
            low = cells
        else:
            high = cells - 1
    return low * CELL * CELL if low else None
