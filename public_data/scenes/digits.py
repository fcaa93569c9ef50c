"""Real handwritten digits: the 1,797 8x8 pictures bundled with scikit-learn (UCI optical recognition set, CC BY 4.0).

The split is by digit picture, so that no handwriting sample of training is ever seen in validation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.rng import generator

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = {"train": (0.0, 0.8), "val": (0.8, 0.9), "test": (0.9, 1.0)}


@dataclass(frozen=True, slots=True, eq=False)
class DigitSet:
    """`pictures` (N, 8, 8) float32 in 0..1 (1 = ink) and `labels` (N,) of one split."""

    pictures: NDArray[np.float32]
    labels: NDArray[np.int64]


def load_digits(split: str) -> DigitSet:
    """The digit pictures of "train", "val" or "test"; the assignment is fixed and does not depend on any seed of a run."""
    from sklearn.datasets import load_digits as bundled

    data = bundled()
    order = generator(0, "digit-split").permutation(len(data.target))
    low, high = (round(share * len(order)) for share in SPLITS[split])
    rows = np.sort(order[low:high])
    return DigitSet((data.images[rows] / 16.0).astype(np.float32), data.target[rows])
