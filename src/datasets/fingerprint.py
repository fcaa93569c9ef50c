"""What the order and content of a run's samples depend on, as named parts that can be compared and shown.

A resumed run refuses a plan that differs from its checkpoint's, so every part must be something that changes what is trained on:
seed, batch size, data, text format, augmentation. World size is none, nor are learning rates. Cost: one pass over each data file
(about 1 GB/s); call it in one process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.config.schema import TrainingConfig
from src.datasets.plan import Pool
from src.datasets.preparation import MemberData, RunData
from src.files import file_digest

MAX_SHOWN = 60
_ABSENT = "(none)"


def fingerprint_of(config: TrainingConfig, data: RunData) -> dict[str, str]:
    """Name -> value or digest of each part, for a run's data."""
    plan = data.plan
    augmentation: dict[str, Any] | None = None
    if config.custom.augmentation.enabled:
        augmentation = asdict(config.custom.augmentation)
        if config.custom.augmentation.curriculum:  # its percents become steps of the run
            augmentation["total_steps"] = data.total_steps
    parts = {
        "custom.seed": str(plan.seed),
        "training.effective_batch_size": str(plan.effective_batch_size),
        "custom.shuffle": str(plan.shuffle),
        "custom.batching.epoch_tail": plan.tail,
        "custom.batching.group_window": str(plan.group_window),
        "custom.augmentation": _shown(augmentation),
    }
    for number, (member, pool) in enumerate(zip(data.train, plan.pools, strict=True)):
        for name, value in _member_parts(member, pool).items():
            # By number, not by name or path: data that moved is the same data.
            parts[f"dataset {number} {name}"] = value
    return parts


def _member_parts(member: MemberData, pool: Pool) -> dict[str, str]:
    dataset, spec = member.dataset, member.opened.spec
    source, builder = dataset.source, dataset.builder
    told = {
        "content": file_digest(source.index.path),
        "usable rows": f"{len(source)} [{_digest(source.rows)}]",
        # Like lengths meet in one batch, so a changed tokenizer changes the order.
        "lengths": f"[{_digest(member.lengths.bound)}]",
        "draws": _shown([pool.quota, pool.seed, pool.without_replacement]),
        "augmented": _shown([spec.augment, spec.curriculum]),
        "pixel budget": _shown(asdict(dataset.budget)),
        "text format": _shown(asdict(builder.config)),
        "prompts": _shown([asdict(builder.prompts), builder.prefix, builder.fixed_answer]),
        "objects": _shown([dataset.max_objects]),
    }
    if source.object_limits is not None:
        told["subsets"] = f"[{_digest(source.object_limits)}]"
    return told


def _digest(array: NDArray[Any]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=8).hexdigest()


def _shown(value: Any) -> str:
    """Short JSON as it is, longer JSON as a digest."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(text) <= MAX_SHOWN:
        return text
    return f"[{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}]"


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(part, old value, new value) of every part that is not equal."""
    found = []
    for name in dict.fromkeys((*old, *new)):
        before = old[name] if name in old else _ABSENT
        after = new[name] if name in new else _ABSENT
        if before != after:
            found.append((name, before, after))
    return found
