"""`python benchmarks/lvis_size.py --from LVIS_VAL_100.json --work DIR`: convert annotations as many as LVIS's training set has.

Makes a file of 100,000 pictures and 1.27 million instances (about 1.1 GB, seeded, streamed) out of the outlines of the given
file, moved, scaled and with vertices inserted until it has the size of the real one; annotations stand in random order. Then
runs the conversion, without pixels, in a process of its own and watches time and resident memory of it and its workers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import orjson

from src.rng import generator

NUM_IMAGES, NUM_INSTANCES = 100_000, 1_270_000
INSERTED = 0.36  # vertices inserted for each one of the given outlines: makes 1.1 GB of them


def make(sample: Path, target: Path, num_images: int, num_instances: int, seed: int = 17) -> None:
    """Write `target`; the same bytes for the same arguments."""
    given = orjson.loads(sample.read_bytes())
    rng = generator(seed, "lvis-size")
    templates = [_with_more_vertices(entry["segmentation"], rng) for entry in given["annotations"]]
    sizes = {image["id"]: (image["width"], image["height"]) for image in given["images"]}
    owners = [entry["image_id"] for entry in given["annotations"]]
    per_image = np.unique(owners, return_counts=True)[1]
    share = rng.choice(per_image, num_images).astype(np.float64)
    image_of = rng.choice(num_images, num_instances, p=share / share.sum())
    image_size = rng.integers(len(given["images"]), size=num_images)
    with target.open("wb") as handle:
        handle.write(b'{"info": {"version": "v1"}, "annotations": [')
        for number, owner in enumerate(image_of.tolist()):
            pick = int(rng.integers(len(templates)))
            image = given["images"][image_size[owner]]
            scale = np.array([image["width"], image["height"]]) / sizes[owners[pick]]
            entry = _instance(templates[pick], scale, rng)
            entry |= {
                "id": number + 1,
                "image_id": owner + 1,
                "category_id": given["annotations"][pick]["category_id"],
            }
            handle.write((b", " if number else b"") + _spaced(entry))
        handle.write(b'], "images": [')
        for number in range(num_images):
            entry = dict(given["images"][image_size[number]])
            entry.pop("file_name")
            entry |= {
                "id": number + 1,
                "coco_url": f"http://images.cocodataset.org/train2017/{number + 1:012}.jpg",
            }
            handle.write((b", " if number else b"") + json.dumps(entry).encode())
        handle.write(b'], "categories": ' + json.dumps(given["categories"]).encode() + b"}")


def _with_more_vertices(parts: list[list[float]], rng: np.random.Generator) -> list[np.ndarray]:
    grown = []
    for part in parts:
        points = np.reshape(part, (-1, 2))
        after = np.flatnonzero(rng.random(len(points) - 1) < INSERTED)
        between = (points[after] + points[after + 1]) / 2
        grown.append(np.insert(points, after + 1, between, axis=0))
    return grown


def _instance(
    parts: list[np.ndarray], scale: np.ndarray, rng: np.random.Generator
) -> dict[str, object]:
    """Outlines of a template in another picture, a little smaller, inside it."""
    shrink = rng.uniform(0.85, 1.0)
    low = np.min([part.min(axis=0) for part in parts], axis=0)
    moved = [np.round((low + (part - low) * shrink) * scale, 2) for part in parts]
    low = np.min([part.min(axis=0) for part in moved], axis=0)
    high = np.max([part.max(axis=0) for part in moved], axis=0)
    return {
        "segmentation": [part.ravel().tolist() for part in moved],
        "area": round(float(np.prod(high - low)) / 2, 2),
        "bbox": [round(value, 2) for value in (*low.tolist(), *(high - low).tolist())],
    }


def _spaced(entry: dict[str, object]) -> bytes:
    """As Python's json module spaces it, which wrote the real files; for entries without text."""
    return orjson.dumps(entry).replace(b",", b", ").replace(b":", b": ")


def watch(command: list[str]) -> dict[str, float]:
    """Run a command; seconds, seconds of cores, and resident memory in MB: the peak of the largest process, and the sum of all
    peaks (pages that processes share count in each, so what they hold at once is less).

    Peaks are the system's own counters: going through a process's pages to sum them up takes time from the command."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=sys.stderr)
    used: dict[int, float] = {}
    peaks: dict[int, float] = {}
    while process.poll() is None:
        for number in _family(process.pid):
            used[number] = max(_cpu_seconds(number), used.get(number, 0.0))
            peaks[number] = max(_peak(number), peaks.get(number, 0.0))
        time.sleep(0.2)
    return {
        "status": process.returncode,
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(sum(used.values()), 1),
        "largest_process_mb": round(max(peaks.values())),
        "sum_of_peaks_mb": round(sum(peaks.values())),
    }


def _family(root: int) -> list[int]:
    found, queue = [], [root]
    while queue:
        number = queue.pop()
        found.append(number)
        for task in Path(f"/proc/{number}/task").glob("*/children"):
            try:
                queue += map(int, task.read_text().split())
            except OSError:  # it ended meanwhile
                continue
    return found


def _cpu_seconds(number: int) -> float:
    """What a process has used of the cores; 0 when it has ended. Workers are no children of the command, so nobody sums it up."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(number: int) -> float:
    """Peak of a process's resident memory in MB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--from", dest="sample", type=Path, required=True, help="LVIS file")
    arguments.add_argument("--work", type=Path, required=True, help="folder for 3 GB")
    arguments.add_argument("--images", type=int, default=NUM_IMAGES)
    arguments.add_argument("--instances", type=int, default=NUM_INSTANCES)
    arguments.add_argument("--workers", type=int, default=2)
    options = arguments.parse_args()
    source = options.work / "input" / f"lvis_v1_train_{options.images}_{options.instances}.json"
    if not source.is_file():
        source.parent.mkdir(parents=True, exist_ok=True)
        make(options.sample, source, options.images, options.instances)
    command = [sys.executable, "-m", "data_conversion", "--input", str(source.parent)]
    command += ["--output", str(options.work / "output"), "--format", "lvis", "--no-images"]
    command += ["--workers", str(options.workers), "--overwrite"]
    figures = watch(command) | {"input_mb": round(source.stat().st_size / 1e6)}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
