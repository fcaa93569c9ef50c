"""Which images train and which validate: the export's own lists, or a seeded draw. Independent of any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from data_conversion.pipeline.raw import Item, SplitName
from src.rng import stable_hash


def draw_split(keys: Iterable[str], val_ratio: float, seed: int) -> Mapping[str, SplitName]:
    """Exactly round(n * val_ratio) keys for validation, at least one of each when both are asked for and n > 1.

    A key's rank is a hash of (seed, key): adding an image moves few others.
    """
    ranked = sorted(keys, key=lambda key: stable_hash(seed, "split", key))
    num_val = round(len(ranked) * val_ratio)
    if 0.0 < val_ratio < 1.0 and len(ranked) > 1:
        num_val = min(max(num_val, 1), len(ranked) - 1)
    return {key: "val" if position < num_val else "train" for position, key in enumerate(ranked)}


def limit_items(items: tuple[Item, ...], limit: int | None, seed: int) -> tuple[Item, ...]:
    """At most `limit` items, drawn by `seed` (the first ones of a sorted list are often all alike), in key order."""
    if limit is None or limit >= len(items):
        return items
    ranked = sorted(items, key=lambda item: stable_hash(seed, "limit", item.key))
    return tuple(sorted(ranked[:limit]))
