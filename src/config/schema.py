"""The config of a run as frozen dataclasses; `src.config.loader` reads YAML into them.

Sections `model, quantization, data, template, tuner, training` pass through to ms-swift; their keys and types are checked
against the field table of the pinned version (`src.config.passthrough`). Everything else is decoded here. The `help` of each
field is its documentation (docs/training/REFERENCE.md is generated from it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from src.contract.budget import MIN_PIXELS
from src.contract.coordinates import Norm
from src.contract.records import RecordPolicy
from src.datasets.augmentation.config import AugmentationConfig
from src.datasets.builders.config import JsonFormat, OrderingPolicy
from src.datasets.config import BatchingConfig, LateFailurePolicy, OverLongPolicy, PixelPath
from src.generation.config import FinalEvaluationConfig
from src.training.config import ResumeConfig

Section = Mapping[str, Any]


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepSpeedConfig:
    """`deepspeed:`"""

    enabled: bool = field(metadata=_help("use DeepSpeed"))
    config: str | Mapping[str, Any] | None = field(
        default=None,
        metadata=_help(
            "zero0 to zero3, zero2_offload, zero3_offload, a JSON file, or the settings"
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptsConfig:
    """`prompts:`"""

    domain: str = field(
        default="generic", metadata=_help("domain pack under configs/domains, or a path")
    )
    system: str | None = field(
        default=None,
        metadata=_help("system prompt; default from the pack, an empty string sends none"),
    )
    user: str | None = field(default=None, metadata=_help("user prompt; default from the pack"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareStep:
    """One command that makes data or a model before training; skipped when its result is there."""

    module: str = field(
        metadata=_help(
            "module run as `python -m MODULE`: of public_data, data_conversion or scripts"
        )
    )
    args: tuple[str, ...] = field(default=(), metadata=_help("its arguments"))
    creates: str = field(metadata=_help("file or folder that it makes"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomConfig:
    """`custom:` data, text format and what this project adds around the trainer."""

    train_jsonl: str | None = field(
        default=None,
        metadata=_help("training records (contract JSONL); this or fusion_config is required"),
    )
    val_jsonl: str | None = field(default=None, metadata=_help("held-out records"))
    fusion_config: str | None = field(
        default=None,
        metadata=_help(
            "mix of several data sets (YAML), in place of train_jsonl; see docs/data/FUSION.md"
        ),
    )
    emit_norm: Norm = field(
        metadata=_help("coordinates in the text: none (pixels), norm100 or norm1000")
    )
    json_format: JsonFormat = field(
        metadata=_help("answer format: standard, qwen, compact or grouped")
    )
    use_summary: bool = field(
        default=False, metadata=_help("learn `summary` instead of the objects")
    )
    user_prompt: str | None = field(
        default=None, metadata=_help("user prompt; wins over prompts.user")
    )
    object_ordering_policy: OrderingPolicy = field(
        default="reference_tlbr", metadata=_help("order of objects: by first point, or by centre")
    )
    assistant_prefix_format: str | None = field(
        default=None,
        metadata=_help("one line before the answer, with {task} and {domain} or {dataset}"),
    )
    augmentation: AugmentationConfig = field(
        default_factory=AugmentationConfig, metadata=_help("geometry-aware augmentation")
    )
    sample_limit: int | None = field(
        default=None, metadata=_help("at most so many records of each split")
    )
    train_sample_limit: int | None = field(
        default=None, metadata=_help("the same for training alone")
    )
    val_sample_limit: int | None = field(
        default=None, metadata=_help("the same for validation alone")
    )
    seed: int = field(
        default=17, metadata=_help("seed of data order and choices (training.seed: of the model)")
    )
    shuffle: bool = field(
        default=True,
        metadata=_help("false trains in file order, for a curriculum that the file spells out"),
    )
    min_pixels: int = field(
        default=MIN_PIXELS, metadata=_help("smallest picture area for the model")
    )
    image_roots: tuple[str, ...] = field(
        default=(), metadata=_help("folders beside the JSONL's own in which pictures may lie")
    )
    on_invalid_record: RecordPolicy = field(
        default="fail", metadata=_help("a record that breaks the contract: fail, quarantine or fix")
    )
    on_over_long: OverLongPolicy = field(
        default="fail",
        metadata=_help(
            "a sample longer than global_max_length: fail, quarantine, or subset_objects (keep its first objects)"
        ),
    )
    batching: BatchingConfig = field(
        default_factory=BatchingConfig, metadata=_help("how samples become batches")
    )
    on_late_failure: LateFailurePolicy = field(
        default="stop",
        metadata=_help(
            "a sample that cannot be read while training: stop, or filler (a sample without loss takes its place, counted)"
        ),
    )
    pixel_path: PixelPath = field(
        default="fast",
        metadata=_help(
            "fast: pixels travel to the device as bytes; stock: as the processor's floats"
        ),
    )
    resume: ResumeConfig = field(
        default_factory=ResumeConfig, metadata=_help("how strict `--resume` is")
    )
    log_sample_keys: bool = field(
        default=False, metadata=_help("write the key of each trained sample")
    )
    dump_samples: int = field(
        default=3, metadata=_help("samples rendered by --check and into the run folder")
    )
    prepare: tuple[PrepareStep, ...] = field(
        default=(), metadata=_help("commands that make data or a model first")
    )
    final_evaluation: FinalEvaluationConfig = field(
        default_factory=FinalEvaluationConfig, metadata=_help("predict and evaluate after training")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """One run."""

    model: Section = field(metadata=_help("ms-swift's model arguments; `model` is required"))
    quantization: Section = field(
        default_factory=dict, metadata=_help("ms-swift's quantization arguments")
    )
    data: Section = field(default_factory=dict, metadata=_help("ms-swift's data arguments"))
    template: Section = field(default_factory=dict, metadata=_help("ms-swift's template arguments"))
    tuner: Section = field(default_factory=dict, metadata=_help("ms-swift's tuner arguments"))
    training: Section = field(
        default_factory=dict,
        metadata=_help("ms-swift's and HF's training arguments, and effective_batch_size"),
    )
    deepspeed: DeepSpeedConfig | None = field(default=None, metadata=_help("DeepSpeed"))
    prompts: PromptsConfig = field(
        default_factory=PromptsConfig, metadata=_help("domain pack and prompts")
    )
    custom: CustomConfig = field(metadata=_help("data, text format, and what this project adds"))
    global_max_length: int | None = field(
        default=None, metadata=_help("longest sample in tokens; over-long ones are never cut")
    )


PASS_THROUGH = ("model", "quantization", "data", "template", "tuner", "training")
OWN_TRAINING_KEYS: Mapping[str, str] = {
    "effective_batch_size": "samples per optimizer step over all devices; gradient accumulation follows from it",
    "save_delay_steps": "no checkpoint, and no best metric, before so many optimizer steps; 0 or less: off",
    "save_delay_epochs": "the same in epochs",
}
OWN_FLOAT_KEYS = frozenset({"save_delay_epochs"})
