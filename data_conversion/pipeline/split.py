"""Which images train and which validate: the export's own lists, or a seeded draw. Independent of any order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from data_conversion.pipeline.raw import Item, SplitName
from data_conversion.pipeline.stratify import Group, stratify
from src.rng import stable_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A written image as the split sees it: the ids of the labels in it, and the group it stays with."""

    key: str
    group: str
    labels: tuple[int, ...]


def draw_split(members: Sequence[Member], val_ratio: float, seed: int) -> dict[str, SplitName]:
    """A side for every key: groups whole, labels in alike shares, round(n * val_ratio) images for validation.

    Groups of the same kind are told apart by a hash of (seed, group). See `stratify` for what is exact.
    """
    groups: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        groups[member.group].append(member)
    ranked = sorted(groups, key=lambda group: stable_hash(seed, "split", group))
    validates = stratify([_group(groups[name]) for name in ranked], val_ratio)
    return {
        member.key: "val" if is_val else "train"
        for name, is_val in zip(ranked, validates, strict=True)
        for member in groups[name]
    }


def _group(members: Sequence[Member]) -> Group:
    if len(members) == 1:  # most are; counting costs ten times as much
        labels = members[0].labels
        return Group(size=1, labels=labels, counts=(1,) * len(labels))
    counts = Counter(chain.from_iterable(member.labels for member in members))
    return Group(size=len(members), labels=tuple(counts), counts=tuple(counts.values()))


def val_share(members: Sequence[Member], split: Mapping[str, SplitName]) -> float:
    """The share of validation in the images that have a side; 0 where none has."""
    sides = Counter(split[member.key] for member in members if member.key in split)
    return sides["val"] / max(sides.total(), 1)


def parted_groups(members: Sequence[Member], split: Mapping[str, SplitName]) -> int:
    """How many groups lie on both sides of a split (an export's own lists may do that)."""
    sides: defaultdict[str, set[SplitName]] = defaultdict(set)
    for member in members:
        if member.key in split:
            sides[member.group].add(split[member.key])
    return sum(len(found) > 1 for found in sides.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The label whose share of validation images differs most from that of all images; `label` is its id."""

    label: int
    num_images: int
    num_val: int
    deviation: float


def largest_deviation(
    members: Sequence[Member], split: Mapping[str, SplitName]
) -> Deviation | None:
    """Of the labels of which each side could have one image at least; None when there are none."""
    sides = Counter(split[member.key] for member in members if member.key in split)
    total = sides["train"] + sides["val"]
    if not sides["train"] or not sides["val"]:
        return None
    share = sides["val"] / total
    counts: Counter[int] = Counter()
    val: Counter[int] = Counter()
    for member in members:
        if member.key in split:
            counts.update(member.labels)
            if split[member.key] == "val":
                val.update(member.labels)
    found = [
        Deviation(
            label=label,
            num_images=count,
            num_val=val[label],
            deviation=abs(val[label] / count - share),
        )
        for label, count in counts.items()
        if count * min(share, 1 - share) >= 1
    ]
    return max(found, key=lambda one: (one.deviation, -one.label), default=None)


def draw_tiny(members: Sequence[Member], most: int, seed: int) -> frozenset[str]:
    """The keys of at most `most` images, drawn by the seed and spread over the labels: always one that shows the label seen
    least so far, frequent labels first."""
    ranked = sorted(members, key=lambda member: stable_hash(seed, "tiny", member.key))
    if len(ranked) <= most:
        return frozenset(member.key for member in ranked)
    by_label: defaultdict[int, list[Member]] = defaultdict(list)
    for member in reversed(ranked):
        for label in member.labels or (-1,):
            by_label[label].append(member)
    frequency = {label: len(found) for label, found in by_label.items()}
    seen: Counter[int] = Counter()
    chosen: set[str] = set()
    while len(chosen) < most:
        label = min(by_label, key=lambda label: (seen[label], -frequency[label], label))
        member = by_label[label].pop()
        if not by_label[label]:
            del by_label[label]
        if member.key not in chosen:
            chosen.add(member.key)
            seen.update(member.labels or (-1,))
    return frozenset(chosen)


def limit_items(items: tuple[Item, ...], limit: int | None, seed: int) -> tuple[Item, ...]:
    """At most `limit` items, drawn by `seed` (the first ones of a sorted list are often all alike), in key order."""
    if limit is None or limit >= len(items):
        return items
    ranked = sorted(items, key=lambda item: stable_hash(seed, "limit", item.key))
    return tuple(sorted(ranked[:limit]))
