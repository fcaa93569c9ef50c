"""No draw outgrows its bounds; where ops decide sizes exactly, the bounds are exact.

Catches: an op that makes pictures or objects longer than the data plan was told. Planted: a bound that forgets rotation.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from src.contract.budget import CELL, PixelBudget
from src.datasets.augmentation import canvas_bounds as module
from src.datasets.augmentation.bounds import OutputBounds
from src.datasets.augmentation.builder import make_pipeline
from src.datasets.augmentation.canvas_bounds import RULES
from src.datasets.augmentation.config import AugmentationConfig, OpSpec, Phase
from src.datasets.augmentation.ops.registry import OPS
from src.datasets.augmentation.pipeline import DrawKey, emitted
from src.datasets.geometry.shapes import Shape
from src.datasets.scene import SceneObject
from tests.augmentation_cases import CASES, GEOMETRIC

LARGE = PixelBudget(max_pixels=2_000_000)
TIGHT = PixelBudget(min_pixels=4096, max_pixels=60_000)
# Beside the cases: wide ranges, small grids, crops that cannot be refused, caps that bind.
WIDE: dict[str, dict] = {
    "rotate": {"prob": 1.0, "max_degrees": 180.0, "expand": True},
    "scale": {"prob": 1.0, "lo": 0.5, "hi": 2.0},
    "shear": {"prob": 1.0, "max_x_degrees": 50.0, "max_y_degrees": 20.0},
    "translate": {"prob": 1.0, "x": [-0.6, 0.6], "y": [-0.6, 0.6]},
    "expand_to_fit_affine": {"max_pixels": 900_000, "multiple": 7},
    "resize_by_scale": {"prob": 0.5, "lo": 0.3, "hi": 2.5, "align_multiple": 5},
    "pad_to_multiple": {"multiple": 50},
    "resize_to_budget": {"min_pixels": 30_000, "max_pixels": 400_000},
    "random_crop": {"area": [0.1, 0.5], "aspect": [0.5, 2.0], "min_objects": 0},
    "roi_crop": {"prob": 1.0, "min_crop_size": 16},
}


def star(rng, width, height, index) -> SceneObject:
    """A box, a concave polygon that often crosses the border region, a triangle, or a zigzag line."""
    kind = ("bbox_2d", "poly", "poly", "line")[index % 4]
    count = {0: 2, 1: int(rng.integers(5, 16)), 2: 3, 3: int(rng.integers(2, 9))}[index % 4]
    if kind == "poly":
        angles = np.sort(rng.uniform(0, 2 * np.pi, count))
        radii = rng.uniform(0.05, 0.5, (count, 1))
        points = 0.5 + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        points = np.sort(rng.random((2, 2)), axis=0) if count == 2 else rng.random((count, 2))
    return SceneObject(desc=f"thing {index}", shape=Shape(index, kind, points * (width, height)))


def random_pipeline(rng, budget, **options):
    names = rng.permutation(GEOMETRIC)[: rng.integers(1, 6)].tolist()
    ops = tuple(
        OpSpec(name=name, params=WIDE[name] if name in WIDE and rng.random() < 0.5 else CASES[name])
        for name in names
    )
    config = AugmentationConfig(enabled=True, ops=ops, min_visible=0.0, **options)
    return make_pipeline(config, seed=int(rng.integers(1000)), budget=budget, total_steps=100)


def excesses(pipeline, width, height, objects, rows, is_simple=True) -> list[str]:
    """What `rows` draws make larger than the bounds say."""
    bounds = OutputBounds(pipeline)
    limit = bounds.cells_of(width, height)
    shapes = {
        item.shape.object_id: bounds.shape(
            item.shape.kind, len(item.shape.points), is_simple=is_simple
        )
        for item in objects
    }
    found = []
    for row in range(rows):
        stage = pipeline.curriculum.at(row % 100)
        key = DrawKey(0, 0, row, row % 100)
        state, trace = pipeline.plan(width, height, objects, key, stage)
        cells = state.width * state.height // CELL**2
        if cells > limit:
            found.append(f"row {row}: {cells} cells, bound {limit}")
        sources = {kept.object_id: kept.source_id for kept in trace.kept}
        parts, totals = Counter(), defaultdict(int)
        for item in emitted(state, pipeline.emission):
            limits = shapes[sources[item.shape.object_id]]
            count = len(item.shape.points)
            parts[item.shape.object_id] += 1
            totals[item.shape.object_id] += count
            kinds = (limits.kind, "bbox_2d") if limits.kind == "poly" else (limits.kind,)
            if item.shape.kind not in kinds or count > limits.vertices:
                found.append(f"row {row}: {item.shape.kind} of {count}, bound {limits}")
        for name, source in sources.items():
            limits = shapes[source]
            if parts[name] > limits.parts or totals[name] > limits.total_vertices:
                found.append(f"row {row}: {parts[name]} parts, {totals[name]} vertices: {limits}")
        if sum(name != source for name, source in sources.items()) > bounds.num_pasted:
            found.append(f"row {row}: more copies than {bounds.num_pasted}")
    return found


@pytest.mark.parametrize("case", range(60))
def test_no_draw_exceeds_the_bounds(case):
    rng = np.random.default_rng(case)
    pipeline = random_pipeline(
        rng,
        (LARGE, TIGHT)[case % 2],
        parts=("largest", "split")[case // 2 % 2],
        rotated_box=("poly", "bbox")[case // 4 % 2],
        max_poly_vertices=(None, 6)[case // 8 % 2],
    )
    for _ in range(4):
        width, height = (int(side) for side in np.exp(rng.uniform(np.log(40), np.log(1500), 2)))
        objects = tuple(star(rng, width, height, index) for index in range(8))
        assert not excesses(pipeline, width, height, objects, 12)


@pytest.mark.parametrize("case", range(20))
def test_polygons_that_cross_themselves_have_bounds_of_their_own(case):
    rng = np.random.default_rng(case)
    pipeline = random_pipeline(rng, LARGE, parts=("largest", "split")[case % 2])
    objects = tuple(
        SceneObject(desc="knot", shape=Shape(number, "poly", rng.random((count, 2)) * (400, 300)))
        for number, count in enumerate(rng.integers(4, 13, 6).tolist())
    )
    assert not excesses(pipeline, 400, 300, objects, 20, is_simple=False)


@pytest.mark.parametrize(
    "ops",
    [
        ("hflip", "vflip", "color_jitter"),
        ("rot90", "hflip"),
        ("pad_to_multiple",),
        ("resize_to_budget", "hflip"),
        ("expand_to_fit_affine",),
    ],
)
@pytest.mark.parametrize("budget", [LARGE, TIGHT])
def test_bounds_are_exact_where_sizes_do_not_vary(ops, budget):
    config = AugmentationConfig(
        enabled=True, ops=tuple(OpSpec(name=name, params=CASES[name]) for name in ops)
    )
    pipeline = make_pipeline(config, seed=3, budget=budget, total_steps=1)
    bounds = OutputBounds(pipeline)
    rng = np.random.default_rng(4)
    for width, height in rng.integers(33, 1500, (200, 2)).tolist():
        seen = {
            pipeline.plan(width, height, (), DrawKey(0, 0, row), pipeline.curriculum.at(0))[0].size
            for row in range(6)
        }
        assert max(w * h for w, h in seen) == bounds.cells_of(width, height) * CELL**2


def test_bounds_of_turned_and_cropped_pictures_are_near_what_is_drawn():
    """A turn by up to 25 degrees with an expanded canvas, then a crop that may be refused: at most 10 % above the largest."""
    ops = (
        OpSpec(name="rotate", params={"max_degrees": 25.0, "prob": 1.0, "expand": True}),
        OpSpec(name="random_crop", params={"area": [0.7, 1.0]}),
    )
    config = AugmentationConfig(enabled=True, ops=ops)
    pipeline = make_pipeline(config, seed=3, budget=LARGE, total_steps=1)
    for width, height in ((640, 480), (480, 640), (1000, 300)):
        seen = []
        for row in range(300):
            key = DrawKey(0, 0, row)
            state, _ = pipeline.plan(width, height, (), key, pipeline.curriculum.at(0))
            seen.append(state.width * state.height / CELL**2)
        assert max(seen) <= OutputBounds(pipeline).cells_of(width, height) <= 1.1 * max(seen)


def test_later_stages_and_bypassed_samples_count():
    ops = (OpSpec(name="resize_by_scale", params={"lo": 0.5, "hi": 0.5}),)
    phase = Phase(until_percent=50, ops={"resize_by_scale": {"hi": 2.0}})
    budget = LARGE

    def bound(**options):
        config = AugmentationConfig(enabled=True, ops=ops, **options)
        pipeline = make_pipeline(config, seed=1, budget=budget, total_steps=10)
        return OutputBounds(pipeline).cells_of(320, 320)

    assert bound() == 25
    assert bound(bypass_prob=0.1) == 100
    assert bound(curriculum=(phase,)) >= 400


def test_every_op_has_a_rule():
    assert set(RULES) | {"rot90"} == set(OPS)


def test_many_pictures_at_once_agree_with_one():
    rng = np.random.default_rng(5)
    widths, heights = rng.integers(33, 2000, (2, 50))
    for case in range(20):
        bounds = OutputBounds(random_pipeline(np.random.default_rng(case), TIGHT))
        together = bounds.cells(widths, heights)
        single = [bounds.cells_of(w, h) for w, h in zip(widths, heights, strict=True)]
        assert (together >= single).all()
        assert together.dtype == np.int64


def test_a_planted_bound_without_rotation_is_seen(monkeypatch):
    monkeypatch.setattr(module, "RULES", {**RULES, "rotate": None})
    config = AugmentationConfig(
        enabled=True, ops=(OpSpec(name="rotate", params=WIDE["rotate"]),), min_visible=0.0
    )
    pipeline = make_pipeline(config, seed=3, budget=LARGE, total_steps=1)
    assert excesses(pipeline, 640, 480, (), 5)
