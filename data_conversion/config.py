"""What one conversion is asked to do; frozen, the same for every worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data_conversion.pipeline.reading import Space
from src.errors import Issue, UsageError

SplitMode = Literal["auto", "seeded"]
ExifMode = Literal["auto", "raw", "upright"]
GeometryMode = Literal["annotated", "bbox"]
PartsPolicy = Literal["largest", "split", "merge"]
SummaryMode = Literal["auto", "none"]
UnmappedPolicy = Literal["note", "quarantine"]
EmptiedPolicy = Literal["quarantine", "negative"]
VAL_RATIO = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionConfig:
    """`input` is an export's folder or its one file, `output` the folder to fill (created; not inside `input`).

    Reading: `format` "auto" recognises it; `image_root` is where pictures lie (default: the input's folder); with `images`
    false there are none, and sizes come from the annotations. `space` says what coordinates mean where the format does not.
    `exif` says which picture the coordinates of a rotated JPEG refer to where the annotated size fits both or is not given;
    with "auto" such an image is quarantined.

    Shapes: `geometry` "bbox" makes a box of every polygon; `parts` is what becomes of an object in several pieces;
    `max_vertices` caps polygons and lines; `min_area` (square pixels, after clipping) drops what is smaller; `keep_crowd` keeps
    regions of many objects. `emptied` is what becomes of an image whose annotated objects were all dropped.

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
    emptied: EmptiedPolicy = "quarantine"
    domain: str | None = None
    unmapped: UnmappedPolicy = "note"
    summary: SummaryMode = "auto"
    resize: bool = False
    min_pixels: int = 4 * 32 * 32
    max_pixels: int = 1_048_576
    image_factor: int = 32
    quality: int = 95
    split: SplitMode = "auto"
    val_ratio: float = VAL_RATIO
    group_by: str | None = None
    seed: int = 17
    limit: int | None = None
    fail_fast: bool = False
    overwrite: bool = False
    workers: int = 1


KEY_PREFIX = "key:"


def check_options(config: ConversionConfig) -> None:
    """`UsageError` with every option that makes no sense by itself or beside another."""
    issues = tuple(_problems(config))
    if issues:
        raise UsageError(*issues)


def _problems(config: ConversionConfig) -> Iterator[Issue]:
    bounds = (
        ("val_ratio", config.val_ratio, 0.0 <= config.val_ratio < 1.0, "at least 0 and below 1"),
        ("workers", config.workers, config.workers >= 1, "at least 1"),
        ("limit", config.limit, config.limit is None or config.limit >= 1, "at least 1"),
        ("min_area", config.min_area, config.min_area >= 0.0, "at least 0 square pixels"),
        ("quality", config.quality, 1 <= config.quality <= 100, "1 to 100"),
        ("image_factor", config.image_factor, config.image_factor >= 1, "at least 1 pixel"),
        ("min_pixels", config.min_pixels, config.min_pixels >= 1, "at least 1"),
        (
            "max_pixels",
            config.max_pixels,
            config.max_pixels >= max(config.min_pixels, config.image_factor**2),
            f"at least min_pixels ({config.min_pixels}) and one cell of {config.image_factor} squared",
        ),
        (
            "max_vertices",
            config.max_vertices,
            config.max_vertices is None or config.max_vertices >= 3,
            "at least 3",
        ),
    )
    for name, value, is_fine, expected in bounds:
        if not is_fine:
            yield Issue(message=f"{name} is out of range", got=str(value), expected=expected)
    if config.resize and not config.images:
        yield Issue(
            message="pictures are resized or left out, not both",
            got="resize with images=false",
            remedy="leave one of the two options out",
        )
    if config.group_by == KEY_PREFIX:
        yield Issue(
            message="group_by names no attribute",
            got=config.group_by,
            expected=f"{KEY_PREFIX}NAME of an attribute of the picture",
        )
    if config.group_by is not None and not config.group_by.startswith(KEY_PREFIX):
        try:
            re.compile(config.group_by)
        except re.error as error:
            yield Issue(
                message=f"group_by is no regular expression: {error}",
                got=config.group_by,
                expected=f"an expression for the picture's path, or {KEY_PREFIX}NAME of an attribute",
            )
