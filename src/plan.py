"""`python -m src.plan --config X`: what a run would do with its data, without a model or a GPU.

Tokens per data set and their share over the limit, recommended limits, padding in random order and as planned, steps, expected
memory. Reads the checkpoint's tokenizer; lengths are cached beside the data, so the run itself starts at once afterwards.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from src.config.loader import find_config, load_config, resolve_path
from src.config.schema import TrainingConfig
from src.contract.budget import CELL
from src.datasets.preparation import MemberData, RunData, make_grid, prepare
from src.datasets.tables import mix_rows, mix_table
from src.datasets.token_stats import histogram, histogram_lines, largest_fitting_budget, padding_of
from src.training.memory import MemoryEstimate, estimate, read_shape
from src.training.run import open_lengths
from src.training.summary import member_line, step_lines
from src.utils.cli import parser, run

ROUND = 64
FITTING_SHARE = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Recommended limits; None where the config has no limit to speak of."""

    global_max_length: int
    max_pixels: int | None
    max_tokens_per_micro_batch: int


def main(argv: Sequence[str]) -> int:
    options = parser("python -m src.plan", "Plan a run: tokens, limits, padding, steps, memory.")
    options.add_argument("--config", required=True, help="config file, or its name under configs/")
    options.add_argument("--set", action="append", default=[], metavar="a.b=c", help="override")
    options.add_argument("--world-size", type=int, default=1, help="devices (default 1)")
    options.add_argument("--json", action="store_true", help="print JSON alone")
    chosen = options.parse_args(argv)
    config = load_config(find_config(chosen.config), chosen.set).config
    data = _prepared(config, chosen.world_size)
    if chosen.json:
        print(json.dumps(report(config, data, chosen.world_size), indent=1))
    else:
        print("\n".join(lines(config, data, chosen.world_size)))
    return 0


def _prepared(config: TrainingConfig, world_size: int) -> RunData:
    """The data with nothing left out for its length: the planner is there to look at long samples."""
    custom = replace(
        config.custom, batching=replace(config.custom.batching, max_tokens_per_micro_batch=None)
    )
    section = dict(config.training)
    if config.custom.batching.max_tokens_per_micro_batch is not None:
        section["per_device_train_batch_size"] = section["effective_batch_size"] // world_size
    free = replace(config, custom=custom, training=section, global_max_length=None)
    data = prepare(free, lambda: open_lengths(config), rank=0, world_size=world_size)
    if config.custom.batching.max_tokens_per_micro_batch is None:
        return data
    grid = make_grid(config, data.plan, data.total_steps, rank=0, world_size=world_size)
    return replace(data, grid=grid)


def advice(config: TrainingConfig, data: RunData) -> Advice:
    """Limits that keep every sample, and the largest pictures with which 99 % fit the present limit."""
    longest = max(int(member.lengths.bound.max()) for member in data.train)
    limit = config.global_max_length
    budgets = [
        largest_fitting_budget(
            member.dataset, member.lengths.exact, limit or longest, FITTING_SHARE
        )
        for member in data.train
    ]
    fitting = [budget for budget in budgets if budget is not None]
    return Advice(
        global_max_length=-(-longest // ROUND) * ROUND,
        max_pixels=min(fitting) if limit is not None and fitting else None,
        max_tokens_per_micro_batch=_even_budget(data),
    )


def _even_budget(data: RunData) -> int:
    """The padded tokens of the largest micro-batch of the first epoch: a cap at which nothing gets slower."""
    lengths = data.plan.batch_lengths(0)
    assert lengths is not None
    pieces = [(row, piece) for row in lengths for piece in data.grid.pieces(len(row), row)]
    return max(int(row[piece].max()) * len(row[piece]) for row, piece in pieces)


def _memory(config: TrainingConfig, data: RunData) -> MemoryEstimate | None:
    shape = read_shape(resolve_path(config.model["model"]))
    if shape is None:
        return None
    tokens = _even_budget(data)
    budget = data.train[0].dataset.budget
    share = max(_image_share(member) for member in data.train)
    images = min(int(tokens * share), tokens, tokens * budget.max_pixels // CELL**2)
    return estimate(config, shape, padded_tokens=tokens, image_tokens=images)


def _image_share(member: MemberData) -> float:
    """Share of image tokens in the longest sample of a data set."""
    row = int(member.lengths.exact.argmax())
    record = member.dataset.source.record(row)
    cells = member.dataset.budget.image_tokens(record.width, record.height) if record.width else 0
    return cells * len(record.images) / int(member.lengths.exact[row])


def _over(config: TrainingConfig, lengths: np.ndarray) -> float:
    limit = config.global_max_length
    return 0.0 if limit is None else float((lengths > limit).mean())


def report(config: TrainingConfig, data: RunData, world_size: int) -> dict[str, Any]:
    """Everything as plain values."""
    memory = _memory(config, data)
    return {
        "data_sets": [
            {
                "name": member.name,
                "histogram": histogram(member.lengths.exact),
                "share_over_limit": _over(config, member.lengths.exact),
                "share_over_limit_augmented": _over(config, member.lengths.bound),
            }
            for member in data.train
        ],
        "mix": mix_rows(data, 0),
        "padding": asdict(padding_of(data.plan, data.grid)),
        "advice": asdict(advice(config, data)),
        "steps_per_epoch": data.plan.steps_per_epoch,
        "total_steps": data.total_steps,
        "accumulation_steps": data.grid.accumulation_steps,
        "world_size": world_size,
        "memory_bytes": None if memory is None else {**asdict(memory), "total": memory.total},
    }


def lines(config: TrainingConfig, data: RunData, world_size: int) -> list[str]:
    """The same to read."""
    limit = config.global_max_length
    told = []
    for member in data.train:
        exact, bound = member.lengths.exact, member.lengths.bound
        told += [member_line("train", member), *histogram_lines(exact)]
        told.append(
            f"  median {int(np.median(exact))}, max {exact.max()}"
            + (f" ({bound.max()} augmented)" if (bound > exact).any() else "")
            + (f"; over global_max_length {limit}: {_over(config, exact):.2%}" if limit else "")
            + (
                f" ({_over(config, bound):.2%} may be, augmented)"
                if limit and (bound > exact).any()
                else ""
            )
        )
    padding, recommended, memory = (
        padding_of(data.plan, data.grid),
        advice(config, data),
        _memory(config, data),
    )
    return [
        *told,
        "",
        *mix_table(data, 0),
        "",
        f"padding  {padding.random:.1%} of tokens in random order, {padding.planned:.1%} as planned",
        *step_lines(data, world_size),
        "",
        f"global_max_length: {recommended.global_max_length} keeps every sample whole, augmented ones too",
        *(
            [
                f"template.max_pixels: {recommended.max_pixels} is the most with which 99 % fit {limit}"
            ]
            if recommended.max_pixels
            else []
        ),
        f"custom.batching.max_tokens_per_micro_batch: the largest micro-batch as it is has "
        f"{recommended.max_tokens_per_micro_batch}",
        f"memory   {memory.line()} (an estimate; see src/training/memory.py)"
        if memory is not None
        else "memory   not estimated: the checkpoint is not a local folder with safetensors",
    ]


if __name__ == "__main__":
    sys.exit(run(main))
