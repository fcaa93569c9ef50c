"""Pipelines and scenes for augmentation tests: one case per registered op, and random chains of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from src.contract.budget import PixelBudget
from src.contract.records import Source
from src.datasets.augmentation.builder import make_pipeline
from src.datasets.augmentation.config import AugmentationConfig, OpSpec
from src.datasets.augmentation.pipeline import Pipeline
from src.datasets.geometry.shapes import Shape
from src.datasets.scene import Scene, SceneObject

# Parameters that make each op do something; every registered op must be here (a test compares).
CASES: dict[str, dict] = {
    "hflip": {"prob": 1.0},
    "vflip": {"prob": 1.0},
    "rotate": {"prob": 1.0, "max_degrees": 30.0},
    "rot90": {"prob": 1.0},
    "scale": {"prob": 1.0, "lo": 0.8, "hi": 1.3},
    "translate": {"prob": 1.0},
    "shear": {"prob": 1.0, "max_x_degrees": 15.0, "max_y_degrees": 5.0},
    "color_jitter": {"prob": 1.0},
    "gamma": {"prob": 1.0},
    "hsv": {"prob": 1.0},
    "clahe": {"prob": 1.0},
    "auto_contrast": {"prob": 1.0},
    "solarize": {"prob": 1.0},
    "posterize": {"prob": 1.0},
    "sharpness": {"prob": 1.0},
    "blur": {"prob": 1.0, "sigma": [0.4, 1.0]},
    "noise": {"prob": 1.0, "sigma": [1.0, 2.0]},
    "jpeg_artifacts": {"prob": 1.0, "quality": [85, 95]},
    "expand_to_fit_affine": {"max_pixels": 40_000},
    "resize_by_scale": {"prob": 1.0},
    "pad_to_multiple": {},
    "resize_to_budget": {"max_pixels": 40_000},
    "random_crop": {"prob": 1.0},
    "roi_crop": {"prob": 1.0, "min_crop_size": 64},
    "small_object_zoom_paste": {"prob": 1.0, "max_size": 60.0},
    "object_copy_paste": {"prob": 1.0},
}
COLOUR = (
    "color_jitter", "gamma", "hsv", "clahe", "auto_contrast", "solarize", "posterize", "sharpness", "blur", "noise",
    "jpeg_artifacts",
)  # fmt: skip
GEOMETRIC = tuple(name for name in CASES if name not in COLOUR)
BUDGET = PixelBudget(min_pixels=1024, max_pixels=60_000)


def pipeline_of(*names: str, seed: int = 5, budget: PixelBudget = BUDGET, **options) -> Pipeline:
    """A pipeline of the named ops with their cases' parameters."""
    ops = tuple(OpSpec(name=name, params=CASES[name]) for name in names)
    config = AugmentationConfig(enabled=True, ops=ops, **options)
    return make_pipeline(config, seed=seed, budget=budget, total_steps=100)


def scene_of(
    path: Path,
    width: int,
    height: int,
    objects: list[tuple[str, list]],
    descs: list[str] | None = None,
) -> Scene:
    """A scene of one picture; `objects` are (kind, points)."""
    shapes = [
        Shape(index, kind, np.array(points, dtype=np.float64).reshape(-1, 2))
        for index, (kind, points) in enumerate(objects)
    ]
    return Scene(
        pictures=(path,),
        width=width,
        height=height,
        objects=tuple(
            SceneObject(desc=(descs or [f"thing {i}"] * len(shapes))[i], shape=shape)
            for i, shape in enumerate(shapes)
        ),
        summary=None,
        messages=(),
        source=Source(file="test.jsonl", line=1),
    )


def textured(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A smooth random picture, RGB uint8."""
    coarse = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def save_bmp(path: Path, pixels: np.ndarray) -> Path:
    """Uncompressed, so that tests compare exact pixels."""
    Image.fromarray(pixels).save(path)
    return path
