"""The parts of a run that follow from its config alone: sources, budget, builders, pipelines. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.contract.budget import MAX_PIXELS, PixelBudget
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import ScanReport, scan
from src.contract.records import Record
from src.contract.validate import require_mode
from src.datasets.augmentation.builder import make_pipeline
from src.datasets.augmentation.pipeline import Pipeline
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.fusion.config import Role
from src.datasets.mix import MemberSpec
from src.datasets.source import RecordSource, limited_rows
from src.errors import DataError, RecordError

Split = Literal["train", "val"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedData:
    """One data set's split ready for use, and what opening it found."""

    spec: MemberSpec
    source: RecordSource
    scan: ScanReport


def make_budget(config: TrainingConfig) -> PixelBudget:
    """The model's picture sizes: custom.min_pixels to template.max_pixels."""
    largest = config.template["max_pixels"] if "max_pixels" in config.template else None
    return PixelBudget(min_pixels=config.custom.min_pixels, max_pixels=largest or MAX_PIXELS)


def make_builder(spec: MemberSpec) -> JsonLinesBuilder:
    """The builder of a data set."""
    return JsonLinesBuilder(
        spec.builder,
        spec.prompts,
        domain=spec.domain,
        dataset=spec.name,
        fixed_answer=spec.fixed_answer,
    )


def augmentation_pipeline(
    config: TrainingConfig, spec: MemberSpec, total_steps: int
) -> Pipeline | None:
    """The augmentation of a data set's training split over a run of `total_steps`; None when it is off."""
    custom = config.custom
    if not custom.augmentation.enabled or not spec.augment:
        return None
    completeness = spec.pack.completeness
    return make_pipeline(
        custom.augmentation,
        seed=custom.seed,
        budget=make_budget(config),
        total_steps=total_steps,
        wording=None if completeness is None else (completeness.full, completeness.partial),
        with_curriculum=spec.curriculum,
    )


def make_dataset(
    config: TrainingConfig,
    spec: MemberSpec,
    source: RecordSource,
    pipeline: Pipeline | None = None,
    *,
    split: Split = "train",
) -> DenseCaptionDataset:
    """The samples of an opened split. The cap on objects holds for training alone: evaluation looks at all."""
    return DenseCaptionDataset(
        source=source,
        budget=make_budget(config),
        builder=make_builder(spec),
        pipeline=pipeline,
        max_objects=spec.max_objects if split == "train" else None,
        seed=spec.seed,
    )


def aside_path(folder: Path | None, split: Split, spec: MemberSpec, reason: str) -> Path | None:
    """Where records that are set aside are written; None when nothing is written."""
    return None if folder is None else folder / f"{split}_{spec.name}_{reason}.jsonl"


def open_split(
    config: TrainingConfig, spec: MemberSpec, split: Split, *, quarantine_dir: Path | None = None
) -> OpenedData | None:
    """Index and scan a split by `custom.on_invalid_record`; None when the data set names no such file."""
    custom = config.custom
    path = spec.train_jsonl if split == "train" else spec.val_jsonl
    if path is None:
        return None
    index = JsonlIndex.open(path)
    if len(index) == 0:
        raise DataError.say(f"{path} has no records", remedy="convert again, or name another file")
    resolver = ImageResolver(path.parent, tuple(resolve_path(root) for root in custom.image_roots))
    may_quarantine = custom.on_invalid_record == "quarantine"
    aside = aside_path(quarantine_dir if may_quarantine else None, split, spec, "invalid")

    def check(record: Record) -> None:
        if spec.fixed_answer is None:
            require_mode(record, spec.mode == "summary")
        require_role(record, spec.role)
        for image in record.images:
            resolver.resolve(image, record.source)

    report = scan(index, custom.on_invalid_record, check=check, quarantine_path=aside)
    limit = custom.train_sample_limit if split == "train" else custom.val_sample_limit
    source = RecordSource(
        name=spec.name,
        index=index,
        rows=limited_rows(report.rows, limit or custom.sample_limit, custom.seed),
        resolver=resolver,
        quarantined=report.num_quarantined,
        fix=custom.on_invalid_record == "fix",
    )
    return OpenedData(spec=spec, source=source, scan=report)


def require_role(record: Record, role: Role) -> None:
    """`RecordError` for a chat data set's record without messages, or a negative one with objects or without a picture."""
    if role == "chat" and not record.is_chat:
        raise RecordError.say(
            "a chat data set holds records with messages",
            where=str(record.source),
            path="messages",
            rule="role",
            remedy="convert it to messages, or give the data set another role",
        )
    if role == "negative" and (record.objects or record.is_chat or not record.images):
        raise RecordError.say(
            "a negative record is a picture without objects",
            where=str(record.source),
            path="objects",
            rule="role",
            remedy="move it to a target or source",
        )
