"""What is usual for well-known kinds of data sets, by the name that `dataset` gives; an entry's own values win."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from src.datasets.fusion.config import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """Defaults of a kind of data set."""

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
