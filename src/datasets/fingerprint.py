"""What the order and content of a run's samples depend on, as named parts that can be compared and shown.

A resumed run refuses a plan that differs from its checkpoint's, so every part must be something that changes what is trained on:
seed, batch size, data, text format, augmentation. World size is none, nor are learning rates. Cost: one pass over each data file
(about 1 GB/s); call it in one process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from src.datasets.source import RecordSource
from src.files import file_digest

MAX_SHOWN = 60
_ABSENT = "(none)"


def plan_fingerprint(
    *,
    seed: int,
    effective_batch_size: int,
    shuffle: bool,
    sources: Sequence[RecordSource],
    settings: Mapping[str, Any],
) -> dict[str, str]:
    """Name -> value or digest of each part.

    `sources` in the order of `RowRef.dataset`. `settings` are further parts by config path: anything that JSON can hold;
    long ones are shown as a digest.
    """
    parts = {
        "custom.seed": str(seed),
        "training.effective_batch_size": str(effective_batch_size),
        "custom.shuffle": str(shuffle),
    }
    for number, source in enumerate(sources):
        # By number, not by name or path: data that moved is the same data.
        name = f"dataset {number}"
        rows = hashlib.blake2b(source.rows.tobytes(), digest_size=8).hexdigest()
        parts[f"{name} content"] = file_digest(source.index.path)
        parts[f"{name} usable rows"] = f"{len(source)} [{rows}]"
    parts |= {name: _shown(value) for name, value in settings.items()}
    return parts


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
