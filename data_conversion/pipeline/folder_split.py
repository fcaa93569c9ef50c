"""The split that folder names tell, and names that must be unique."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from data_conversion.pipeline.raw import SplitName

SPLIT_NAMES: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
}


def split_by_folder(keys: Iterable[str]) -> Mapping[str, SplitName]:
    """The side of each key that begins with a folder named train or val (valid)."""
    return {
        key: SPLIT_NAMES[top]
        for key in keys
        if "/" in key and (top := key.split("/", 1)[0].lower()) in SPLIT_NAMES
    }


def part_of_words(name: str) -> SplitName | None:
    """train or val, when exactly one of them is a word of a file's name."""
    words = re.split(r"[^a-z]+", PurePosixPath(name).stem.lower())
    parts = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
    return parts.pop() if len(parts) == 1 else None


def unique_key(wanted: str, taken: Mapping[str, object]) -> str:
    """`wanted`, or with "#2", "#3" ... behind it where that is taken."""
    key, count = wanted, 1
    while key in taken:
        count += 1
        key = f"{wanted}#{count}"
    return key
