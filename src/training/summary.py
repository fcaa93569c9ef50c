"""The one-screen summary of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from src.datasets.preparation import MemberData, RunData
from src.datasets.tables import mix_table, plain_table
from src.utils.logger import world_size

if TYPE_CHECKING:
    from src.training.run import TrainingRun


def summarise(run: TrainingRun) -> str:
    """Records, tokens, steps, parameters per module with their rates, and the first sample."""
    lines = [*data_lines(run.data), *_token_lines(run), *step_lines(run.data, world_size())]
    return "\n".join([*lines, *_module_lines(run), "", run.samples()])


def data_lines(data: RunData) -> list[str]:
    """What was read, used and set aside, and the mix of the first epoch."""
    lines = [
        member_line(split, member)
        for split, members in (("train", data.train), ("val", data.val))
        for member in members
    ]
    return [*lines, "", *mix_table(data, 0), ""]


def member_line(split: str, member: MemberData) -> str:
    """Read, used and set aside, of one data set."""
    scan, fitted = member.opened.scan, member.fitted
    cut = f", {fitted.num_cut_to_subset} cut to a subset" if fitted.num_cut_to_subset else ""
    return (
        f"{split:<6} {member.opened.source.index.path}: {scan.num_read} read, {len(member.dataset)} used, "
        f"{scan.num_quarantined} quarantined, {fitted.num_quarantined} over-long, {scan.num_fixed} fixed{cut}"
    )


def _token_lines(run: TrainingRun) -> list[str]:
    lengths = np.concatenate([member.lengths.exact for member in run.data.train])
    low, middle, high = np.percentile(lengths, [5, 50, 95])
    return [
        f"tokens a sample: min {lengths.min()}, 5 % {low:.0f}, median {middle:.0f}, "
        f"95 % {high:.0f}, max {lengths.max()} (limit {run.config.global_max_length or 'none'})"
    ]


def step_lines(data: RunData, num_devices: int) -> list[str]:
    """Batches and steps."""
    grid, plan = data.grid, data.plan
    size = (
        f"{grid.micro_batch_size} per device"
        if grid.micro_batch_size is not None
        else f"up to {grid.max_tokens} padded tokens per device"
    )
    tail = plan.tail_size
    what = f"{tail} left out" if tail >= 0 else f"{-tail} repeated to fill the last batch"
    return [
        f"batch  {plan.effective_batch_size} = {size} x {num_devices} devices x "
        f"{grid.accumulation_steps} accumulation",
        f"steps  {plan.steps_per_epoch} an epoch (tail: {what}), {data.total_steps} in all",
    ]


def _module_lines(run: TrainingRun) -> list[str]:
    rows = []
    for group in run.session.module_groups():
        rate = f"{group.learning_rate:g}" if group.num_trainable else "frozen"
        rows.append((group.name, f"{group.num_trainable:,}", f"{group.num_total:,}", rate))
    return ["", *plain_table(("module", "trainable", "of", "learning rate"), rows)]
