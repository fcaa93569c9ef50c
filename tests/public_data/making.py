"""Small contract JSONL files for the tests of this folder."""

import json
from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, size: tuple[int, int], seed: int = 0, **options) -> None:
    """A noisy picture of the given (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)


def write_lines(path: Path, records) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def read_lines(path: Path) -> list:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def labelled(*labels: str, image: str = "a.png", size=(64, 64), **more) -> dict:
    """A record with one box for each label."""
    objects = [{"desc": label, "bbox_2d": [1, 1, 20, 30]} for label in labels]
    return {
        "images": [image],
        "width": size[0],
        "height": size[1],
        "objects": objects,
        **more,
    }


def tree(folder: Path) -> dict[str, bytes]:
    """Every file's bytes by its path, index caches left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".index")
    }
