"""A mix of data sets as frozen dataclasses; `src.datasets.fusion.loader` reads YAML into them. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["target", "source", "chat", "negative"]
Mode = Literal["dense", "summary"]
PromptPreset = Literal["dense", "brief", "summary", "chat"]


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionEntry:
    """One data set of a mix. What is left out follows from `dataset`, `role` and the run's config."""

    name: str = field(metadata=_help("unique name: in the table, in metrics, in answer prefixes"))
    train_jsonl: str = field(metadata=_help("training records (contract JSONL)"))
    val_jsonl: str | None = field(
        default=None, metadata=_help("held-out records; evaluated when given")
    )
    dataset: str | None = field(
        default=None,
        metadata=_help(
            "a wrapper (coco, objects365, lvis, flickr3k, chat) or a domain pack; default: prompts.domain of the run"
        ),
    )
    role: Role | None = field(
        default=None,
        metadata=_help(
            "target (default under targets), source (default under sources), chat (`messages` records), "
            "negative (pictures without objects)"
        ),
    )
    template: PromptPreset | None = field(
        default=None,
        metadata=_help("prompts of the pack: dense, brief, summary; chat has its own turns"),
    )
    mode: Mode = field(default="dense", metadata=_help("learn the objects, or `summary`"))
    ratio: float | None = field(
        default=None,
        metadata=_help(
            "target: share of its own records an epoch (default 1); source: share of all targets' quotas (required)"
        ),
    )
    seed: int | None = field(
        default=None, metadata=_help("seed of its draws; default custom.seed of the run")
    )
    augmentation_enabled: bool | None = field(
        default=None, metadata=_help("default: for targets and negatives")
    )
    curriculum_enabled: bool = field(
        default=True, metadata=_help("false keeps the ops' own values throughout")
    )
    max_objects_per_image: int | None = field(
        default=None, metadata=_help("a random choice of so many objects, anew each epoch")
    )
    user_prompt: str | None = field(
        default=None, metadata=_help("wins over the pack and the run's prompts")
    )
    system_prompt: str | None = field(
        default=None, metadata=_help("the same; an empty string sends none")
    )
    sample_without_replacement: bool = field(
        default=True, metadata=_help("each record once before any comes again in an epoch")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionConfig:
    """`custom.fusion_config`: the data sets that a run is about, and those that are mixed in."""

    targets: tuple[FusionEntry, ...] = field(metadata=_help("what the run is about"))
    sources: tuple[FusionEntry, ...] = field(default=(), metadata=_help("what is mixed in"))

    @property
    def entries(self) -> tuple[FusionEntry, ...]:
        return self.targets + self.sources
