"""D1: what an object's points say is where its pixels are, over every op and 10,000 random chains.

Catches: flips about W-1, half-pixel conventions mixed between ops, geometry that a skipped op moved, pastes whose shape and
pixels part. Pixels and points go through one matrix, so only the way from the matrix
to pixels can part them. Planted: half a pixel there; and a flip about W-1, which differs from numpy's flip.
"""

from __future__ import annotations

import numpy as np
import pytest

from src.datasets.augmentation import paint
from src.datasets.augmentation.ops import affine
from src.datasets.augmentation.ops.registry import OPS
from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.geometry.affine import horizontal_flip
from tests.augmentation_cases import CASES, COLOUR, GEOMETRIC, pipeline_of, save_bmp, scene_of

WIDTH, HEIGHT, SIGMA = 160, 120, 2.0
NUM_CHAINS = 10_000


def blob_scene(folder, rng, name="blob"):
    """A dark-to-light blob on mid grey; the object is a small square around its centre."""
    x, y = rng.uniform(35, WIDTH - 35), rng.uniform(35, HEIGHT - 35)
    columns, rows = np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5
    blob = np.exp(-((columns - x) ** 2 + (rows[:, None] - y) ** 2) / (2 * SIGMA**2))
    pixels = np.repeat(np.rint(128 + 110 * blob)[..., None], 3, axis=2).astype(np.uint8)
    path = save_bmp(folder / f"{name}.bmp", pixels)
    half = 4
    box = [x - half, y - half, x + half, y - half, x + half, y + half, x - half, y + half]
    return scene_of(path, WIDTH, HEIGHT, [("poly", box)])


def offset(pixels: np.ndarray, centre: np.ndarray, radius: float) -> float:
    """Distance (px) of the blob's centroid near `centre` from it; pixel i covers i..i+1."""
    low = np.maximum(np.floor(centre - radius), 0).astype(int)
    high = np.minimum(np.ceil(centre + radius), pixels.shape[1::-1]).astype(int)
    part = pixels[low[1] : high[1], low[0] : high[0]].astype(np.float64).sum(axis=2)
    rim = np.median(np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]]))
    weight = np.abs(part - rim)
    weight[weight < 0.15 * weight.max()] = 0
    x = (weight.sum(axis=0) * (np.arange(low[0], high[0]) + 0.5)).sum() / weight.sum()
    y = (weight.sum(axis=1) * (np.arange(low[1], high[1]) + 0.5)).sum() / weight.sum()
    return float(np.hypot(x - centre[0], y - centre[1]))


def offsets(scene, chain, row) -> list[float]:
    """The offset of every object of the result that is whole and far enough from the border to be measured."""
    rendered, traces = pipeline_of(*chain).apply(scene, DrawKey(0, 0, row))
    width, height = rendered.size
    scale = np.abs(np.linalg.svd(np.reshape(traces[0].matrix, (2, 3))[:, :2])[1])
    found = []
    for item, kept in zip(rendered.objects, traces[0].kept, strict=True):
        centre = item.shape.points.mean(axis=0)
        sizes = np.ptp(item.shape.points, axis=0)
        radius = max(9 * scale.max(), 1.2 * sizes.max())
        apart = all(
            np.abs(other.shape.points.mean(axis=0) - centre).max() > 2.2 * radius
            for other in rendered.objects
            if other is not item
        )
        inside = radius < centre[0] < width - radius and radius < centre[1] < height - radius
        if kept.visible > 0.999 and apart and inside:
            found.append(offset(rendered.pixels[0], centre, radius))
    return found


def measure(folder, chains) -> np.ndarray:
    rng = np.random.default_rng(3)
    scenes = [blob_scene(folder, rng, f"blob{index}") for index in range(20)]
    return np.array(
        [
            value
            for row, chain in enumerate(chains)
            for value in offsets(scenes[row % len(scenes)], chain, row)
        ]
    )


def random_chains(count: int, seed: int = 11) -> list[tuple[str, ...]]:
    rng = np.random.default_rng(seed)
    return [tuple(rng.permutation(GEOMETRIC)[: rng.integers(1, 5)].tolist()) for _ in range(count)]


def test_every_registered_op_has_a_case():
    assert set(CASES) == set(OPS)


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_op_alone(tmp_path, name):
    values = measure(tmp_path, [(name,)] * 60)
    assert len(values) >= 20
    assert values.max() <= (0.5 if name in COLOUR else 0.35)


def test_ten_thousand_chains(tmp_path):
    values = measure(tmp_path, random_chains(NUM_CHAINS))
    assert len(values) >= NUM_CHAINS // 3
    assert np.quantile(values, 0.999) <= 0.5
    assert values.max() <= 1.0


def test_a_planted_half_pixel_is_seen(tmp_path, monkeypatch):
    original = paint.to_pixel_centres
    shift = np.array([[0, 0, 0.5], [0, 0, 0.5]])
    monkeypatch.setattr(paint, "to_pixel_centres", lambda matrix: original(matrix) + shift)
    assert measure(tmp_path, [("scale", "rotate")] * 60).max() > 0.5


@pytest.mark.parametrize(
    ("name", "turned"),
    [
        ("hflip", lambda p: [p[:, ::-1]]),
        ("vflip", lambda p: [p[::-1]]),
        ("rot90", lambda p: [np.rot90(p, k) for k in (1, 2, 3)]),
    ],
)
def test_flips_and_quarter_turns_equal_numpy_exactly(tmp_path, name, turned):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    scene = scene_of(save_bmp(tmp_path / "a.bmp", pixels), 128, 96, [("bbox_2d", [1, 2, 30, 40])])
    for row in range(8):
        out = pipeline_of(name).apply(scene, DrawKey(0, 0, row))[0].pixels[0]
        assert any(out.shape == want.shape and (out == want).all() for want in turned(pixels))


def test_a_planted_flip_about_w_minus_one_differs_from_numpy(tmp_path, monkeypatch):
    monkeypatch.setattr(affine, "horizontal_flip", lambda width: horizontal_flip(width - 1))
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    scene = scene_of(save_bmp(tmp_path / "a.bmp", pixels), 128, 96, [])
    out = pipeline_of("hflip").apply(scene, DrawKey(0, 0, 0))[0].pixels[0]
    assert (out != pixels[:, ::-1]).any()
