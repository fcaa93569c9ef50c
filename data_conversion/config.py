"""What one conversion is asked to do; frozen, the same for every worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SplitMode = Literal["auto", "seeded"]
ExifMode = Literal["auto", "raw", "upright"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionConfig:
    """`input` is an export's folder, `output` the folder to fill (created; not inside `input`).

    `split`: "auto" follows the export's own train/val lists and falls back to "seeded", which draws `val_ratio` of the images
    (a fraction) by `seed`. `limit` keeps that many images, drawn by `seed` too. `exif` says which picture the coordinates
    of a rotated JPEG refer to; "auto" decides by the annotated size. `fail_fast` stops at the first image that would be
    quarantined. `workers` is a number of processes and changes nothing in the output.
    """

    input: Path
    output: Path
    format: str
    domain: str | None = None
    split: SplitMode = "auto"
    val_ratio: float = 0.1
    seed: int = 17
    limit: int | None = None
    exif: ExifMode = "auto"
    fail_fast: bool = False
    overwrite: bool = False
    workers: int = 1
