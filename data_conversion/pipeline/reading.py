"""What a format's reader offers: recognise an export, open it once, read its items in any process.

To add a format: one module in `readers/` with a class like `Reader`, and one line in `readers/registry.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Item, Listing, RawImage

Space = Literal["pixels", "norm1", "norm100", "norm1000", "qwen25"]
"""What coordinates in a text format mean: pixels of the upright picture, shares of its sides (0..1, 0..100, 0..1000), or
pixels of the picture as Qwen2.5-VL resizes it (grid of 28 pixels)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """`images` finds picture files by the names that annotations give. `space` is for formats that do not say what their
    coordinates mean. `keep_crowd` keeps regions that stand for many objects (COCO's iscrowd), which are dropped otherwise."""

    images: ImageIndex
    space: Space | None = None
    keep_crowd: bool = False


class Export(Protocol):
    """An opened export. It is sent to every worker process once, so it pickles and is not larger than it needs to be."""

    @property
    def listing(self) -> Listing:
        """The items, sorted by key, and the export's own split."""

    def read(self, item: Item) -> RawImage:
        """Read one item: a pure function of the files. `RecordError` or `ImageError` sends it to quarantine."""


class Reader(Protocol):
    """A format. Results do not depend on the order of directory listings."""

    @property
    def looks_for(self) -> str:
        """What an input of this format holds, for whoever gave one that no reader knows."""

    def recognise(self, source: Path) -> str:
        """Why `source` (a folder, or one file) looks like this format, in a few words; empty when it does not.

        Cheap: looks at names and at the beginning of a few files, and never raises for other content.
        """

    def open(self, source: Path, options: ReadOptions) -> Export:
        """List the export; `DataError` when `source` does not hold this format."""
