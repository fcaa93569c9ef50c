"""What an augmented scene promises: identity, fill, caps, clipping, visibility, wording, shared draws, replay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from PIL import Image

from src.contract.budget import PixelBudget
from src.datasets.augmentation.builder import make_pipeline
from src.datasets.augmentation.config import AugmentationConfig, OpSpec
from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.augmentation.trace import dump_trace, load_trace
from src.errors import RecordError
from src.images import load_rgb
from tests.augmentation_cases import (
    BUDGET,
    CASES,
    COLOUR,
    GEOMETRIC,
    pipeline_of,
    save_bmp,
    scene_of,
    textured,
)

WIDTH, HEIGHT = 192, 128
OBJECTS = [
    ("bbox_2d", [10, 12, 60, 50]),
    ("poly", [100, 20, 170, 20, 170, 40, 120, 40, 120, 80, 170, 80, 170, 100, 100, 100]),
    ("line", [20, 110, 90, 60, 180, 120]),
]


@pytest.fixture
def scene(tmp_path):
    pixels = textured(np.random.default_rng(4), WIDTH, HEIGHT)
    return scene_of(save_bmp(tmp_path / "a.bmp", pixels), WIDTH, HEIGHT, OBJECTS)


def custom(*specs, budget=BUDGET, **options):
    ops = tuple(OpSpec(name=name, params=params) for name, params in specs)
    config = AugmentationConfig(enabled=True, ops=ops, **options)
    return make_pipeline(config, seed=5, budget=budget, total_steps=10)


@pytest.mark.parametrize(
    "specs",
    [
        [("rotate", {"max_degrees": 0.0, "prob": 1.0})],
        [(name, {"prob": 0.0}) for name in CASES if "prob" in CASES[name]],
        [("color_jitter", {"brightness": [1, 1], "contrast": [1, 1], "saturation": [1, 1]})],
        [("expand_to_fit_affine", {"max_pixels": 2048})],
        [("resize_by_scale", {"lo": 1.0, "hi": 1.0}), ("pad_to_multiple", {})],
    ],
)
def test_an_identity_draw_leaves_pixels_and_points_bit_identical(scene, specs):
    rendered, traces = custom(*specs).apply(scene, DrawKey(0, 0, 0))
    assert (rendered.pixels[0] == load_rgb(scene.pictures[0])).all()
    assert [item.shape.flat for item in rendered.objects] == [
        item.shape.flat for item in scene.objects
    ]
    assert traces[0].padding_ratio == 0.0


def test_bypass_leaves_everything(scene):
    pipeline = custom(("rotate", {"prob": 1.0}), bypass_prob=0.5)
    traces = [pipeline.apply(scene, DrawKey(0, 0, row))[1][0] for row in range(40)]
    assert 8 < sum(trace.bypassed for trace in traces) < 32
    assert all(not trace.steps for trace in traces if trace.bypassed)


@pytest.mark.parametrize("colours", [(), ("color_jitter",), ("gamma",), COLOUR])
def test_fill_is_exactly_128_whatever_the_colours_do(scene, colours):
    names = ("rotate", "expand_to_fit_affine", *colours)
    for row in range(12):
        rendered, traces = pipeline_of(*names).apply(scene, DrawKey(0, 0, row))
        pixels = rendered.pixels[0]
        assert traces[0].padding_ratio > 0.01
        matrix = np.vstack([np.reshape(traces[0].matrix, (2, 3)), [0, 0, 1]])
        rows, columns = np.indices(pixels.shape[:2]) + 0.5
        back = np.linalg.inv(matrix) @ np.stack([columns.ravel(), rows.ravel(), np.ones(rows.size)])
        outside = (back[0] < -1.5) | (back[1] < -1.5)
        outside |= (back[0] > WIDTH + 1.5) | (back[1] > HEIGHT + 1.5)
        assert outside.sum() > 100
        assert (pixels.reshape(-1, 3)[outside] == 128).all()


def test_output_stays_within_the_caps(tmp_path):
    rng = np.random.default_rng(6)
    for row in range(60):
        width, height = (int(v) for v in rng.integers(40, 300, 2))
        path = save_bmp(tmp_path / f"{row}.bmp", textured(rng, width, height))
        scene = scene_of(path, width, height, [("bbox_2d", [1, 1, 30, 30])])
        cap = int(rng.integers(5000, 60000))
        pipeline = custom(
            ("rotate", {"prob": 1.0, "max_degrees": 45.0}),
            ("expand_to_fit_affine", {"max_pixels": cap}),
            budget=PixelBudget(min_pixels=1024, max_pixels=10**7),
        )
        state, _ = pipeline.plan(
            width, height, scene.objects, DrawKey(0, 0, row), pipeline.curriculum.at(0)
        )
        assert state.width * state.height <= max(cap, width * height)
        assert state.width % 32 == state.height % 32 == 0
        absolute = custom(("rotate", {"prob": 1.0}), budget=PixelBudget(max_pixels=20480))
        pixels = absolute.apply(scene, DrawKey(0, 0, row))[0].pixels[0]
        assert pixels.shape[0] * pixels.shape[1] <= 20480


def test_expand_never_shrinks_a_picture_that_no_op_enlarged(tmp_path):
    path = save_bmp(tmp_path / "a.bmp", textured(np.random.default_rng(0), 250, 190))
    scene = scene_of(path, 250, 190, [])
    pipeline = custom(("expand_to_fit_affine", {"max_pixels": 1024}))
    state, trace = pipeline.plan(250, 190, (), DrawKey(0, 0, 0), pipeline.curriculum.at(0))
    assert trace.steps[0].transforms == ()
    assert trace.steps[0].skipped
    assert state.source_size == scene_size(scene)


def scene_size(scene):
    return scene.width, scene.height


def test_crops_clip_exactly_and_measure_against_the_original(scene):
    pipeline = custom(
        ("rotate", {"prob": 1.0, "max_degrees": 40.0}),
        ("random_crop", {"area": [0.2, 0.6], "min_coverage": 0.0}),
        min_visible=0.0,
    )
    num_cut = 0
    for row in range(200):
        state, trace = pipeline.plan(
            WIDTH, HEIGHT, scene.objects, DrawKey(0, 0, row), pipeline.curriculum.at(0)
        )
        window = shapely.box(0, 0, *state.size)
        matrix = np.reshape(trace.matrix, (2, 3))
        # The canvas of the rotation cut too: its rectangle, seen from the crop.
        rotated = np.reshape(trace.steps[0].transforms[0].matrix, (2, 3))
        onward = matrix @ np.linalg.inv(np.vstack([rotated, [0, 0, 1]]))
        canvas = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]])
        window &= shapely.Polygon(canvas @ onward[:, :2].T + onward[:, 2])
        kept = {item.object_id: item for item in trace.kept}
        for index, item in enumerate(scene.objects[:2]):
            points = item.shape.points
            if item.shape.kind == "bbox_2d":
                (x1, y1), (x2, y2) = points
                points = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
            whole = shapely.Polygon(points @ matrix[:, :2].T + matrix[:, 2])
            parts = [p for p in shapely.get_parts(whole & window) if p.area > 1e-9]
            if index in kept:
                largest = max(part.area for part in parts)
                num_cut += kept[index].visible < 0.999
                assert kept[index].visible == pytest.approx(largest / whole.area, abs=1e-6)
            else:
                assert sum(part.area for part in parts) < 1e-6
    assert num_cut > 60


def test_visibility_is_cumulative_over_crops(scene):
    """A box cut to a half and then to a half again shows a quarter, below a floor of 0.3."""
    half = ("translate", {"prob": 1.0, "x": [-35 / WIDTH, -35 / WIDTH], "y": [0, 0]})
    down = ("shear", {"prob": 0.0})
    once = custom(half, down, min_visible=0.3).apply(scene, DrawKey(0, 0, 0))[1][0]
    assert once.kept[0].visible == pytest.approx(0.5)
    assert once.kept[0].is_partial
    twice = custom(
        (
            "translate",
            {"prob": 1.0, "x": [-35 / WIDTH, -35 / WIDTH], "y": [-31 / HEIGHT, -31 / HEIGHT]},
        ),
        min_visible=0.3,
    ).apply(scene, DrawKey(0, 0, 0))[1][0]
    assert [item.object_id for item in twice.kept] == [1, 2]
    assert twice.dropped[0].object_id == 0
    assert twice.dropped[0].fraction == pytest.approx(0.25)
    assert "below 0.3" in twice.dropped[0].reason


def test_what_was_cut_away_does_not_come_back_in_pixels(scene):
    """Crop, then turn with an expanded canvas: what the crop removed is fill, not source pixels."""
    pipeline = custom(
        ("random_crop", {"area": [0.3, 0.3], "aspect": [1, 1], "min_objects": 0}),
        ("rotate", {"prob": 1.0, "max_degrees": 30.0, "expand": True}),
        budget=PixelBudget(min_pixels=1024, max_pixels=10**7),
    )
    rendered, traces = pipeline.apply(scene, DrawKey(0, 0, 3))
    pixels = rendered.pixels[0]
    share = (pixels == 128).all(axis=2).mean()
    assert traces[0].padding_ratio > 0.1
    assert share == pytest.approx(traces[0].padding_ratio, abs=0.03)


def test_a_turned_box_becomes_a_polygon_or_its_enclosing_box(scene):
    turn = ("rotate", {"prob": 1.0, "max_degrees": 30.0, "expand": True})
    shape = custom(turn).apply(scene, DrawKey(0, 0, 0))[0].objects[0].shape
    assert (shape.kind, len(shape.points)) == ("poly", 4)
    box = custom(turn, rotated_box="bbox").apply(scene, DrawKey(0, 0, 0))[0].objects[0].shape
    assert box.kind == "bbox_2d"
    assert box.flat == pytest.approx(shape.bounds)


def test_polygons_keep_every_vertex_and_their_order_when_inside(scene):
    rendered, traces = custom(("rotate", {"prob": 1.0, "max_degrees": 30.0, "expand": True})).apply(
        scene, DrawKey(0, 0, 1)
    )
    matrix = np.reshape(traces[0].matrix, (2, 3))
    want = scene.objects[1].shape.points @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(rendered.objects[1].shape.points - want).max() < 1e-9


def test_boxes_polygons_and_lines_of_one_object_coincide(tmp_path):
    path = save_bmp(tmp_path / "a.bmp", textured(np.random.default_rng(0), WIDTH, HEIGHT))
    corners = [40.0, 30.0, 90.0, 30.0, 90.0, 70.0, 40.0, 70.0]
    scene = scene_of(
        path,
        WIDTH,
        HEIGHT,
        [("bbox_2d", [40, 30, 90, 70]), ("poly", corners), ("line", corners)],
    )
    rng = np.random.default_rng(8)
    compared = 0
    for row in range(300):
        chain = rng.permutation(GEOMETRIC)[: rng.integers(1, 6)].tolist()
        rendered, traces = pipeline_of(*chain).apply(scene, DrawKey(0, 0, row))
        kept = {item.object_id: k for k, item in enumerate(traces[0].kept)}
        if {0, 1, 2} <= set(kept) and all(traces[0].kept[kept[i]].visible == 1 for i in (0, 1, 2)):
            shapes = [rendered.objects[kept[i]].shape for i in (0, 1, 2)]
            assert np.abs(np.subtract(shapes[0].bounds, shapes[1].bounds)).max() <= 0.02
            assert np.abs(shapes[1].points - shapes[2].points).max() <= 0.02
            compared += 1
    assert compared > 80


def test_partly_shown_objects_take_the_packs_wording(scene):
    texts = ["label/complete", "card/complete", "wire/complete"]
    scene = replace(
        scene,
        objects=tuple(
            replace(item, desc=text) for item, text in zip(scene.objects, texts, strict=True)
        ),
    )
    config = AugmentationConfig(
        enabled=True,
        ops=(OpSpec(name="translate", params={"prob": 1.0, "x": [-0.1, -0.1], "y": [0, 0]}),),
    )
    pipeline = make_pipeline(
        config, seed=0, budget=BUDGET, total_steps=1, wording=("complete", "partial")
    )
    rendered, _ = pipeline.apply(scene, DrawKey(0, 0, 0))
    assert [item.desc for item in rendered.objects] == [
        "label/partial",
        "card/complete",
        "wire/complete",
    ]


def test_parts_of_a_split_object_keep_its_identity(scene):
    shift = ("translate", {"prob": 1.0, "x": [-125 / WIDTH, -125 / WIDTH], "y": [0, 0]})
    largest = custom(shift).apply(scene, DrawKey(0, 0, 0))[1][0]
    split = custom(shift, parts="split").apply(scene, DrawKey(0, 0, 0))[1][0]
    assert [item.object_id for item in largest.kept].count(1) == 1
    assert [item.object_id for item in split.kept].count(1) == 2


def test_pictures_of_one_record_share_the_draws(scene, tmp_path):
    other = save_bmp(tmp_path / "b.bmp", textured(np.random.default_rng(9), 96, 160))
    scene = replace(scene, pictures=(*scene.pictures, other), objects=(), summary="two pictures")
    _, traces = pipeline_of("hflip", "rotate", "color_jitter").apply(scene, DrawKey(0, 0, 0))
    first, second = ([step.drawn for step in trace.steps[:3]] for trace in traces)
    assert first == second
    assert traces[0].size != traces[1].size


@pytest.mark.parametrize("row", range(12))
def test_replaying_a_stored_trace_gives_the_same_sample(scene, row):
    rng = np.random.default_rng(row)
    names = rng.permutation(sorted(CASES))[:9].tolist()
    pipeline = pipeline_of(*names)
    first, traces = pipeline.apply(scene, DrawKey(1, 0, row))
    stored = tuple(load_trace(dump_trace(trace)) for trace in traces)
    again, replayed = pipeline.replay(scene, stored)
    assert (again.pixels[0] == first.pixels[0]).all()
    assert [o.shape.flat for o in again.objects] == [o.shape.flat for o in first.objects]
    assert [dump_trace(t) for t in replayed] == [dump_trace(t) for t in traces]


def test_the_pillow_fallback_paints_the_same_picture(scene):
    names = ("hflip", "rotate", "scale")
    fast = pipeline_of(*names).apply(scene, DrawKey(0, 0, 2))[0].pixels[0]
    slow = pipeline_of(*names, backend="pillow").apply(scene, DrawKey(0, 0, 2))[0].pixels[0]
    difference = np.abs(fast.astype(int) - slow)
    assert difference.mean() <= 0.5
    assert (difference > 8).mean() < 0.005


def test_exif_orientation_is_folded_into_the_warp(tmp_path):
    pixels = textured(np.random.default_rng(1), 64, 96)
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.jpg"
        image = Image.fromarray(pixels)
        exif = image.getexif()
        exif[0x0112] = orientation
        image.save(path, quality=95, exif=exif, subsampling=0)
        want = load_rgb(path)
        height, width = want.shape[:2]
        scene = scene_of(path, width, height, [])
        out = pipeline_of("pad_to_multiple").apply(scene, DrawKey(0, 0, 0))[0].pixels[0]
        assert (out == want).all(), orientation


def test_a_picture_of_another_size_is_an_error_that_names_both(scene):
    with pytest.raises(RecordError, match=r"200x128.*192x128"):
        pipeline_of("hflip").apply(replace(scene, width=200), DrawKey(0, 0, 0))


def test_pastes_stay_off_other_objects_and_carry_a_shape(scene):
    pipeline = custom(
        (
            "small_object_zoom_paste",
            {"prob": 1.0, "max_size": 60.0, "scale": [0.4, 0.7], "class_whitelist": ["thing 0"]},
        )
    )
    num_pasted = 0
    for row in range(60):
        rendered, traces = pipeline.apply(scene, DrawKey(0, 0, row))
        copies = [k for k, item in enumerate(traces[0].kept) if item.object_id != item.source_id]
        num_pasted += len(copies)
        for k in copies:
            assert rendered.objects[k].desc == "thing 0"
            copy = shapely.box(*rendered.objects[k].shape.bounds)
            for j, other in enumerate(rendered.objects):
                if j not in copies:
                    kind = shapely.LineString if other.shape.kind == "line" else shapely.Polygon
                    points = other.shape.points
                    shape = (
                        shapely.box(*other.shape.bounds)
                        if other.shape.kind == "bbox_2d"
                        else kind(points)
                    )
                    assert copy.intersection(shape).area < 1e-6
                    assert copy.intersection(shape).length < 1e-6 or shape.geom_type == "Polygon"
    assert num_pasted > 15


def test_roi_crop_holds_its_anchor(scene):
    pipeline = custom(
        ("roi_crop", {"prob": 1.0, "min_crop_size": 32, "anchor_classes": ["thing 0"]})
    )
    for row in range(40):
        _, traces = pipeline.apply(scene, DrawKey(0, 0, row))
        assert {item.object_id: item.visible for item in traces[0].kept}[0] == 1.0


@pytest.mark.parametrize(
    "then", [(), ("rotate",), ("expand_to_fit_affine",), ("object_copy_paste",)]
)
def test_a_picture_pushed_out_of_its_canvas_is_all_fill(scene, then):
    specs = [
        ("translate", {"prob": 1.0, "x": [1, 1], "y": [1, 1]}),
        ("pad_to_multiple", {}),
        *(
            (name, {**CASES[name], "expand": True} if name == "rotate" else CASES[name])
            for name in then
        ),
        ("color_jitter", {}),
    ]
    rendered, traces = custom(*specs).apply(scene, DrawKey(0, 0, 0))
    assert (rendered.pixels[0] == 128).all()
    assert rendered.objects == ()
    assert [item.object_id for item in traces[0].dropped] == [0, 1, 2]
    assert traces[0].padding_ratio == 1.0
