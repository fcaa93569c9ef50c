"""One record on its way to the model: shapes beside pictures that are not decoded yet, then beside their pixels.

Two steps, no turn back: `open_scene` reads headers and builds shapes; `render` (or the augmentation pipeline in its place)
decodes each picture once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.contract.records import Message, Record, Source
from src.datasets.geometry.shapes import Shape, shape_of

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObject:
    """A described object: text and geometry."""

    desc: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A record with its picture files located; nothing decoded. `width`, `height`: first picture, upright."""

    pictures: tuple[Path, ...]
    width: int
    height: int
    objects: tuple[SceneObject, ...]
    summary: str | None
    messages: tuple[Message, ...]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedScene:
    """A scene whose pictures are pixels, RGB uint8 (H, W, 3), and whose shapes sit on those pixels."""

    pixels: tuple[Pixels, ...]
    objects: tuple[SceneObject, ...]
    summary: str | None
    messages: tuple[Message, ...]
    source: Source

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the first picture; (0, 0) without pictures."""
        if not self.pixels:
            return 0, 0
        height, width = self.pixels[0].shape[:2]
        return width, height


def open_scene(record: Record, pictures: Sequence[Path]) -> Scene:
    """The scene of a record whose image strings were resolved to `pictures` (see `src.contract.images`)."""
    return Scene(
        pictures=tuple(pictures),
        width=record.width,
        height=record.height,
        objects=tuple(
            SceneObject(desc=item.desc, shape=shape_of(item, object_id))
            for object_id, item in enumerate(record.objects)
        ),
        summary=record.summary,
        messages=record.messages,
        source=record.source,
    )
