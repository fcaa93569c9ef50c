"""D3: canonical vertex order keeps area and vertices of 10,000 random simple polygons, concave included, and is idempotent.

Catches: vertices sorted by angle, which turns a concave outline into another polygon. Planted: that very sort.
"""

from __future__ import annotations

import numpy as np

from src.datasets.geometry.canonical import canonical_line, canonical_polygon, doubled_area

NUM_POLYGONS = 10_000


def polygons(count: int):
    """Simple polygons: star-shaped outlines, turned, reversed and started anywhere; every other one a concave C."""
    rng = np.random.default_rng(0)
    c_shape = np.array([[0, 0], [9, 0], [9, 2], [2, 2], [2, 7], [9, 7], [9, 9], [0, 9]], float)
    for number in range(count):
        if number % 2:
            angle = rng.uniform(0, 2 * np.pi)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            points = c_shape @ turn * rng.uniform(1, 20) + rng.uniform(-50, 50, 2)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 30))))
            radius = rng.uniform(1, 40, len(angles))[:, None]
            points = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        points = np.roll(points, int(rng.integers(len(points))), axis=0)
        yield [(float(x), float(y)) for x, y in (points[::-1] if rng.random() < 0.5 else points)]


def neighbours(polygon) -> set:
    """The polygon's sides, without direction."""
    return {frozenset(side) for side in zip(polygon, polygon[1:] + polygon[:1], strict=True)}


def is_kept(polygon, ordered) -> bool:
    return sorted(ordered) == sorted(polygon) and neighbours(ordered) == neighbours(polygon)


def test_area_vertices_and_sides_are_kept_and_the_order_is_one():
    for polygon in polygons(NUM_POLYGONS):
        ordered = canonical_polygon(polygon)
        assert is_kept(polygon, ordered)
        assert abs(abs(doubled_area(ordered)) - abs(doubled_area(polygon))) < 1e-6
        assert canonical_polygon(ordered) == ordered
        assert canonical_polygon(polygon[3:] + polygon[:3]) == ordered
        assert canonical_polygon(polygon[::-1]) == ordered
        assert ordered[0] == min(ordered, key=lambda point: (point[1], point[0]))


def test_a_planted_sort_by_angle_is_seen():
    def by_angle(polygon):
        centre = np.mean(polygon, axis=0)
        return sorted(polygon, key=lambda p: np.arctan2(p[1] - centre[1], p[0] - centre[0]))

    assert not all(is_kept(polygon, by_angle(polygon)) for polygon in polygons(100))


def test_a_lines_direction_is_one_and_its_order_is_kept():
    rng = np.random.default_rng(1)
    for _ in range(1000):
        line = [(float(x), float(y)) for x, y in rng.integers(0, 20, (int(rng.integers(2, 9)), 2))]
        assert canonical_line(line) in (line, line[::-1])
        assert canonical_line(line[::-1]) == canonical_line(line)
