"""The one-screen summary of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from src.utils.logger import world_size

if TYPE_CHECKING:
    from src.training.run import TrainingRun


def summarise(run: TrainingRun) -> str:
    """Records, tokens, steps, parameters per module with their rates, and the first sample."""
    return "\n".join([*_data_lines(run), *_step_lines(run), *_module_lines(run), "", run.samples()])


def _data_lines(run: TrainingRun) -> list[str]:
    lines = []
    for name, data in (("train", run.train_data), ("val", run.val_data)):
        if data is None:
            continue
        scan = data.scan
        lines.append(
            f"{name:<6} {data.source.index.path}: {scan.num_read} read, {len(data.source)} used, "
            f"{scan.num_quarantined} quarantined, {data.num_over_long} over-long, {scan.num_fixed} fixed"
        )
    lengths = run.lengths
    low, middle, high = np.percentile(lengths, [5, 50, 95])
    lines.append(
        f"tokens {int(lengths.sum())} an epoch; a sample: min {lengths.min()}, 5 % {low:.0f}, median {middle:.0f}, "
        f"95 % {high:.0f}, max {lengths.max()} (limit {run.config.global_max_length or 'none'})"
    )
    return lines


def _step_lines(run: TrainingRun) -> list[str]:
    grid, plan = run.session.grid(), run.plan
    return [
        f"batch  {plan.effective_batch_size} = {grid.micro_batch_size} per device x {world_size()} devices x "
        f"{grid.accumulation_steps} accumulation",
        f"steps  {plan.steps_per_epoch} an epoch (tail of {plan.tail} records left out, another each epoch), "
        f"{run.total_steps} in all",
    ]


def _module_lines(run: TrainingRun) -> list[str]:
    lines = ["", f"{'module':<16}{'trainable':>14}{'of':>14}{'learning rate':>16}"]
    for group in run.session.module_groups():
        rate = f"{group.learning_rate:g}" if group.num_trainable else "frozen"
        lines.append(f"{group.name:<16}{group.num_trainable:>14,}{group.num_total:>14,}{rate:>16}")
    return lines
