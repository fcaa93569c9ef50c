"""Affine maps of the plane as 3x3 float64 matrices, in the pixel-edge convention: a 640-wide picture spans 0..640.

A matrix maps column vectors (x, y, 1) from one picture to another; `b @ a` is first a, then b. Angles are in degrees, positive
clockwise on screen (y down).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from src.datasets.geometry.shapes import Points

Matrix = NDArray[np.float64]
Corners = list[tuple[float, float]]
TOLERANCE = 1e-9


def affine(a: float, b: float, c: float, d: float, e: float, f: float) -> Matrix:
    """x' = a x + b y + c, y' = d x + e y + f."""
    return np.array([[a, b, c], [d, e, f], [0.0, 0.0, 1.0]])


def identity() -> Matrix:
    return affine(1, 0, 0, 0, 1, 0)


def translation(dx: float, dy: float) -> Matrix:
    return affine(1, 0, dx, 0, 1, dy)


def scaling(sx: float, sy: float, cx: float = 0.0, cy: float = 0.0) -> Matrix:
    """Scaling about (cx, cy)."""
    return affine(sx, 0, cx - sx * cx, 0, sy, cy - sy * cy)


def rotation(degrees: float, cx: float, cy: float) -> Matrix:
    """Rotation about (cx, cy); multiples of 90 degrees have exact entries."""
    cos, sin = _cos_sin(degrees)
    return affine(
        cos, -sin, cx - cos * cx + sin * cy, sin, cos, cy - sin * cx - cos * cy
    )  # fmt: skip


def _cos_sin(degrees: float) -> tuple[float, float]:
    quarters, rest = divmod(degrees, 90.0)
    if rest == 0.0:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarters) % 4]
    angle = math.radians(degrees)
    return math.cos(angle), math.sin(angle)


def shearing(x_degrees: float, y_degrees: float, cx: float, cy: float) -> Matrix:
    """x grows by tan(x_degrees) per unit of y and y by tan(y_degrees) per unit of x, about (cx, cy)."""
    kx, ky = math.tan(math.radians(x_degrees)), math.tan(math.radians(y_degrees))
    return affine(1, kx, -kx * cy, ky, 1, -ky * cx)


def horizontal_flip(width: float) -> Matrix:
    return affine(-1, 0, width, 0, 1, 0)


def vertical_flip(height: float) -> Matrix:
    return affine(1, 0, 0, 0, -1, height)


def quarter_turns(turns: int, width: int, height: int) -> tuple[Matrix, tuple[int, int]]:
    """Clockwise quarter turns of a width x height picture: the matrix and the new (width, height)."""
    matrix, size = identity(), (width, height)
    for _ in range(turns % 4):
        matrix = affine(0, -1, size[1], 1, 0, 0) @ matrix
        size = (size[1], size[0])
    return matrix, size


def upright(orientation: int, width: int, height: int) -> Matrix:
    """Stored width x height picture -> upright picture for an EXIF orientation (TIFF 6.0, tag 274)."""
    matrix = affine(0, 1, 0, 1, 0, 0) if orientation >= 5 else identity()
    if orientation >= 5:
        width, height = height, width
    if orientation in (2, 3, 6, 7):
        matrix = horizontal_flip(width) @ matrix
    if orientation in (3, 4, 7, 8):
        matrix = vertical_flip(height) @ matrix
    return matrix


def transform_points(points: Points, matrix: Matrix) -> Points:
    """(N, 2) points through the map."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def inverse(matrix: Matrix) -> Matrix:
    """The inverse map; the linear part must not be singular."""
    (a, b, c), (d, e, f) = matrix[0].tolist(), matrix[1].tolist()
    det = a * e - b * d
    assert det != 0.0, "a map without inverse"
    return affine(
        e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det
    )


def to_pixel_centres(matrix: Matrix) -> Matrix:
    """The same map for libraries whose integer coordinates are pixel centres (OpenCV, Pillow's inverse maps): 2x3."""
    half = 0.5
    result = matrix[:2].copy()
    result[:, 2] += half * (matrix[:2, 0] + matrix[:2, 1]) - half
    return result


def is_axis_aligned(matrix: Matrix) -> bool:
    """Whether boxes stay boxes: the linear part is diagonal or anti-diagonal."""
    (a, b), (d, e) = matrix[0, :2].tolist(), matrix[1, :2].tolist()
    tolerance = TOLERANCE * max(abs(a), abs(b), abs(d), abs(e))
    diagonal: bool = abs(b) <= tolerance and abs(d) <= tolerance
    crossed: bool = abs(a) <= tolerance and abs(e) <= tolerance
    return diagonal or crossed


def largest_scale(matrix: Matrix) -> float:
    """The largest factor by which the map stretches a length (its largest singular value)."""
    (a, b), (d, e) = matrix[0, :2].tolist(), matrix[1, :2].tolist()
    total = a * a + b * b + d * d + e * e
    det = a * e - b * d
    return math.sqrt((total + math.sqrt(max(0.0, total * total - 4 * det * det))) / 2)


def grid_map(matrix: Matrix) -> tuple[int, ...] | None:
    """(a, b, c, d, e, f) as integers when the map sends the pixel grid onto itself (flips, quarter turns, whole shifts)."""
    values = matrix[:2].ravel().tolist()
    whole = [round(value) for value in values]
    if any(abs(value - near) > TOLERANCE for value, near in zip(values, whole, strict=True)):
        return None
    a, b, _, d, e, _ = whole
    if sorted((abs(a), abs(b))) != [0, 1] or (abs(d), abs(e)) != (abs(b), abs(a)):
        return None
    return tuple(whole)


def rectangle(width: float, height: float, x: float = 0.0, y: float = 0.0) -> Corners:
    """The corners of a rectangle, clockwise on screen from the top left."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
