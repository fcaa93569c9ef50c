"""Shapes as annotation tools store them, as the contract's kinds: each returns the parts, empty with a note for what is no shape.

Pixel-edge convention throughout; angles in degrees, clockwise on the screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.outlines import mask_outlines
from data_conversion.pipeline.raw import Points
from src.contract.records import GeometryKind

Parts = tuple[Points, ...]
Shape = tuple[GeometryKind, Parts]
ELLIPSE_VERTICES = 36
FEWEST_VERTICES = {"poly": 3, "line": 2}


def box(x1: float, y1: float, x2: float, y2: float, notes: Notes) -> Shape | None:
    """An axis-aligned box; corners in the other order are turned and noted, a box without area is dropped."""
    got = f"{x1:g} {y1:g} {x2:g} {y2:g}"
    if x1 == x2 or y1 == y2:
        notes.add("dropped", "degenerate", "the box has no area", got)
        return None
    points = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    if points != (x1, y1, x2, y2):
        notes.add(
            "fixed",
            "corners-swapped",
            "the box's corners were given in the other order",
            got,
            " ".join(f"{value:g}" for value in points),
        )
    return "bbox_2d", (points,)


def rotated_box(
    corners: tuple[float, float, float, float],
    degrees: float,
    about: tuple[float, float],
    notes: Notes,
) -> Shape | None:
    """The polygon of a box that is turned about a point; vertices run from its own top left corner, clockwise.

    Without a rotation it stays a box.
    """
    if degrees % 360 == 0:
        return box(*corners, notes)
    x1, y1, x2, y2 = corners
    if x1 == x2 or y1 == y2:
        notes.add("dropped", "degenerate", "the box has no area", f"{x1:g} {y1:g} {x2:g} {y2:g}")
        return None
    square = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
    return "poly", (_flat(_turned(square, degrees, about)),)


def ellipse(
    centre: tuple[float, float], radii: tuple[float, float], degrees: float, notes: Notes
) -> Shape | None:
    """A polygon of 36 vertices on the ellipse (its area is 0.5 % less), from the end of the first radius, clockwise."""
    if min(radii) <= 0:
        notes.add("dropped", "degenerate", "the ellipse has no area", radii)
        return None
    angles = np.arange(ELLIPSE_VERTICES) * (2 * math.pi / ELLIPSE_VERTICES)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii + centre
    notes.add(
        "fixed",
        "ellipse-polygon",
        "a circle or ellipse became a polygon",
        f"centre {centre[0]:g} {centre[1]:g}, radii {radii[0]:g} {radii[1]:g}",
        f"{ELLIPSE_VERTICES} vertices",
    )
    return "poly", (_flat(_turned(points, degrees, centre)),)


def path(kind: GeometryKind, pairs: Sequence[tuple[float, float]], notes: Notes) -> Shape | None:
    """A polygon or line through `pairs`; with too few of them it is dropped."""
    if len(pairs) < FEWEST_VERTICES[kind]:
        notes.add("dropped", "point-number", "the shape has too few points", f"{len(pairs)} points")
        return None
    return kind, (tuple(value for pair in pairs for value in pair),)


def mask(pixels: NDArray[np.bool_], left: int, top: int, notes: Notes) -> Shape | None:
    """The outlines of a mask (height, width) whose first pixel is at column `left` and row `top`; holes are filled and noted."""
    outlines = mask_outlines(pixels, left, top)
    if not outlines.parts:
        notes.add("dropped", "mask-empty", "the mask has no pixel")
        return None
    if outlines.filled_share:
        notes.add(
            "fixed",
            "holes-filled",
            "holes of the mask were filled",
            result=f"{outlines.filled_share:.2%} of the outline",
        )
    return "poly", outlines.parts


def _turned(
    points: NDArray[np.float64], degrees: float, about: tuple[float, float]
) -> NDArray[np.float64]:
    quarters, rest = divmod(degrees, 90.0)
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    if rest == 0.0:  # exact
        cos, sin = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarters) % 4]
    turned: NDArray[np.float64] = (points - about) @ np.array([[cos, sin], [-sin, cos]]) + about
    return turned


def _flat(points: NDArray[np.float64]) -> Points:
    return tuple(points.ravel().tolist())
