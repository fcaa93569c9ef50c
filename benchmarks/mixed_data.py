"""A mix of three data sets of very different lengths, for the benchmarks of the data plan: cells, scenes, LVIS-like records.

Cells are BCCD's photographs (converted before), scenes are composed here, LVIS-like records take sizes, polygons (thinned to
12 vertices, as trainers on LVIS do) and class names from LVIS annotations and stand over plain grey pictures, since the
annotations come without pixels.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from src.contract.records import ObjectAnnotation, Record, Source
from src.contract.write import record_to_line
from src.datasets.geometry.simplify import cap_vertices

MAX_VERTICES = 12
HERE = Source(file="lvis", line=1)


def write_lvis_like(
    annotations: Path, folder: Path, copies: int, max_objects: int | None = None
) -> Path:
    """`copies` records a picture, objects in another order each; the JSONL's path.

    Pictures with more than `max_objects` are left out.
    """
    raw = json.loads(annotations.read_text(encoding="utf-8"))
    names = {entry["id"]: entry["name"].replace("_", " ") for entry in raw["categories"]}
    by_image: dict[int, list[ObjectAnnotation]] = defaultdict(list)
    for entry in raw["annotations"]:
        parts = max(entry["segmentation"], key=len)
        by_image[entry["image_id"]].append(
            ObjectAnnotation(
                desc=names[entry["category_id"]], kind="poly", points=tuple(map(float, parts))
            )
        )
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    path = folder / "train.jsonl"
    with path.open("wb") as handle:
        for image in raw["images"]:
            name, width, height = f"images/{image['id']}.jpg", image["width"], image["height"]
            Image.new("RGB", (width, height), (128, 128, 128)).save(folder / name)
            objects = [_inside(item, width, height) for item in by_image[image["id"]]]
            if max_objects is not None and len(objects) > max_objects:
                continue
            for _ in range(copies):
                order = rng.permutation(len(objects))
                record = Record(
                    images=(name,),
                    width=width,
                    height=height,
                    objects=tuple(objects[index] for index in order),
                    source=HERE,
                )
                handle.write(record_to_line(record))
    return path


def _inside(item: ObjectAnnotation, width: int, height: int) -> ObjectAnnotation:
    points = np.clip(np.reshape(item.points, (-1, 2)), 0, (width, height))
    if len(points) > MAX_VERTICES:
        points = np.array(
            cap_vertices(list(map(tuple, points.tolist())), MAX_VERTICES, closed=True)
        )
    return ObjectAnnotation(desc=item.desc, kind=item.kind, points=tuple(points.ravel().tolist()))


def write_mix(
    folder: Path, cells: Path, scenes: Path, lvis: Path, model: Path, **training: object
) -> Path:
    """A config over the three, with its fusion file; the config's path."""
    entries = [
        {"name": name, "train_jsonl": str(path), "ratio": ratio}
        for name, path, ratio in (
            ("cells", cells, 1.0),
            ("scenes", scenes, 1.0),
            ("lvis", lvis, 1.0),
        )
    ]
    fusion = folder / "mix.yaml"
    fusion.write_text(json.dumps({"targets": entries}), encoding="utf-8")
    root = Path(__file__).resolve().parents[1]
    config = folder / "run.yaml"
    config.write_text(
        json.dumps(
            {
                "extends": str(root / "configs/base/tiny.yaml"),
                "model": {"model": str(model)},
                "template": {"max_pixels": 76800},
                "training": {
                    "output_dir": str(folder / "runs"),
                    "add_version": False,
                    "report_to": "none",
                    "effective_batch_size": 8,
                    "per_device_train_batch_size": 8,
                    **training,
                },
                "prompts": {"system": "", "user": "Detect."},
                "custom": {
                    "fusion_config": str(fusion),
                    "emit_norm": "norm1000",
                    "json_format": "qwen",
                },
            }
        ),
        encoding="utf-8",
    )
    return config
