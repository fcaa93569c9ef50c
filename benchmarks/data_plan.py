"""`python -m benchmarks.data_plan --bccd data/bccd/train.jsonl --lvis FILE`: what the data plan costs and what it saves.

Padding of a mix of cells, scenes and LVIS-like records in random order and as planned (fixed batch of 8), lengths a second, the
plan of an epoch of 1,000,000 samples, and the memory of 8 workers that read a JSONL of 1,000,000 records.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mixed_data import write_lvis_like, write_mix
from src.config.loader import load_config
from src.datasets.lengths import CHUNK, measure, row_length
from src.datasets.plan import EpochPlan, Pool
from src.datasets.preparation import prepare
from src.datasets.token_stats import padding_of
from src.training.run import open_lengths

ROOT = Path(__file__).resolve().parents[1]
MILLION = 1_000_000
NUM_WORKERS = 8
SAMPLES_A_WORKER = 2000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bccd", type=Path, required=True, help="train.jsonl of converted BCCD")
    options.add_argument("--lvis", type=Path, required=True, help="LVIS annotations (JSON)")
    options.add_argument("--json", action="store_true", help="print JSON alone")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {
            **mix_figures(folder, chosen.bccd.resolve(), chosen.lvis),
            **plan_figures(),
            **worker_figures(folder),
        }
    if chosen.json:
        print(json.dumps(figures))
        return
    for label, value in figures.items():
        print(f"{label:<64} {value:>12.4g}")


def make_parts(
    folder: Path,
    bccd: Path,
    lvis: Path,
    *,
    num_scenes: int,
    copies: int,
    max_objects: int | None = None,
) -> dict[str, Path]:
    """Scenes, LVIS-like records and a tiny model; paths by name."""
    scenes, model = folder / "scenes", folder / "model"
    run(
        "public_data.scenes",
        "--out",
        str(scenes),
        "--num-train",
        str(num_scenes),
        "--num-val",
        "8",
        "--size",
        "96",
    )
    run(
        "scripts.make_tiny_model",
        "--out",
        str(model),
        "--preset",
        "tiny",
        "--text",
        str(scenes / "train.jsonl"),
    )
    like = write_lvis_like(lvis, folder / "lvis", copies, max_objects)
    return {"cells": bccd, "scenes": scenes / "train.jsonl", "lvis": like, "model": model}


def run(module: str, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", module, *words], cwd=ROOT, check=True, stderr=subprocess.DEVNULL
    )


def mix_figures(folder: Path, bccd: Path, lvis: Path) -> dict[str, float]:
    """Padding in random order and as planned, and how fast lengths are measured."""
    parts = make_parts(folder, bccd, lvis, num_scenes=4000, copies=20)
    path = write_mix(folder, parts["cells"], parts["scenes"], parts["lvis"], parts["model"])
    config = load_config(path).config
    length_of = open_lengths(config)
    data = prepare(config, lambda: length_of, rank=0, world_size=1)
    padding = padding_of(data.plan, data.grid)
    figures = {"padding, random order": padding.random, "padding, as planned": padding.planned}
    for window in (1, 16, 64, 256):
        override = f"custom.batching.group_window={window}"
        again = prepare(
            load_config(path, [override]).config, lambda: length_of, rank=0, world_size=1
        )
        figures[f"padding, group_window {window}"] = padding_of(again.plan, again.grid).planned
    for member in data.train:
        rows = range(min(len(member.dataset), CHUNK))
        began = time.process_time()
        for row in rows:
            row_length(member.dataset, row, length_of, None)
        spent = (time.process_time() - began) / len(rows)
        figures[f"lengths, {member.name}, records/s of one core"] = 1 / spent
        for cache in member.dataset.source.index.path.parent.glob(".*.lengths-*"):
            cache.unlink()
        began = time.perf_counter()
        measure(member.dataset, length_of)
        figures[f"lengths, {member.name}, records/s of all cores"] = len(member.dataset) / (
            time.perf_counter() - began
        )
        figures[f"lengths, {member.name}, tokens a record"] = float(member.lengths.exact.mean())
    return figures


def plan_figures() -> dict[str, float]:
    """An epoch of 1,000,000 samples from five data sets."""
    size = MILLION // 5
    lengths = tuple(
        np.random.default_rng(number).integers(50, 2000, size, dtype=np.int32)
        for number in range(5)
    )
    plan = EpochPlan(
        seed=1,
        pools=tuple(Pool(name=f"d{n}", num_rows=size, quota=size, seed=1) for n in range(5)),
        effective_batch_size=64,
        lengths=lengths,
        group_window=16,
    )
    began = time.perf_counter()
    plan.order(0)
    spent = time.perf_counter() - began
    tracemalloc.start()
    plan.order(1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"plan of 1,000,000, seconds": spent, "plan of 1,000,000, peak MB": peak / 1e6}


WORKER = """
import json, os, sys
import numpy as np
from torch.utils.data import DataLoader
from src.contract.budget import PixelBudget
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Prompts
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.plan import plan_of_one, SampleKey
from src.datasets.source import RecordSource
from src.datasets.unified_fusion_dataset import UnifiedFusionDataset

path, workers, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def unique_kb():
    fields = {}
    for line in open("/proc/self/smaps_rollup"):
        name, *rest = line.split()
        if name.startswith("Private"):
            fields[name] = int(rest[0])
    return sum(fields.values())

class Watched(UnifiedFusionDataset):
    start = None
    def __getitem__(self, key):
        if self.start is None:
            self.start = unique_kb()
        talk = super().__getitem__(key).encoded
        return os.getpid(), self.start, unique_kb()

index = JsonlIndex.open(path)
source = RecordSource(name="m", index=index, rows=np.arange(len(index)), resolver=ImageResolver(index.path.parent), quarantined=0)
builder = JsonLinesBuilder(BuilderConfig(json_format="qwen", emit_norm="norm1000"), Prompts(system=None, user="x"))
plan = plan_of_one(seed=1, num_rows=len(index), effective_batch_size=8)
data = Watched((DenseCaptionDataset(source=source, budget=PixelBudget(), builder=builder),), plan, lambda talk: len(talk.target))
keys = [[SampleKey(0, slot, 0) for slot in range(first, first + 8)] for first in range(0, workers * each, 8)]
last = {}
for batch in DataLoader(data, batch_sampler=keys, num_workers=workers, collate_fn=lambda rows: rows):
    for pid, start, now in batch:
        last[pid] = (start, now)
print(json.dumps([[start, now] for start, now in last.values()]))
"""


def worker_figures(folder: Path) -> dict[str, float]:
    """What a worker comes to own while it reads, over what it owned at its first sample."""
    pictures = folder / "million" / "images"
    pictures.mkdir(parents=True)
    from PIL import Image

    Image.new("RGB", (64, 64)).save(pictures / "p.png")
    objects = [{"desc": f"thing {n}", "bbox_2d": [n, n, n + 20, n + 30]} for n in range(10)]
    line = (
        json.dumps({"images": ["images/p.png"], "width": 64, "height": 64, "objects": objects})
        + "\n"
    )
    path = folder / "million" / "train.jsonl"
    with path.open("w", encoding="utf-8") as handle:
        for _ in range(1000):
            handle.write(line * (MILLION // 1000))
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(path), str(NUM_WORKERS), str(SAMPLES_A_WORKER)],
        cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    rows: Sequence[Sequence[int]] = json.loads(done.stdout)
    grown = [(now - start) / 1024 for start, now in rows]
    figures: dict[str, Any] = {
        "workers that read": float(len(rows)),
        "unique memory a worker over its start, MB, largest": max(grown),
        "unique memory a worker, MB, largest": max(now / 1024 for _, now in rows),
    }
    return figures


if __name__ == "__main__":
    main()
