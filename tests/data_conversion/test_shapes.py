"""The steps on shapes: each changes what it says, and says what it changes."""

import math

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from data_conversion.pipeline.merge_parts import merge_parts
from data_conversion.pipeline.shapes import ShapeOptions, fit_shapes, scale_points
from src.datasets.geometry.clip import area_of
from tests.data_conversion.made_exports import SQUARE, box, image, line, poly

SIZE = (100, 80)
SMALL = (50.0, 50.0, 56.0, 50.0, 56.0, 56.0, 50.0, 56.0)


def fitted(*objects, **options):
    raw, findings = fit_shapes(image("a.jpg", *objects), SIZE, ShapeOptions(**options))
    return raw.objects, [(f.kind, f.rule) for f in findings], findings


def test_what_fits_is_left_alone_to_the_bit():
    given_objects = (poly(SQUARE), box(0, 0, 100, 80), line(0, 0, 100, 80))
    objects, rules, _ = fitted(*given_objects, max_vertices=4, min_area=1.0)
    assert (objects, rules) == (given_objects, [])


def test_shapes_are_clipped_exactly_or_dropped():
    objects, rules, _ = fitted(
        box(-5, 10, 20, 90),
        poly((90, 10, 110, 10, 110, 30, 90, 30), index=1),
        line(-10, 40, 50, 40, index=2),
        box(200, 0, 210, 9, index=3),
        poly((5, 5, 9, 9, 7, 7), index=4),
        line(3, 3, 3, 3, index=5),
        poly((math.nan, 0, 5, 5, 0, 9), index=6),
    )
    assert [item.points for item in objects] == [
        (0, 10, 20, 80),
        (90, 10, 100, 10, 100, 30, 90, 30),
        (0, 40, 50, 40),
    ]
    assert rules == [
        ("fixed", "clipped"),
        ("fixed", "clipped"),
        ("fixed", "clipped"),
        ("dropped", "outside-picture"),
        ("dropped", "degenerate"),
        ("dropped", "degenerate"),
        ("dropped", "not-finite"),
    ]


def test_a_box_is_that_of_the_visible_part():
    corner = poly((-60, 100, 40, 0, 60, 20, -40, 120))
    objects, rules, _ = fitted(corner, geometry="bbox")
    assert objects[0].points == (0, 0, 60, 80)
    assert (objects[0].kind, rules) == ("bbox_2d", [("fixed", "clipped")])
    two = poly((90, 10, 120, 10, 120, 30, 90, 30), (-90, 40, 10, 40, 10, 50, -90, 50))
    assert fitted(two, geometry="bbox")[0][0].points == (0, 10, 100, 50)


def test_a_line_that_leaves_and_comes_back_keeps_its_longest_part():
    objects, rules, _ = fitted(line(10, 70, 30, 70, 30, 120, 60, 120, 60, 70, 99, 70))
    assert rules == [("fixed", "line-parts")]
    assert objects[0].points == (60, 80, 60, 70, 99, 70)


def test_pieces_by_policy():
    two = poly(SMALL, SQUARE)
    largest, rules, findings = fitted(two)
    assert (largest[0].points, rules) == (SQUARE, [("fixed", "parts-largest")])
    assert findings[0].result == f"{400 / 436:.1%} of their area"
    pieces, rules, _ = fitted(two, parts="split")
    assert [item.points for item in pieces] == [SMALL, SQUARE]
    assert [item.index for item in pieces] == [0, 0]
    assert rules == [("fixed", "parts-split")]
    (merged,), rules, _ = fitted(two, parts="merge")
    assert rules == [("fixed", "parts-merged")]
    assert len(merged.points) == 2 * (4 + 4 + 2)


def test_a_box_of_pieces_is_around_all_of_them():
    objects, rules, _ = fitted(poly(SMALL, SQUARE), geometry="bbox")
    assert [(o.kind, o.points) for o in objects] == [("bbox_2d", (10, 10, 56, 56))]
    assert rules == [("fixed", "parts-boxed")]
    objects, _, _ = fitted(poly(SMALL, SQUARE), geometry="bbox", parts="split")
    assert [o.points for o in objects] == [(50, 50, 56, 56), (10, 10, 30, 30)]


def test_a_polygon_that_the_edge_cuts_in_two_follows_the_policy():
    u_shape = (10, 60, 20, 60, 20, 90, 70, 90, 70, 60, 90, 60, 90, 95, 10, 95)
    (kept,), rules, _ = fitted(poly(u_shape))
    assert kept.points == (70, 60, 90, 60, 90, 80, 70, 80)
    assert rules == [("fixed", "clipped"), ("fixed", "parts-largest")]
    assert len(fitted(poly(u_shape), parts="split")[0]) == 2


def test_small_areas_go_but_lines_have_none():
    objects, rules, findings = fitted(box(0, 0, 3, 3), poly(SMALL), line(1, 1, 2, 2), min_area=10.0)
    assert [item.kind for item in objects] == ["poly", "line"]
    assert rules == [("dropped", "min-area")]
    assert findings[0].got == "9 square pixels"


def test_the_cap_states_vertices_and_overlap():
    circle = [
        value
        for step in range(64)
        for value in (
            50 + 30 * math.cos(step / 64 * math.tau),
            40 + 30 * math.sin(step / 64 * math.tau),
        )
    ]
    (capped,), rules, findings = fitted(poly(circle), max_vertices=16)
    assert len(capped.points) == 32
    assert rules == [("fixed", "vertex-cap")]
    whole, rest = shapely.Polygon(list(zip(circle[::2], circle[1::2], strict=True))), None
    rest = shapely.Polygon(list(zip(capped.points[::2], capped.points[1::2], strict=True)))
    iou = whole.intersection(rest).area / whole.union(rest).area
    assert findings[0].got == "64 vertices"
    assert findings[0].result == f"16 vertices, IoU {iou:.4f}"
    wave = [v for step in range(30) for v in (step * 3, 40 + (step % 2))]
    _, _, findings = fitted(line(*wave), max_vertices=10)
    assert findings[0].result.startswith("10 vertices, at most ")


def test_merged_pieces_are_capped_before_they_are_joined():
    def circle(x, y):
        turns = [step / 40 * math.tau for step in range(40)]
        return tuple(v for t in turns for v in (x + 9 * math.cos(t), y + 9 * math.sin(t)))

    three = poly(circle(12, 12), circle(85, 15), circle(50, 65))
    (merged,), rules, findings = fitted(three, parts="merge", max_vertices=32)
    assert rules == [("fixed", "parts-merged")]
    assert len(merged.points) <= 2 * 32
    pieces = [shapely.Polygon(list(zip(p[::2], p[1::2], strict=True))) for p in three.parts]
    area = sum(piece.area for piece in pieces)
    ring = list(zip(merged.points[::2], merged.points[1::2], strict=True))
    assert area_of(ring) > 0.85 * area
    assert float(findings[0].result.split("IoU ")[1]) > 0.85
    (kept,), rules, findings = fitted(three, parts="merge", max_vertices=12)
    assert rules == [("fixed", "parts-largest"), ("fixed", "vertex-cap")]
    assert "max_vertices (12) is too small" in findings[0].message
    assert len(kept.points) == 2 * 12


def test_scaling_keeps_edges_on_edges():
    raw = image("a.jpg", box(0, 0, 333, 77), size=(333, 77))
    scaled = scale_points(raw, (333, 77), (320, 64))
    assert scaled.objects[0].points == (0, 0, 320, 64)


piece = st.tuples(
    st.integers(0, 60), st.integers(0, 60), st.integers(1, 9), st.integers(1, 9), st.booleans()
)


@settings(max_examples=200, deadline=None)
@given(st.lists(piece, min_size=2, max_size=6))
def test_merged_pieces_keep_their_vertices_and_area(pieces):
    parts = []
    for x, y, width, height, turned in pieces:
        path = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        parts.append([(float(a), float(b)) for a, b in (path[::-1] if turned else path)])
    merged = merge_parts(parts)
    assert set(merged) == {pair for part in parts for pair in part}
    assert len(merged) == sum(map(len, parts)) + 2 * (len(parts) - 1)
    assert area_of(merged) == pytest.approx(sum(map(area_of, parts)))
    assert merged[0] == parts[0][0]
