"""D2: maps are exact: inverses undo, flips are involutions, a chain in one warp is the product of its matrices.

Catches: accumulated rounding, a wrong multiplication order, flips that lose a column. Planted: the product in reverse order.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.augmentation.state import State
from src.datasets.augmentation.transforms import Warp
from src.datasets.geometry import affine
from src.datasets.geometry.affine import inverse, transform_points
from src.images import orientation_points
from tests.augmentation_cases import pipeline_of, save_bmp, scene_of, textured

SIDE = st.floats(1, 5000)
ANGLE = st.floats(-180, 180)
AFFINE = ("hflip", "rotate", "scale", "translate", "shear", "vflip")


def chain_of(width, height, numbers):
    angle, scale, kx, dx = numbers
    return (
        affine.translation(dx, -dx)
        @ affine.shearing(kx, kx / 2, width / 2, height / 2)
        @ affine.scaling(scale, 1 / scale, width / 2, height / 2)
        @ affine.rotation(angle, width / 2, height / 2)
        @ affine.horizontal_flip(width)
    )


@settings(max_examples=300, deadline=None)
@given(SIDE, SIDE, st.tuples(ANGLE, st.floats(0.2, 5), st.floats(-30, 30), st.floats(-999, 999)))
def test_inverse_after_transform_is_the_identity(width, height, numbers):
    matrix = chain_of(width, height, numbers)
    points = np.array([[0, 0], [width, 0], [width, height], [width / 3, height / 7]])
    back = transform_points(transform_points(points, matrix), inverse(matrix))
    assert np.abs(back - points).max() <= 1e-6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_matrix_agrees_with_the_point_rule_and_the_pixels(orientation):
    points = np.random.default_rng(0).uniform(0, 30, (50, 2))
    matrix = affine.upright(orientation, 40, 30)
    want = orientation_points(points, orientation, 40, 30)
    assert np.abs(transform_points(points, matrix) - want).max() < 1e-12


def run(tmp_path, names, row=0, seed=5):
    rng = np.random.default_rng(1)
    path = save_bmp(tmp_path / "a.bmp", textured(rng, 160, 128))
    box = [40, 30, 90, 100]
    scene = scene_of(path, 160, 128, [("bbox_2d", box), ("line", [50, 50, 80, 90, 60, 70])])
    return scene, pipeline_of(*names, seed=seed).apply(scene, DrawKey(0, 0, row))


def product_of(trace):
    matrix = np.eye(3)
    for step in trace.steps:
        for transform in step.transforms:
            if isinstance(transform, Warp):
                matrix = np.vstack([np.reshape(transform.matrix, (2, 3)), [0, 0, 1]]) @ matrix
    return matrix[:2].ravel()


@pytest.mark.parametrize("row", range(20))
def test_a_chain_in_one_warp_is_the_product_of_its_matrices(tmp_path, row):
    _, (_, traces) = run(tmp_path, AFFINE, row)
    assert np.abs(product_of(traces[0]) - traces[0].matrix).max() < 1e-9


def test_a_planted_reversed_product_is_seen(tmp_path, monkeypatch):
    original = State.moved
    monkeypatch.setattr(
        State,
        "moved",
        lambda self, matrix, size: replace(
            original(self, matrix, size), matrix=self.matrix @ matrix
        ),
    )
    _, (_, traces) = run(tmp_path, AFFINE, 1)
    assert np.abs(product_of(traces[0]) - traces[0].matrix).max() > 1e-3


def test_flipping_twice_is_bit_identical(tmp_path):
    rng = np.random.default_rng(2)
    pixels = textured(rng, 160, 128)
    scene = scene_of(save_bmp(tmp_path / "b.bmp", pixels), 160, 128, [("bbox_2d", [1, 2, 9, 9])])
    once = pipeline_of("hflip").apply(scene, DrawKey(0, 0, 0))[0]
    again = scene_of(
        save_bmp(tmp_path / "c.bmp", once.pixels[0]),
        160,
        128,
        [("bbox_2d", once.objects[0].shape.flat)],
    )
    twice = pipeline_of("hflip").apply(again, DrawKey(0, 0, 0))[0]
    assert (twice.pixels[0] == pixels).all()
    assert twice.objects[0].shape.flat == (1, 2, 9, 9)


def test_rotation_there_and_back_leaves_a_box_a_box():
    there = affine.rotation(30, 5, 5)
    back = affine.rotation(-30, 5, 5)
    assert affine.is_axis_aligned(back @ there)
    assert not affine.is_axis_aligned(there)
