"""The data sets of a run with every default filled in: what `train_jsonl` alone and a fusion file have in common.

Prompts by priority, lowest first: the run's (its pack, then `prompts`), the data set's domain pack, the data set's own texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Prompts
from src.datasets.fusion.config import FusionConfig, FusionEntry, Mode, PromptPreset, Role
from src.datasets.fusion.loader import load_fusion
from src.datasets.fusion.wrappers import WRAPPERS, part_of, quotas
from src.datasets.plan import Pool
from src.domains.config import DomainPack
from src.domains.loader import load_pack, pack_ids
from src.domains.prompts import render_prompts
from src.errors import ConfigError
from src.utils.suggest import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSpec:
    """One data set of a run, nothing opened yet. `ratio`: see `FusionEntry`; `domain` is the id of `pack`."""

    name: str
    role: Role
    mode: Mode
    train_jsonl: Path
    val_jsonl: Path | None
    pack: DomainPack
    prompts: Prompts
    builder: BuilderConfig
    augment: bool
    curriculum: bool
    max_objects: int | None
    ratio: float
    seed: int
    without_replacement: bool

    @property
    def domain(self) -> str:
        return self.pack.id

    @property
    def fixed_answer(self) -> str | None:
        """What every record of a negative data set is answered with; None: what the record itself says."""
        if self.role != "negative":
            return None
        return self.pack.tokens.irrelevant if self.mode == "summary" else self.pack.negative_answer


def member_specs(config: TrainingConfig) -> tuple[MemberSpec, ...]:
    """The data sets in the order in which `RowRef.dataset` counts them: targets, then sources."""
    fusion = fusion_of(config)
    if fusion is None:
        return (_single(config),)
    targets = {entry.name for entry in fusion.targets}
    return tuple(_resolved(config, entry, entry.name in targets) for entry in fusion.entries)


def fusion_of(config: TrainingConfig) -> FusionConfig | None:
    """The run's mix; None when it trains on one JSONL."""
    name = config.custom.fusion_config
    return None if name is None else load_fusion(resolve_path(name))


def pools_of(specs: tuple[MemberSpec, ...], sizes: tuple[int, ...]) -> tuple[Pool, ...]:
    """What each data set of so many usable rows gives to an epoch."""
    parts = [(spec.role, spec.ratio, size) for spec, size in zip(specs, sizes, strict=True)]
    return tuple(
        Pool(
            name=spec.name,
            num_rows=size,
            quota=quota,
            seed=spec.seed,
            without_replacement=spec.without_replacement,
        )
        for spec, size, quota in zip(specs, sizes, quotas(parts), strict=True)
    )


@lru_cache(maxsize=32)
def _pack(name: str) -> DomainPack:
    return load_pack(name)


def _single(config: TrainingConfig) -> MemberSpec:
    custom = config.custom
    assert custom.train_jsonl is not None
    train = resolve_path(custom.train_jsonl)
    pack = _pack(config.prompts.domain)
    mode: Mode = "summary" if custom.use_summary else "dense"
    return MemberSpec(
        name=train.parent.name or "data",
        role="target",
        mode=mode,
        train_jsonl=train,
        val_jsonl=None if custom.val_jsonl is None else resolve_path(custom.val_jsonl),
        pack=pack,
        prompts=_prompts(config, pack, mode, None),
        builder=_builder(config, mode),
        augment=True,
        curriculum=True,
        max_objects=None,
        ratio=1.0,
        seed=custom.seed,
        without_replacement=True,
    )


def _resolved(config: TrainingConfig, entry: FusionEntry, is_target: bool) -> MemberSpec:
    part = part_of(entry, is_target)
    pack, is_own_pack = _pack_of(config, entry)
    preset = entry.template or _preset(entry.mode, part.role, pack)
    return MemberSpec(
        name=entry.name,
        role=part.role,
        mode=entry.mode,
        train_jsonl=resolve_path(entry.train_jsonl),
        val_jsonl=None if entry.val_jsonl is None else resolve_path(entry.val_jsonl),
        pack=pack,
        prompts=_prompts(config, pack, preset, entry, is_own_pack=is_own_pack),
        builder=_builder(config, entry.mode),
        augment=part.augment,
        curriculum=entry.curriculum_enabled,
        max_objects=part.max_objects,
        ratio=1.0 if entry.ratio is None else entry.ratio,
        seed=config.custom.seed if entry.seed is None else entry.seed,
        without_replacement=entry.sample_without_replacement,
    )


def _pack_of(config: TrainingConfig, entry: FusionEntry) -> tuple[DomainPack, bool]:
    """(domain pack, whether the entry itself names it)."""
    name = entry.dataset
    if name is None or name in WRAPPERS:
        return _pack(config.prompts.domain), False
    if "/" not in name and name not in pack_ids():
        known = [*WRAPPERS, *pack_ids()]
        raise ConfigError.say(
            f"data set {entry.name}: no wrapper and no domain pack of this name",
            path="dataset",
            got=name,
            expected=" | ".join(known),
            remedy=did_you_mean(name, known) or "leave it out to use the run's prompts.domain",
        )
    return _pack(name), True


def _preset(mode: Mode, role: Role, pack: DomainPack) -> PromptPreset:
    if role == "chat":
        return "chat"
    if mode == "summary":
        return "summary"
    return "brief" if role == "source" and pack.prompts.brief is not None else "dense"


def _prompts(
    config: TrainingConfig,
    pack: DomainPack,
    preset: PromptPreset,
    entry: FusionEntry | None,
    *,
    is_own_pack: bool = False,
) -> Prompts:
    custom = config.custom
    if preset == "chat":  # chat records bring their own turns
        return Prompts(system=None, user="")
    # A preset of its own or a pack of its own says more than the run's texts, which were written for its main task.
    run_counts = entry is None or (not is_own_pack and preset in ("dense", "summary"))
    system = config.prompts.system if run_counts else None
    user = custom.user_prompt if custom.user_prompt is not None else config.prompts.user
    user = user if run_counts else None
    if entry is not None:
        system = entry.system_prompt if entry.system_prompt is not None else system
        user = entry.user_prompt if entry.user_prompt is not None else user
    text = render_prompts(pack, preset, custom.json_format, custom.emit_norm, system, user)
    return Prompts(system=text[0], user=text[1])


def _builder(config: TrainingConfig, mode: Mode) -> BuilderConfig:
    custom = config.custom
    return BuilderConfig(
        json_format=custom.json_format,
        emit_norm=custom.emit_norm,
        object_ordering_policy=custom.object_ordering_policy,
        use_summary=mode == "summary",
        assistant_prefix_format=custom.assistant_prefix_format,
    )
