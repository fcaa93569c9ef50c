"""Seconds and memory of the grounding doctor on 100,000 made records: `python -m benchmarks.doctor`."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson

from src.doctor.examination import examine
from src.rng import generator

SIZES = ((640, 480), (480, 640), (1024, 768), (1280, 720))


def write_records(path: Path, records: int, objects: int) -> None:
    """Boxes and, every fourth, an octagon; contents drawn by a seed."""
    rng = generator(17, "doctor benchmark")
    with path.open("wb") as handle:
        for number in range(records):
            width, height = SIZES[number % len(SIZES)]
            near = rng.uniform(0, 0.8, size=(objects, 2))
            far = near + rng.uniform(0.02, 0.2, size=(objects, 2))
            boxes = np.concatenate([near, far], axis=1) * (width, height, width, height)
            items = [
                {"desc": f"class {index % 40}", **_shape(index, box)}
                for index, box in enumerate(boxes.round(1).tolist())
            ]
            record = {"images": [f"{number}.jpg"], "width": width, "height": height}
            handle.write(orjson.dumps({**record, "objects": items}) + b"\n")


def _shape(index: int, box: list[float]) -> dict[str, list[float]]:
    if index % 4:
        return {"bbox_2d": box}
    x1, y1, x2, y2 = box
    a, b = (x2 - x1) / 3, (y2 - y1) / 3
    return {
        "poly": [
            x1 + a,
            y1,
            x2 - a,
            y1,
            x2,
            y1 + b,
            x2,
            y2 - b,
            x2 - a,
            y2,
            x1 + a,
            y2,
            x1,
            y2 - b,
            x1,
            y1 + b,
        ]
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--objects", type=int, default=12)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.jsonl"
        write_records(path, chosen.records, chosen.objects)
        begun = time.perf_counter()
        done = examine([path], with_images=False)
        seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{done.data.num_records} records, {done.data.num_objects} objects: {seconds:.1f} s, "
        f"{done.data.num_records / seconds:.0f} records/s, peak {peak:.0f} MB\n"
    )


if __name__ == "__main__":
    main()
