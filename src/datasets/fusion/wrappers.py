"""What is usual for well-known kinds of data sets, by the name that `dataset` gives; an entry's own values win."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from src.datasets.fusion.config import FusionEntry, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """How a kind of data set takes part in a mix."""

    role: Role = "source"
    augment: bool = False
    max_objects: int | None = None


CROWDED = Wrapper(max_objects=64)  # public detection data: some pictures have hundreds of objects
WRAPPERS: Mapping[str, Wrapper] = {
    "coco": CROWDED,
    "objects365": CROWDED,
    "lvis": CROWDED,
    "flickr3k": CROWDED,
    "chat": Wrapper(role="chat"),
}


def part_of(entry: FusionEntry, is_target: bool) -> Wrapper:
    """The part that an entry of `targets` (or of `sources`) takes, its own values over its kind's."""
    wrapper = WRAPPERS.get(entry.dataset) if entry.dataset is not None else None
    role = entry.role or ("target" if is_target else wrapper.role if wrapper else "source")
    if wrapper is None or role != wrapper.role:
        wrapper = replace(wrapper or Wrapper(), role=role, augment=role in ("target", "negative"))
    augment = entry.augmentation_enabled
    return Wrapper(
        role=role,
        augment=wrapper.augment if augment is None else augment,
        max_objects=entry.max_objects_per_image or wrapper.max_objects,
    )


def quotas(parts: Sequence[tuple[Role, float, int]]) -> list[int]:
    """Draws an epoch of each (role, ratio, records): round(records * ratio) for a target, round(ratio * sum of the targets'
    quotas) for all others."""
    targets = sum(round(size * ratio) for role, ratio, size in parts if role == "target")
    return [round((size if role == "target" else targets) * ratio) for role, ratio, size in parts]
