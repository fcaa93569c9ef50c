"""Metadata that speaks of a record's objects one by one, when some of them are taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

# What conversion writes into metadata with one entry an object, in the same order.
PER_OBJECT = frozenset(("attributes", "groups"))


def metadata_of_kept(metadata: Mapping[str, Any], stays: Sequence[bool]) -> dict[str, Any]:
    """The metadata of a record of which only the objects that stay are kept; other keys are left as they are."""
    kept = dict(metadata)
    for key in PER_OBJECT & kept.keys():
        if isinstance(kept[key], list) and len(kept[key]) == len(stays):
            kept[key] = list(compress(kept[key], stays))
    return kept
