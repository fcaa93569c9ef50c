"""The loop that the benchmarks share: CPU time of several ways of doing one thing, side by side in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

Case = TypeVar("Case")


def measure(
    contestants: Mapping[str, Callable[[Case], Any]], cases: Sequence[Case], rounds: int
) -> dict[str, float]:
    """Median CPU milliseconds of each, in interleaved rounds over all cases; the first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, run in contestants.items():
            for case in cases:
                began = time.process_time()
                run(case)
                if number:
                    times[name].append(time.process_time() - began)
    return {name: statistics.median(values) * 1e3 for name, values in times.items()}
