"""From a config to everything that decides which sample is trained on when: data sets, lengths, plan, batches. No model.

Cost: one scan of the JSONL files and the lengths of their rows (cached, see `src.datasets.lengths`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.config.checks import effective_batch_size, gradient_accumulation, micro_batch_size
from src.config.passthrough import field_rules
from src.config.schema import TrainingConfig
from src.datasets.assembly import (
    OpenedData,
    Split,
    aside_path,
    augmentation_pipeline,
    make_dataset,
    open_split,
)
from src.datasets.batches import BatchGrid, accumulation_for
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.length_bounds import LengthBound
from src.datasets.lengths import LengthOf, Lengths, measure
from src.datasets.mix import MemberSpec, member_specs, pools_of
from src.datasets.over_long import Fitted, fit_rows
from src.datasets.plan import EpochPlan, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberData:
    """One data set of a split: what opening and fitting it found."""

    opened: OpenedData
    fitted: Fitted

    @property
    def name(self) -> str:
        return self.opened.spec.name

    @property
    def dataset(self) -> DenseCaptionDataset:
        return self.fitted.dataset

    @property
    def lengths(self) -> Lengths:
        return self.fitted.lengths

    @property
    def num_quarantined(self) -> int:
        """Records left out, broken and over-long ones: read = usable + quarantined (before sample limits)."""
        return self.opened.scan.num_quarantined + self.fitted.num_quarantined


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """The data of a run. `train` and `val` in the order in which the plan counts data sets."""

    train: tuple[MemberData, ...]
    val: tuple[MemberData, ...]
    plan: EpochPlan
    grid: BatchGrid
    total_steps: int

    @property
    def num_epochs(self) -> int:
        """Epochs begun."""
        return math.ceil(self.total_steps / self.plan.steps_per_epoch)

    @property
    def num_quarantined(self) -> int:
        return sum(member.num_quarantined for member in self.train)

    def training_sets(self, config: TrainingConfig) -> tuple[DenseCaptionDataset, ...]:
        """The training data sets with their augmentation."""
        return tuple(
            replace(
                member.dataset,
                pipeline=augmentation_pipeline(config, member.opened.spec, self.total_steps),
            )
            for member in self.train
        )


def prepare(
    config: TrainingConfig,
    open_lengths: Callable[[], LengthOf],
    *,
    rank: int,
    world_size: int,
    quarantine_dir: Path | None = None,
) -> RunData:
    """Open, check, measure and plan; the first problem that the config does not allow stops with its place.

    `open_lengths` is called when all data are open: it imports for many seconds, and a broken line should be told at once.
    """
    specs = member_specs(config)
    opened: dict[Split, list[OpenedData]] = {"train": [], "val": []}
    for split, found in opened.items():
        for spec in specs:
            data = open_split(config, spec, split, quarantine_dir=quarantine_dir)
            found += [] if data is None else [data]
    length_of = open_lengths()
    train, val = (
        tuple(_member(config, data, split, length_of, quarantine_dir) for data in found)
        for split, found in opened.items()
    )
    plan = make_plan(
        config,
        tuple(member.opened.spec for member in train),
        tuple(len(member.dataset) for member in train),
        world_size=world_size,
        lengths=tuple(member.lengths.bound for member in train),
    )
    total = total_steps(config, plan)
    return RunData(
        train=train,
        val=val,
        plan=plan,
        grid=make_grid(config, plan, total, rank=rank, world_size=world_size),
        total_steps=total,
    )


def _member(
    config: TrainingConfig,
    data: OpenedData,
    split: Split,
    length_of: LengthOf,
    quarantine_dir: Path | None,
) -> MemberData:
    custom = config.custom
    dataset = make_dataset(config, data.spec, data.source, split=split)
    bound = None
    if split == "train":
        # A curriculum's stages do not depend on where in the run they lie, so any number of steps will do.
        pipeline = augmentation_pipeline(config, data.spec, total_steps=1)
        if pipeline is not None or data.spec.max_objects is not None:
            bound = LengthBound(dataset.builder, pipeline, data.spec.max_objects)
    lengths = measure(dataset, length_of, bound)
    fitted = fit_rows(
        dataset,
        lengths,
        config.global_max_length,
        custom.on_over_long,
        length_of,
        bound,
        quarantine_path=aside_path(quarantine_dir, split, data.spec, "over_long"),
    )
    return MemberData(opened=data, fitted=fitted)


def make_plan(
    config: TrainingConfig,
    specs: tuple[MemberSpec, ...],
    sizes: tuple[int, ...],
    *,
    world_size: int,
    lengths: tuple[NDArray[np.int32], ...] | None,
) -> EpochPlan:
    """The plan of the run's global batches over data sets of so many usable rows."""
    batching = config.custom.batching
    size = config.training.get("effective_batch_size")
    return EpochPlan(
        seed=config.custom.seed,
        pools=pools_of(specs, sizes),
        effective_batch_size=size or effective_batch_size(config, world_size),
        shuffle=config.custom.shuffle,
        tail=batching.epoch_tail,
        lengths=lengths,
        group_window=batching.group_window,
    )


def make_grid(
    config: TrainingConfig, plan: EpochPlan, steps: int, *, rank: int, world_size: int
) -> BatchGrid:
    """How this rank cuts global batches."""
    cap = config.custom.batching.max_tokens_per_micro_batch
    if cap is None:
        return BatchGrid(
            rank=rank,
            world_size=world_size,
            accumulation_steps=gradient_accumulation(config, world_size),
            micro_batch_size=micro_batch_size(config),
        )
    epochs = math.ceil(steps / plan.steps_per_epoch)
    return BatchGrid(
        rank=rank,
        world_size=world_size,
        accumulation_steps=accumulation_for(plan, cap, world_size, epochs),
        micro_batch_size=None,
        max_tokens=cap,
    )


def total_steps(config: TrainingConfig, plan: EpochPlan) -> int:
    """Optimizer steps of the whole run."""
    steps = config.training.get("max_steps")
    if steps is not None and steps > 0:
        return int(steps)
    epochs = config.training.get("num_train_epochs")
    if epochs is None:
        epochs = float(field_rules()["num_train_epochs"].default)
    return math.ceil(epochs * plan.steps_per_epoch)


def evaluation_plan(members: Sequence[MemberData]) -> EpochPlan:
    """Every held-out record once, data set by data set in file order."""
    pools = tuple(
        Pool(name=member.name, num_rows=len(member.dataset), quota=len(member.dataset), seed=0)
        for member in members
    )
    return EpochPlan(seed=0, pools=pools, effective_batch_size=1, shuffle=False)
