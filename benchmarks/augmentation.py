"""`python -m benchmarks.augmentation`: what augmentation costs, from JPEG to pixels and shapes, beside Albumentations.

One chain for both: flip, rotation up to 25 degrees with an expanded canvas, random crop, at most 1,048,576 pixels, colours,
padding to 32; 20 objects (8 boxes, 8 polygons, 4 polylines). Both run in this process with one thread, in
interleaved rounds; the figure is the ratio of their median CPU times. Ours is the training worker's own code, trace and draws
included. The peer's points are clipped by our exact code, as it has none. Needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from benchmarks.timing import measure
from src.contract.budget import PixelBudget
from src.contract.records import Source
from src.datasets.augmentation.builder import make_pipeline
from src.datasets.augmentation.config import AugmentationConfig, OpSpec
from src.datasets.augmentation.paint import warp
from src.datasets.augmentation.pipeline import DrawKey, Pipeline, emitted
from src.datasets.geometry.affine import affine, scaling
from src.datasets.geometry.clip import clip_line, clip_polygon
from src.datasets.geometry.shapes import Shape
from src.datasets.scene import Scene, SceneObject
from src.images import load_rgba
from src.utils.heap import keep_heap
from src.utils.opencv import cv2

CAP = 1_048_576
SIZES = ((1024, 768), (2048, 1536))
ROWS = 64  # draws in use, as rows of a data set
CHAIN = (
    OpSpec(name="hflip"),
    OpSpec(name="rotate", params={"max_degrees": 25.0, "prob": 1.0, "expand": True}),
    OpSpec(name="random_crop", params={"area": [0.7, 1.0], "aspect": [0.9, 1.1]}),
    OpSpec(name="resize_to_budget", params={"max_pixels": CAP}),
    OpSpec(name="color_jitter"),
    OpSpec(name="pad_to_multiple"),
)


def write_photo(path: Path, width: int, height: int, seed: int) -> None:
    """A photograph (scikit-learn's samples) of the given size with sensor noise, JPEG of quality 90."""
    rng = np.random.default_rng(seed)
    base = load_sample_images().images[seed % 2]
    if rng.random() < 0.5:
        base = base[:, ::-1]
    large = np.asarray(Image.fromarray(base).resize((width, height), Image.Resampling.BICUBIC))
    noisy = large + rng.normal(0, 5, large.shape)
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=90)


def objects_of(width: int, height: int, seed: int) -> tuple[SceneObject, ...]:
    """8 boxes, 8 polygons of 4 to 40 vertices and 4 polylines."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(20):
        centre = rng.uniform(0.1, 0.9, 2) * (width, height)
        radius = rng.uniform(0.02, 0.12) * min(width, height)
        if index < 8:
            kind, points = "bbox_2d", np.stack([centre - radius, centre + radius])
        elif index < 16:
            kind, count = "poly", int(rng.integers(4, 41))
            angles = np.sort(rng.uniform(0, 2 * np.pi, count))
            radii = radius * rng.uniform(0.4, 1, count)[:, None]
            points = centre + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        else:
            kind, count = "line", int(rng.integers(2, 13))
            points = centre + np.cumsum(rng.uniform(-radius, radius, (count, 2)), axis=0)
        points = np.clip(points, 0, (width, height))
        found.append(SceneObject(desc=f"thing {index}", shape=Shape(index, kind, points)))  # type: ignore[arg-type]
    return tuple(found)


def make_scenes(folder: Path, width: int, height: int, count: int) -> list[Scene]:
    scenes = []
    for number in range(count):
        path = folder / f"{width}-{number}.jpg"
        write_photo(path, width, height, number)
        scenes.append(
            Scene(
                pictures=(path,), width=width, height=height,
                objects=objects_of(width, height, number), summary=None, messages=(),
                source=Source(file="bench.jsonl", line=number + 1),
            )
        )  # fmt: skip
    return scenes


def our_pipeline(*, fast_decode: bool = False) -> Pipeline:
    config = AugmentationConfig(enabled=True, ops=CHAIN, fast_decode=fast_decode)
    return make_pipeline(config, seed=1, budget=PixelBudget(max_pixels=CAP), total_steps=1)


def albumentations_chain() -> Callable[[Scene], Any]:
    """The peer's nearest equivalent; its points clipped to the result by our code."""
    import albumentations as peer

    chain = peer.Compose(
        [
            peer.HorizontalFlip(p=0.5),
            peer.Affine(rotate=(-25, 25), fit_output=True, fill=128, p=1.0),
            peer.RandomResizedCrop((864, 1152), scale=(0.7, 1.0), ratio=(1.2, 1.47), p=1.0),
            peer.ColorJitter((0.7, 1.3), (0.7, 1.3), (0.7, 1.3), (0, 0), p=1.0),
            peer.PadIfNeeded(None, None, pad_height_divisor=32, pad_width_divisor=32, fill=128),
        ],
        bbox_params=peer.BboxParams("pascal_voc", label_fields=["ids"]),
        keypoint_params=peer.KeypointParams("xy", remove_invisible=False),
        seed=1,
    )

    def run(scene: Scene) -> Any:
        pixels = cv2.cvtColor(cv2.imread(str(scene.pictures[0])), cv2.COLOR_BGR2RGB)
        boxes = [o.shape.flat for o in scene.objects if o.shape.kind == "bbox_2d"]
        loose = [o.shape for o in scene.objects if o.shape.kind != "bbox_2d"]
        flat = np.concatenate([shape.points for shape in loose])
        result = chain(image=pixels, bboxes=boxes, ids=list(range(len(boxes))), keypoints=flat)
        height, width = result["image"].shape[:2]
        window = (0.0, 0.0, float(width), float(height))
        bounds = np.cumsum([0, *(len(shape.points) for shape in loose)])
        for shape, (start, stop) in zip(loose, pairwise(bounds), strict=True):
            path = [(float(x), float(y)) for x, y in result["keypoints"][start:stop]]
            (clip_line if shape.kind == "line" else clip_polygon)(path, window)
        return result

    return run


def practical_limit(pipeline: Pipeline, *, halve: bool) -> Callable[[Scene, int], Any]:
    """Decode, one four-channel warp and one colour matrix: what any implementation must pay."""
    matrix = np.array([[1.1, 0.05, 0.02, -9], [0.02, 1.1, 0.03, -9], [0.01, 0.05, 1.1, -9]])

    def run(scene: Scene, row: int) -> Any:
        state = planned[scene.source.line, row]
        picture = load_rgba(scene.pictures[0], halve=halve).pixels
        factor = scene.width / picture.shape[1]
        centre = state.matrix @ scaling(factor, factor)
        canvas = cv2.warpAffine(
            picture, centre[:2], state.size, flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=(128, 128, 128, 0),
        )  # fmt: skip
        return cv2.transform(cv2.cvtColor(canvas, cv2.COLOR_RGBA2RGB), matrix.astype(np.float32))

    planned: dict[tuple[int, int], Any] = {}

    def prepare(scenes: Sequence[Scene]) -> None:
        for scene in scenes:
            for row in range(ROWS):
                planned[scene.source.line, row] = plan(pipeline, scene, row)

    run.prepare = prepare  # type: ignore[attr-defined]
    return run


def plan(pipeline: Pipeline, scene: Scene, row: int) -> Any:
    stage = pipeline.curriculum.at(0)
    size = scene.width, scene.height
    return pipeline.plan(*size, scene.objects, DrawKey(0, 0, row), stage)[0]


def each_row(run: Callable[[Scene, int], Any]) -> Callable[[Scene], Any]:
    """The same with one row after another, so that every call draws anew."""
    rows = count()
    return lambda scene: run(scene, next(rows) % ROWS)


def quality(scenes: Sequence[Scene], pipeline: Pipeline, *, halve: bool) -> float:
    """Median PSNR (dB) of the warp against one supersampled 4x4 (cubic, box-averaged), pixels away from the border."""
    values = []
    for row, scene in enumerate(scenes):
        state = plan(pipeline, scene, row)
        full = load_rgba(scene.pictures[0]).pixels
        used = load_rgba(scene.pictures[0], halve=halve).pixels
        factor = full.shape[1] / used.shape[1]
        ours = warp(used, state.matrix @ scaling(factor, factor), *state.size, (128,) * 3 + (0,))
        width, height = state.size
        finer = affine(4, 0, 1.5, 0, 4, 1.5) @ _centred(state.matrix)
        large = cv2.warpAffine(full, finer[:2], (4 * width, 4 * height), flags=cv2.INTER_CUBIC)
        fine = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
        inside = cv2.erode(np.uint8(255) * (fine[..., 3] == 255), np.ones((9, 9))) > 0
        error = ours[..., :3][inside].astype(float) - fine[..., :3][inside]
        values.append(10 * np.log10(255**2 / np.mean(error**2)))
    return float(statistics.median(values))


def _centred(matrix: np.ndarray) -> np.ndarray:
    half = np.array([0.5, 0.5])
    result = matrix.copy()
    result[:2, 2] += matrix[:2, :2] @ half - half
    return result


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=8, help="interleaved rounds")
    options.add_argument("--images", type=int, default=8, help="pictures of each size")
    options.add_argument("--json", action="store_true", help="print JSON alone")
    chosen = options.parse_args()
    keep_heap()
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            scenes = make_scenes(Path(folder), width, height, chosen.images)
            report[f"{width}x{height}"] = compare(scenes, chosen.rounds)
    if chosen.json:
        print(json.dumps(report))
        return
    for size, figures in report.items():
        print(size)
        for name, value in figures.items():
            print(f"  {name:<44} {value:8.2f}")


def compare(scenes: Sequence[Scene], rounds: int) -> dict[str, float]:
    full, fast = our_pipeline(), our_pipeline(fast_decode=True)
    peer = albumentations_chain()
    limits = {"limit": practical_limit(full, halve=False)}
    contestants: dict[str, Callable[[Scene], Any]] = {
        "ours": each_row(lambda scene, row: full.apply(scene, DrawKey(0, 0, row))),
        "albumentations": peer,
        "limit": each_row(limits["limit"]),
    }
    if scenes[0].width * scenes[0].height > CAP:
        limits["limit, half decode"] = practical_limit(full, halve=True)
        contestants |= {
            "ours, fast decode": each_row(lambda scene, row: fast.apply(scene, DrawKey(0, 0, row))),
            "limit, half decode": each_row(limits["limit, half decode"]),
        }
    for limit in limits.values():
        limit.prepare(scenes)  # type: ignore[attr-defined]
    contestants["planning and geometry"] = each_row(
        lambda scene, row: emitted(plan(full, scene, row), full.emission)
    )
    ms = measure(contestants, scenes, rounds)
    figures = {f"{name}, CPU ms": value for name, value in ms.items()}
    figures["ratio albumentations / ours"] = ms["albumentations"] / ms["ours"]
    figures["share of the limit, %"] = 100 * ms["limit"] / ms["ours"]
    figures["PSNR, full decode, dB"] = quality(scenes, full, halve=False)
    if "ours, fast decode" in ms:
        figures["ratio albumentations / ours, fast decode"] = (
            ms["albumentations"] / ms["ours, fast decode"]
        )
        figures["share of the limit, fast decode, %"] = (
            100 * ms["limit, half decode"] / ms["ours, fast decode"]
        )
        figures["PSNR, half decode, dB"] = quality(scenes, full, halve=True)
    return figures


if __name__ == "__main__":
    main()
