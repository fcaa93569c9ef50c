"""The parts of a run that follow from its config alone: source, budget, builder, plan. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.contract.budget import MAX_PIXELS, PixelBudget
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import ScanReport, quarantine_line, scan
from src.contract.records import Record
from src.contract.validate import require_mode
from src.datasets.augmentation.builder import make_pipeline
from src.datasets.augmentation.pipeline import Pipeline
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Conversation, Prompts
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.config import OverLongPolicy
from src.datasets.render import blank
from src.datasets.scene import open_scene
from src.datasets.source import RecordSource, limited_rows
from src.domains.loader import load_pack
from src.domains.prompts import render_prompts
from src.errors import DataError, Issue
from src.files import atomic_write
from src.utils.logger import get_logger

Split = Literal["train", "val"]
logger = get_logger(__name__)
MAX_SHOWN_SAMPLES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedData:
    """A split ready for use, and what opening it found."""

    source: RecordSource
    scan: ScanReport
    num_over_long: int = 0


def make_budget(config: TrainingConfig) -> PixelBudget:
    """The model's picture sizes: custom.min_pixels to template.max_pixels."""
    largest = config.template["max_pixels"] if "max_pixels" in config.template else None
    return PixelBudget(min_pixels=config.custom.min_pixels, max_pixels=largest or MAX_PIXELS)


def make_prompts(config: TrainingConfig) -> Prompts:
    """Prompts by priority: generic pack < chosen pack < config."""
    custom = config.custom
    system, user = render_prompts(
        load_pack(config.prompts.domain),
        "summary" if custom.use_summary else "dense",
        custom.json_format,
        custom.emit_norm,
        config.prompts.system,
        custom.user_prompt if custom.user_prompt is not None else config.prompts.user,
    )
    return Prompts(system=system, user=user)


def builder_config(config: TrainingConfig) -> BuilderConfig:
    """The text format of a run."""
    custom = config.custom
    return BuilderConfig(
        json_format=custom.json_format,
        emit_norm=custom.emit_norm,
        object_ordering_policy=custom.object_ordering_policy,
        use_summary=custom.use_summary,
        assistant_prefix_format=custom.assistant_prefix_format,
    )


def make_builder(config: TrainingConfig, dataset: str) -> JsonLinesBuilder:
    """The builder of a run; `dataset` names the data set in answer prefixes."""
    return JsonLinesBuilder(
        builder_config(config), make_prompts(config), domain=config.prompts.domain, dataset=dataset
    )


def augmentation_pipeline(config: TrainingConfig, total_steps: int) -> Pipeline | None:
    """The training split's augmentation over a run of `total_steps`; None when it is off."""
    custom = config.custom
    if not custom.augmentation.enabled:
        return None
    completeness = load_pack(config.prompts.domain).completeness
    return make_pipeline(
        custom.augmentation,
        seed=custom.seed,
        budget=make_budget(config),
        total_steps=total_steps,
        wording=None if completeness is None else (completeness.full, completeness.partial),
    )


def open_split(
    config: TrainingConfig, split: Split, *, quarantine_dir: Path | None = None
) -> OpenedData | None:
    """Index and scan a split by `custom.on_invalid_record`; None when the config names no such file."""
    custom = config.custom
    name = custom.train_jsonl if split == "train" else custom.val_jsonl
    if name is None:
        return None
    path = resolve_path(name)
    index = JsonlIndex.open(path)
    if len(index) == 0:
        raise DataError.say(f"{path} has no records", remedy="convert again, or name another file")
    resolver = ImageResolver(path.parent, tuple(resolve_path(root) for root in custom.image_roots))
    aside = None
    if quarantine_dir is not None and custom.on_invalid_record == "quarantine":
        aside = quarantine_dir / f"{split}_invalid.jsonl"

    def check(record: Record) -> None:
        require_mode(record, custom.use_summary)
        for image in record.images:
            resolver.resolve(image, record.source)

    report = scan(index, custom.on_invalid_record, check=check, quarantine_path=aside)
    limit = custom.train_sample_limit if split == "train" else custom.val_sample_limit
    rows = limited_rows(report.rows, limit or custom.sample_limit, custom.seed)
    source = RecordSource(
        name=path.parent.name,
        index=index,
        rows=rows,
        resolver=resolver,
        quarantined=report.num_quarantined,
        fix=custom.on_invalid_record == "fix",
    )
    return OpenedData(source=source, scan=report)


def measure(
    data: OpenedData,
    budget: PixelBudget,
    builder: JsonLinesBuilder,
    length_of: Callable[[Conversation], int],
) -> np.ndarray:
    """Tokens of every usable row, int64 (N,); pixels are never decoded."""
    source = data.source
    lengths = np.empty(len(source), dtype=np.int64)
    for row in range(len(source)):
        record = source.record(row)
        scene = open_scene(record, source.pictures(record))
        lengths[row] = length_of(builder.build(blank(scene, budget)))
    return lengths


def without_over_long(
    data: OpenedData,
    lengths: np.ndarray,
    limit: int | None,
    policy: OverLongPolicy,
    *,
    quarantine_path: Path | None = None,
) -> OpenedData:
    """The data without samples longer than `limit`, or a `DataError` that names the first of them (policy fail).

    Under policy quarantine their lines go to `quarantine_path` with the reason.
    """
    if limit is None or (lengths <= limit).all():
        return data
    source = data.source
    too_long = np.flatnonzero(lengths > limit)
    issues = [_too_long(source, int(row), int(lengths[row]), limit) for row in too_long]
    if policy == "fail":
        count = Issue(message=f"{len(too_long)} of {len(source)} samples are too long")
        raise DataError(*issues[:MAX_SHOWN_SAMPLES], count)
    logger.warning("%d over-long samples quarantined (limit %d tokens)", len(too_long), limit)
    if quarantine_path is not None:
        with atomic_write(quarantine_path, "wb") as handle:
            for row, issue in zip(too_long, issues, strict=True):
                file_row = int(source.rows[row])
                line = source.index.line(file_row)
                handle.write(quarantine_line(file_row, line, (issue,)))
    kept = replace(
        source, rows=source.rows[lengths <= limit], quarantined=source.quarantined + len(too_long)
    )
    return OpenedData(source=kept, scan=data.scan, num_over_long=len(too_long))


def _too_long(source: RecordSource, row: int, length: int, limit: int) -> Issue:
    return Issue(
        message="the sample is longer than global_max_length",
        where=str(source.index.source(int(source.rows[row]))),
        rule="over-long",
        got=f"{length} tokens",
        expected=f"at most {limit}",
        remedy="raise global_max_length, lower template.max_pixels, or set custom.on_over_long: quarantine",
    )
