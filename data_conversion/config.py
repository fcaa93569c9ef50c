"""What one conversion is asked to do; frozen, the same for every worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data_conversion.pipeline.reading import Space

SplitMode = Literal["auto", "seeded"]
ExifMode = Literal["auto", "raw", "upright"]
GeometryMode = Literal["annotated", "bbox"]
PartsPolicy = Literal["largest", "split", "merge"]
SummaryMode = Literal["auto", "none"]
UnmappedPolicy = Literal["note", "quarantine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionConfig:
    """`input` is an export's folder or its one file, `output` the folder to fill (created; not inside `input`).

    Reading: `format` "auto" recognises it; `image_root` is where pictures lie (default: the input's folder); with `images`
    false there are none, and sizes come from the annotations. `space` says what coordinates mean where the format does not.
    `exif` says which picture the coordinates of a rotated JPEG refer to; "auto" decides by the annotated size.

    Shapes: `geometry` "bbox" makes a box of every polygon; `parts` is what becomes of an object in several pieces;
    `max_vertices` caps polygons and lines; `min_area` (square pixels, after clipping) drops what is smaller; `keep_crowd` keeps
    regions of many objects.

    Text: `domain` is the pack whose taxonomy and sanitisers apply; `unmapped` is what becomes of an image with a label or
    answer that the taxonomy lacks; `summary` "auto" writes one where the pack or the export's captions give it.

    Pictures: with `resize` each is brought to the grid of `image_factor` pixels and between `min_pixels` and `max_pixels`
    (area) once and for all, re-encoded at `quality` (JPEG, WebP); others are linked or copied as they are.

    Split: "auto" follows the export's own train/val lists and falls back to "seeded", which draws `val_ratio` of the images (a
    fraction) by `seed`, stratified by label, keeping together what `group_by` (a regular expression on the picture's path,
    whose first group or whole match is the group; or `key:NAME`, an attribute of the picture) puts together. `limit` keeps that
    many images, drawn by `seed` too. `fail_fast` stops at the first image that would be quarantined. `workers` is a number of
    processes and changes nothing in the output.
    """

    input: Path
    output: Path
    format: str = "auto"
    image_root: Path | None = None
    images: bool = True
    space: Space | None = None
    exif: ExifMode = "auto"
    geometry: GeometryMode = "annotated"
    parts: PartsPolicy = "largest"
    max_vertices: int | None = None
    min_area: float = 0.0
    keep_crowd: bool = False
    domain: str | None = None
    unmapped: UnmappedPolicy = "note"
    summary: SummaryMode = "auto"
    resize: bool = False
    min_pixels: int = 4 * 32 * 32
    max_pixels: int = 1_048_576
    image_factor: int = 32
    quality: int = 95
    split: SplitMode = "auto"
    val_ratio: float = 0.1
    group_by: str | None = None
    seed: int = 17
    limit: int | None = None
    fail_fast: bool = False
    overwrite: bool = False
    workers: int = 1
