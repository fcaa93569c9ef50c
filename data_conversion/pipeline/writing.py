"""What a format's writer offers, and how much of a record its format can hold.

To add a format: one module in `writers/` with a class like `Writer`, and one line in `writers/registry.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from data_conversion.pipeline.reading import Space
from src.contract.records import Record
from src.datasets.builders.config import JsonFormat

Kept = Literal["exact", "as polygon", "as box", "lost"]
Precision = Literal["exact", "norm1000", "whole pixels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """What the format keeps of a record, declared; the round-trip tests hold each line of it.

    `precision` of coordinates: "norm1000" is half a step of the grid (W/2000 px). `vertex_order`: starting vertex and direction
    of a polygon come back. `labels`: any `desc` comes back as it was. `attributes`, `groups`, `sizes`, `negatives`, `summaries`:
    whether metadata.attributes, which objects metadata.groups puts together, width and height, images without objects and
    summary texts come back; `splits`: which part an image belongs to; `object_order`: objects in the record's order, a line
    from its first point. `notes`: anything else, in words, for the table in the documentation.
    """

    bbox_2d: Kept
    poly: Kept
    line: Kept
    precision: Precision = "exact"
    vertex_order: bool = True
    labels: bool = True
    attributes: bool = False
    groups: bool = False
    sizes: bool = True
    negatives: bool = True
    summaries: bool = False
    splits: bool = True
    object_order: bool = True
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """`output` is the folder to fill; pictures keep the paths that the records give them.

    `space` is needed by formats whose text does not say what coordinates mean; `prompt` is the user turn of conversation formats,
    `system` their system turn (None: no such turn), `answer` the format of their answers.
    """

    output: Path
    space: Space | None = None
    prompt: str = ""
    system: str | None = None
    answer: JsonFormat = "qwen"


@dataclass(slots=True, kw_only=True)
class Written:
    """What was written and what was lost: a sentence a kind of loss, with its count."""

    num_images: int = 0
    num_objects: int = 0
    losses: Counter[str] = field(default_factory=Counter)


class Writer(Protocol):
    """A format to write."""

    @property
    def fidelity(self) -> Fidelity:
        """What it keeps."""

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """Write annotations (not pictures) into the folder; each file complete or absent.

        `parts` are the records by the name of their part ("train", "val"), each consumed once, dense ones with one picture;
        pictures lie in the folder under the paths that the records give, whether or not they are there yet.
        """
