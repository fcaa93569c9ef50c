"""Predicted objects that repeat others of the same answer: duplicates and loops."""

from __future__ import annotations

from collections.abc import Sequence

Repeat = tuple[int, int]
"""Two predicted objects, smaller place in the answer first, with one description and an IoU of at least `duplicate_iou`."""


def duplicates(repeats: Sequence[Repeat]) -> tuple[int, ...]:
    """Places of objects that repeat an earlier one."""
    return tuple(sorted({later for _, later in repeats}))


def looped(repeats: Sequence[Repeat], loop_length: int) -> int:
    """How many objects stand in runs of at least `loop_length`, each almost equal to the one right before it."""
    total, run, previous = 0, 1, -1
    for _, later in sorted(repeat for repeat in repeats if repeat[1] == repeat[0] + 1):
        if later != previous + 1:
            total += run if run >= loop_length else 0
            run = 1
        run, previous = run + 1, later
    return total + (run if run >= loop_length else 0)
