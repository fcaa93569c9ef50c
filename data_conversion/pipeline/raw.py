"""What a reader hands over: annotations as read, not yet placed on the upright picture.

Every reader (one module in `readers/`) turns its format into these types; every later step knows these types only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal, Self

from src.contract.records import GeometryKind

SplitName = Literal["train", "val"]
FindingKind = Literal["dropped", "fixed", "noted"]
Attribute = bool | int | float | str | tuple[str, ...]
"""A value of an attribute; a tuple holds the answers to a question that takes several."""
Points = tuple[float, ...]
"""Flat x1, y1, x2, y2, ..."""


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
    """One annotated object, pixel-edge convention, in the frame that the annotator saw (maybe not upright).

    `parts` are the outlines of an object that was annotated in several pieces (a mask); a box (two corners) or a line has exactly
    one. Holes are not representable: a reader that meets one fills it and says so in a finding. Objects of one picture with
    the same non-empty `group` were put together by the annotator.
    """

    index: int
    label: str
    kind: GeometryKind
    parts: tuple[Points, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    group: str = ""

    @property
    def points(self) -> Points:
        """The only part of an object in one piece."""
        assert len(self.parts) == 1, "an object in several parts"
        return self.parts[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImage:
    """One annotated image as its reader found it.

    `annotation` is a POSIX path relative to the export's folder, `image` one relative to the image root (empty when the picture
    came inside the annotation, as `embedded` bytes of an image file), `image_name` the path under the output's `images/`.
    `size` is the annotated (width, height), None where the format or file gives none. `num_objects` counts what the file
    holds, dropped ones included. `metadata` (JSON values) goes to the record's metadata as it is, `attributes` describe the
    picture (site, product, video) and may name the group that a split must not part. `named` is how the annotation calls the
    picture, where that may be another path than `image`: two names for one file are a mistake, and tell of it.
    `frame` "upright": the format says that points refer to the upright picture, so neither EXIF nor the annotated size matters.
    """

    annotation: str
    image: str
    image_name: str
    size: tuple[int, int] | None
    objects: tuple[RawObject, ...]
    num_objects: int
    findings: tuple[Finding, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    captions: tuple[str, ...] = ()
    embedded: bytes | None = None
    named: str = ""
    frame: Literal["unknown", "upright"] = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Item:
    """One image to convert: `key` names it (unique in the export).

    `annotation` is the file to read, relative to the input folder; empty for an image that a list names and no file describes.
    `position` finds the item in a file that holds many (a row, an index; the reader's own affair).
    """

    key: str
    annotation: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An export's items, sorted by key, and its own train/val lists where it has them.

    `split` maps keys to "train" or "val"; a key that it lacks belongs to neither (a test set, say). `split_source` says
    where the lists were found.
    """

    items: tuple[Item, ...]
    split: Mapping[str, SplitName] | None
    split_source: str = ""

    @classmethod
    def of(
        cls, items: Iterable[Item], split: Mapping[str, SplitName] | None = None, source: str = ""
    ) -> Self:
        """Items in any order; a split that has not both sides is none."""
        is_split = split is not None and set(split.values()) == {"train", "val"}
        return cls(
            items=tuple(sorted(items, key=attrgetter("key", "annotation", "position"))),
            split=split if is_split else None,
            split_source=source if is_split else "",
        )
