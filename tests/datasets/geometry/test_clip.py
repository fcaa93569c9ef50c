"""Exact clipping: area against shapely, order and start kept, concave outlines apart, lines into runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely

from src.datasets.geometry import clip
from src.datasets.geometry.clip import area_of, clip_line, clip_polygon, length_of
from src.datasets.geometry.simplify import cap_vertices

WINDOW = (20.0, 15.0, 80.0, 70.0)
C_SHAPE = [(10, 20), (90, 20), (90, 30), (30, 30), (30, 60), (90, 60), (90, 68), (10, 68)]


def star(rng, count):
    """A simple polygon, usually concave, around a random centre."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, count)) + np.arange(count) * 1e-6
    radius = rng.uniform(5, 60, count)
    centre = rng.uniform(10, 90, 2)
    points = centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return [(float(x), float(y)) for x, y in points]


def is_cyclic_subsequence(part, polygon):
    """Whether the part's original vertices come in the polygon's cyclic order."""
    order = [polygon.index(point) for point in part if point in polygon]
    turns = sum(a >= b for a, b in zip(order, order[1:] + order[:1], strict=True))
    return turns <= 1


def test_area_against_shapely_on_random_concave_polygons():
    rng = np.random.default_rng(0)
    box = shapely.box(*WINDOW)
    num_split = 0
    for _ in range(4000):
        polygon = star(rng, int(rng.integers(3, 24)))
        shape = shapely.Polygon(polygon)
        if not shape.is_valid:
            continue
        parts = clip_polygon(polygon, WINDOW)
        want = shape.intersection(box)
        assert abs(sum(map(area_of, parts)) - want.area) < 1e-6
        pieces = [p for p in shapely.get_parts(want) if p.geom_type == "Polygon" and p.area > 1e-9]
        assert len([p for p in parts if area_of(p) > 1e-9]) == len(pieces)
        num_split += len(pieces) > 1
        for part in parts:
            assert is_cyclic_subsequence(part, polygon)
            assert all(
                WINDOW[0] - 1e-9 <= x <= WINDOW[2] + 1e-9
                and WINDOW[1] - 1e-9 <= y <= WINDOW[3] + 1e-9
                for x, y in part
            )
    assert num_split > 100


def test_a_c_shape_falls_into_its_two_arms():
    window = (40.0, 0.0, 100.0, 100.0)
    parts = clip_polygon([(float(x), float(y)) for x, y in C_SHAPE], window)
    assert [area_of(part) for part in parts] == [500.0, 400.0]
    assert parts[0][0] == (90, 20)


def test_a_planted_join_of_the_parts_is_seen(monkeypatch):
    def joined(chains, follower):
        return [[point for chain in chains for point in chain]]

    monkeypatch.setattr(clip, "_joined", joined)
    parts = clip_polygon([(float(x), float(y)) for x, y in C_SHAPE], (40.0, 0.0, 100.0, 100.0))
    assert len(parts) == 1


def test_inside_is_untouched_and_outside_is_nothing():
    inside = [(30.0, 30.0), (40.0, 30.0), (35.0, 50.0)]
    assert clip_polygon(inside, WINDOW) == [inside]
    assert clip_polygon([(0.0, 0.0), (10.0, 0.0), (5.0, 9.0)], WINDOW) == []
    touching = [(0.0, 20.0), (20.0, 20.0), (20.0, 40.0), (0.0, 40.0)]
    assert clip_polygon(touching, WINDOW) == []


def test_self_intersecting_polygons_are_cut_without_leaving_the_window():
    rng = np.random.default_rng(5)
    num_parts = 0
    for _ in range(1000):
        polygon = [
            (float(x), float(y)) for x, y in rng.uniform(0, 100, (int(rng.integers(4, 12)), 2))
        ]
        for part in clip_polygon(polygon, WINDOW):
            num_parts += 1
            assert min(x for x, _ in part) >= WINDOW[0] - 1e-9
            assert max(y for _, y in part) <= WINDOW[3] + 1e-9
    assert num_parts > 900


def test_lines_against_shapely():
    rng = np.random.default_rng(1)
    box = shapely.box(*WINDOW)
    for _ in range(2000):
        line = [(float(x), float(y)) for x, y in rng.uniform(0, 100, (int(rng.integers(2, 12)), 2))]
        runs = clip_line(line, WINDOW)
        # shapely dissolves self-crossings of a whole line, so segments are compared one by one
        want = sum(shapely.LineString(pair).intersection(box).length for pair in pairwise(line))
        assert sum(map(length_of, runs)) == pytest.approx(want, abs=1e-9)
        assert [p for run in runs for p in run if p in line] == [
            p for p in line if WINDOW[0] <= p[0] <= WINDOW[2] and WINDOW[1] <= p[1] <= WINDOW[3]
        ]


def test_a_line_that_leaves_and_returns_is_two_runs():
    line = [(30.0, 30.0), (100.0, 30.0), (100.0, 50.0), (30.0, 50.0)]
    assert clip_line(line, WINDOW) == [
        [(30.0, 30.0), (80.0, 30.0)],
        [(80.0, 50.0), (30.0, 50.0)],
    ]


def test_the_vertex_cap_keeps_shape_and_order():
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = [(float(50 + 40 * np.cos(a)), float(50 + 40 * np.sin(a))) for a in angles]
    capped = cap_vertices(circle, 20, closed=True)
    assert len(capped) == 20
    assert [circle.index(p) for p in capped] == sorted(circle.index(p) for p in capped)
    first, second = shapely.Polygon(circle), shapely.Polygon(capped)
    assert first.intersection(second).area / first.union(second).area > 0.95
    line = circle[:50]
    assert cap_vertices(line, 5, closed=False)[0] == line[0]
    assert cap_vertices(line, 5, closed=False)[-1] == line[-1]
    assert cap_vertices(line, 80, closed=False) == line
