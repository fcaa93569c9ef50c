"""Compose one scene: a textured background with handwritten digits (boxes), rotated cards (polygons) and wires (lines).

Coordinates are pixel edges. A scene is a pure function of (seed, split, number). Cost: about 1 ms a scene of 128 px.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from public_data.scenes.digits import NAMES, DigitSet
from src.contract.records import ObjectAnnotation
from src.rng import generator

Pixels = NDArray[np.uint8]
CARD_COLOURS = {
    "red": (215, 40, 40),
    "green": (40, 170, 60),
    "blue": (45, 75, 220),
    "yellow": (235, 205, 40),
}
WIRE_COLOURS = {"black": (15, 15, 15), "white": (245, 245, 245)}
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOptions:
    """What scenes look like: side in pixels, number of objects, and how often each kind is drawn."""

    size: int = 128
    min_objects: int = 1
    max_objects: int = 3
    digit_share: float = 0.5
    card_share: float = 0.35
    min_extent: float = 0.25
    max_extent: float = 0.45
    grid: int = 1


def compose(
    options: SceneOptions, digits: DigitSet, seed: int, split: str, number: int
) -> tuple[Pixels, tuple[ObjectAnnotation, ...]]:
    """RGB uint8 (size, size, 3) and its objects, in drawing order."""
    rng = generator(seed, "scene", split, number)
    canvas = _background(options.size, rng)
    objects: list[ObjectAnnotation] = []
    taken: list[tuple[float, float, float, float]] = []
    wanted = int(rng.integers(options.min_objects, options.max_objects + 1))
    for _ in range(wanted):
        box = _free_box(options, rng, taken)
        if box is None:
            break
        kind = rng.random()
        if kind < options.digit_share:
            item = _digit(canvas, box, digits, rng)
        elif kind < options.digit_share + options.card_share:
            item = _card(canvas, box, rng)
        else:
            item = _wire(canvas, box, rng)
        objects.append(item)
        taken.append(box)
    return np.clip(canvas, 0, 255).astype(np.uint8), tuple(objects)


def _background(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth mid-grey texture with fine noise; neither ink-dark nor wire-white."""
    coarse = rng.uniform(105, 165, (5, 5, 3)).astype(np.float32)
    coarse = coarse.mean(axis=2, keepdims=True) * 0.7 + coarse * 0.3
    smooth = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    background: NDArray[np.float32] = smooth + rng.normal(0, 5, (size, size, 1)).astype(np.float32)
    return background


def _free_box(
    options: SceneOptions,
    rng: np.random.Generator,
    taken: list[tuple[float, float, float, float]],
) -> tuple[float, float, float, float] | None:
    """A square place of the wanted extent that touches no other; None when 30 tries find none."""
    gap = 0.03 * options.size
    for _ in range(30):
        side = rng.uniform(options.min_extent, options.max_extent) * options.size
        x, y = rng.uniform(1, options.size - side - 1, 2)
        if options.grid > 1:
            side = max(1, round(side / options.grid)) * options.grid
            x, y = np.clip(
                np.round(np.array([x, y]) / options.grid) * options.grid, 0, options.size - side
            )
        if all(
            x > right + gap or x + side + gap < left or y > bottom + gap or y + side + gap < top
            for left, top, right, bottom in taken
        ):
            return float(x), float(y), float(x + side), float(y + side)
    return None


def _digit(
    canvas: NDArray[np.float32],
    box: tuple[float, float, float, float],
    digits: DigitSet,
    rng: np.random.Generator,
) -> ObjectAnnotation:
    """Ink of one handwritten digit; the box is tight around pixels at least 30 % inked."""
    choice = int(rng.integers(len(digits.labels)))
    left, top = round(box[0]), round(box[1])
    side = min(round(box[2] - box[0]), canvas.shape[0] - max(left, top))
    ink = cv2.resize(digits.pictures[choice], (side, side), interpolation=cv2.INTER_CUBIC)
    ink = np.clip(ink * 1.3, 0, 1)[..., None]
    colour = np.array(rng.uniform(0, 60, 3), dtype=np.float32)
    patch = canvas[top : top + side, left : left + side]
    patch[:] = patch * (1 - ink) + colour * ink
    rows, columns = np.nonzero(ink[..., 0] >= 0.3)
    return ObjectAnnotation(
        desc=f"digit {NAMES[int(digits.labels[choice])]}",
        kind="bbox_2d",
        points=(
            float(left + columns.min()),
            float(top + rows.min()),
            float(left + columns.max() + 1),
            float(top + rows.max() + 1),
        ),
    )


def _card(
    canvas: NDArray[np.float32],
    box: tuple[float, float, float, float],
    rng: np.random.Generator,
) -> ObjectAnnotation:
    """A rotated rectangle that stays inside its place."""
    name = list(CARD_COLOURS)[int(rng.integers(len(CARD_COLOURS)))]
    angle = np.deg2rad(rng.uniform(-25, 25))
    aspect = rng.uniform(0.55, 1.0)
    half = np.array([1.0, aspect]) if rng.random() < 0.5 else np.array([aspect, 1.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turn.T
    centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    points = centre + corners * ((box[2] - box[0]) / 2 / np.abs(corners).max())
    points = np.round(points, 2)
    shade = rng.uniform(0.85, 1.1)
    colour = tuple(min(255.0, value * shade) for value in CARD_COLOURS[name])
    cv2.fillPoly(canvas, [_drawn(points)], colour, lineType=cv2.LINE_8, shift=SHIFT)
    return ObjectAnnotation(
        desc=f"{name} card", kind="poly", points=tuple(float(v) for v in points.ravel())
    )


def _wire(
    canvas: NDArray[np.float32],
    box: tuple[float, float, float, float],
    rng: np.random.Generator,
) -> ObjectAnnotation:
    """A polyline of two or three points from one side of its place to the other."""
    name = list(WIRE_COLOURS)[int(rng.integers(len(WIRE_COLOURS)))]
    x1, y1, x2, y2 = box
    inner = np.array([0.08, 0.92]) if rng.random() < 0.5 else np.array([0.08, 0.5, 0.92])
    along = inner * (x2 - x1) + x1
    across = rng.uniform(y1 + 2, y2 - 2, len(inner))
    points = np.stack([along, across], axis=1)
    if rng.random() < 0.5:
        points = points[:, ::-1] - np.array([y1, x1]) + np.array([x1, y1])
    points = np.round(points, 2)
    width = max(2, round(0.025 * canvas.shape[0]))
    cv2.polylines(
        canvas,
        [_drawn(points)],
        isClosed=False,
        color=WIRE_COLOURS[name],
        thickness=width,
        shift=SHIFT,
    )
    return ObjectAnnotation(
        desc=f"{name} wire", kind="line", points=tuple(float(v) for v in points.ravel())
    )


def _drawn(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Pixel-edge points as OpenCV draws them: centres at whole numbers, `SHIFT` fractional bits."""
    return np.round((points - 0.5) * (1 << SHIFT)).astype(np.int32)
