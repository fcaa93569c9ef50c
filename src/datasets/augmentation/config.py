"""`custom.augmentation`. Standard library only: `src.config` composes it. Ops' own parameters: `ops/` beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OpName = Literal[
    "hflip",
    "vflip",
    "rotate",
    "rot90",
    "scale",
    "translate",
    "shear",
    "color_jitter",
    "gamma",
    "hsv",
    "clahe",
    "auto_contrast",
    "solarize",
    "posterize",
    "sharpness",
    "blur",
    "noise",
    "jpeg_artifacts",
    "expand_to_fit_affine",
    "resize_by_scale",
    "pad_to_multiple",
    "resize_to_budget",
    "random_crop",
    "roi_crop",
    "small_object_zoom_paste",
    "object_copy_paste",
]


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpSpec:
    """One op of the pipeline, by name."""

    name: OpName = field(metadata=_help("an op; see docs/data/DATA_AUGMENTATION.md"))
    params: Mapping[str, Any] = field(default_factory=dict, metadata=_help("the op's parameters"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a curriculum: what values it leads to (`linear`) or has throughout (`hold`)."""

    until_step: int | None = field(
        default=None, metadata=_help("optimizer step at which the phase ends")
    )
    until_percent: float | None = field(
        default=None, metadata=_help("the same as percent (0 to 100) of all optimizer steps")
    )
    interpolation: Literal["linear", "hold"] = field(
        default="linear", metadata=_help("linear from the values before, or hold this phase's own")
    )
    bypass_prob: float | None = field(
        default=None, metadata=_help("share of samples left untouched")
    )
    ops: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict, metadata=_help("numeric parameters by op name")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationConfig:
    """The pipeline of a run; ops apply in order, each name at most once."""

    enabled: bool = field(default=False, metadata=_help("apply the ops to training samples"))
    bypass_prob: float = field(default=0.0, metadata=_help("share of samples left untouched"))
    ops: tuple[OpSpec, ...] = field(default=(), metadata=_help("ops in order: name, params"))
    curriculum: tuple[Phase, ...] = field(
        default=(), metadata=_help("phases in order; numbers change with the optimizer step")
    )
    min_visible: float = field(
        default=0.1,
        metadata=_help("an object visible by less than this share of itself is dropped"),
    )
    completeness_threshold: float = field(
        default=0.95,
        metadata=_help("below this share the pack's wording for partly shown objects is used"),
    )
    parts: Literal["largest", "split"] = field(
        default="largest",
        metadata=_help("an object cut into several parts keeps the largest, or becomes several"),
    )
    rotated_box: Literal["poly", "bbox"] = field(
        default="poly", metadata=_help("a turned box becomes a polygon, or its enclosing box")
    )
    max_poly_vertices: int | None = field(
        default=None, metadata=_help("more vertices are thinned out, keeping the shape")
    )
    fast_decode: bool = field(
        default=False,
        metadata=_help(
            "decode JPEG at half size already when that enlarges by at most 1.25 (38 dB, faster)"
        ),
    )
    backend: Literal["opencv", "pillow"] = field(
        default="opencv", metadata=_help("what warps pixels; pillow is the slower fallback")
    )
