"""What a reader hands over: annotations as read, not yet placed on the upright picture.

Every reader (one module in `readers/`) turns its format into these types; every later step knows these types only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from src.contract.records import GeometryKind

SplitName = Literal["train", "val"]
FindingKind = Literal["dropped", "fixed", "noted"]
Attribute = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that happened to one image or object, for the report: nothing is dropped or changed without one.

    `object_index` counts the objects of the annotation file from 0; None for the image as a whole.
    """

    kind: FindingKind
    rule: str
    message: str
    object_index: int | None = None
    label: str = ""
    got: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawObject:
    """One annotated object; `points` flat, pixel-edge convention, in the frame the annotator saw (maybe not upright)."""

    index: int
    label: str
    kind: GeometryKind
    points: tuple[float, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImage:
    """One annotated image as its reader found it.

    `annotation` and `image` are POSIX paths relative to the input folder, `image_name` the path under the output's
    `images/`. `size` is the annotated (width, height), None where the format or file gives none. `num_objects` counts what
    the file holds, dropped ones included.
    """

    annotation: str
    image: str
    image_name: str
    size: tuple[int, int] | None
    objects: tuple[RawObject, ...]
    num_objects: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Item:
    """One image to convert: `key` names it (unique in the export).

    `annotation` is the file to read, relative to the input folder; empty for an image that a list names and no file describes.
    """

    key: str
    annotation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An export's items, sorted by key, and its own train/val lists where it has them.

    `split` maps keys to "train" or "val"; a key that it lacks belongs to neither (a test set, say). `split_source` says
    where the lists were found.
    """

    items: tuple[Item, ...]
    split: Mapping[str, SplitName] | None
    split_source: str = ""


class Reader(Protocol):
    """A format. Both methods are pure functions of the files and independent of directory order."""

    def scan(self, root: Path) -> Listing:
        """List the export; `DataError` when the folder does not look like this format."""

    def read(self, root: Path, item: Item) -> RawImage:
        """Read one item; `RecordError` or `ImageError` sends it to quarantine."""
