"""The pixels of a scene without augmentation: each picture decoded once, upright, and fitted to the model's grid.

Fitting happens here, once, so that shapes and pixels stay together and the template finds nothing left to resize. The
augmentation pipeline takes this function's place when a config enables it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from src.contract.budget import PixelBudget
from src.contract.images import size_issue
from src.datasets.geometry.shapes import Shape
from src.datasets.scene import Pixels, RenderedScene, Scene, SceneObject
from src.errors import RecordError
from src.images import load_rgb, read_header


def render(scene: Scene, budget: PixelBudget) -> RenderedScene:
    """Decode the scene's pictures and fit them to the budget; shapes are scaled along.

    `ImageError` for a bad picture, `RecordError` when the first picture's size is not the record's.
    """
    pixels = tuple(_fitted(path, budget) for path in scene.pictures)
    objects = scene.objects
    if pixels:
        path, (width, height), picture = scene.pictures[0], *pixels[0]
        if scene.width and (width, height) != (scene.width, scene.height):
            said = (scene.width, scene.height)
            raise RecordError(size_issue(scene.source, said, path, (width, height)))
        objects = scaled_objects(objects, picture.shape[1] / width, picture.shape[0] / height)
    return RenderedScene(
        pixels=tuple(picture for _, picture in pixels),
        objects=objects,
        summary=scene.summary,
        messages=scene.messages,
        source=scene.source,
    )


def blank(scene: Scene, budget: PixelBudget) -> RenderedScene:
    """The scene as `render` would shape it, over pixels that take no memory: for lengths, not for training."""
    sizes = [budget.fit(scene.width, scene.height)] if scene.pictures else []
    sizes += [budget.fit(*_header_size(path)) for path in scene.pictures[1:]]
    objects = scene.objects
    if sizes and scene.width:
        objects = scaled_objects(objects, sizes[0][0] / scene.width, sizes[0][1] / scene.height)
    return RenderedScene(
        pixels=tuple(np.broadcast_to(np.uint8(0), (height, width, 3)) for width, height in sizes),
        objects=objects,
        summary=scene.summary,
        messages=scene.messages,
        source=scene.source,
    )


def scaled_objects(
    objects: tuple[SceneObject, ...], scale_x: float, scale_y: float
) -> tuple[SceneObject, ...]:
    """The objects on a picture resized by the two factors (pixel edges: plain multiplication)."""
    if scale_x == 1.0 and scale_y == 1.0:
        return objects
    scale = np.array([scale_x, scale_y])
    return tuple(
        SceneObject(
            desc=item.desc,
            shape=Shape(item.shape.object_id, item.shape.kind, item.shape.points * scale),
        )
        for item in objects
    )


def _fitted(path: Path, budget: PixelBudget) -> tuple[tuple[int, int], Pixels]:
    """((width, height) as decoded, pixels on the grid); Pillow's bicubic filter, as Qwen's own preprocessing."""
    raw = load_rgb(path)
    height, width = raw.shape[:2]
    fitted = budget.fit(width, height)
    if fitted == (width, height):
        return (width, height), raw
    resized = Image.fromarray(raw).resize(fitted, Image.Resampling.BICUBIC)
    return (width, height), np.asarray(resized)


def _header_size(path: Path) -> tuple[int, int]:
    return read_header(path).upright_size
