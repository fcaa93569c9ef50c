"""A6: plans and conversions do not depend on the process: hash seed, order of a folder's listing, locale.

Faults that it catches: `hash()` in a seed, a set or an unsorted listing that decides an order. Planted: a plan whose draws are
seeded by `hash()` of the data set's name.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.data_conversion.test_voc import OUTPUTS, export
from tests.training_fixtures import ROOT

SETTINGS = (("0", "C", 1), ("1", "C.UTF-8", -1), ("2", "C", -1))
PLAN = """
from src.datasets.plan import EpochPlan, Pool
pools = tuple(Pool(name=n, num_rows=50, quota=q, seed=SEED) for n, q in (('a', 50), ('b', 20), ('c', 120)))
plan = EpochPlan(seed=1, effective_batch_size=8, pools=pools)
print([list(map(int, part)) for epoch in (0, 1) for part in plan.order(epoch)[:2]])
"""
# Every listing of a folder comes in the order that the file system might have had.
CONVERT = """
import os, pathlib, sys
from data_conversion.config import ConversionConfig
from data_conversion.pipeline.unified_processor import convert
step = int(sys.argv[3])
scandir, listdir, glob, iterdir = os.scandir, os.listdir, pathlib.Path.glob, pathlib.Path.iterdir
os.listdir = lambda path=".": sorted(listdir(path))[::step]
pathlib.Path.glob = lambda self, pattern: iter(sorted(glob(self, pattern))[::step])
pathlib.Path.iterdir = lambda self: iter(sorted(iterdir(self))[::step])
convert(ConversionConfig(input=pathlib.Path(sys.argv[1]), output=pathlib.Path(sys.argv[2]), format="voc"))
"""


def run(code: str, seed: str, locale: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_plan_is_the_same_in_every_process():
    seen = {run(PLAN.replace("SEED", "1"), seed, locale) for seed, locale, _ in SETTINGS}
    assert len(seen) == 1


def test_the_planted_hash_is_seen():
    planted = PLAN.replace("SEED", "hash(n) % 1000")
    assert len({run(planted, seed, locale) for seed, locale, _ in SETTINGS}) > 1


@pytest.mark.parametrize("listed", [True, False])
def test_a_conversion_is_the_same_in_every_process(tmp_path, listed):
    objects = [("dog", 1, 1, 60, 40), ("cat", 11, 5, 20, 10), ("Zebra", 3, 3, 30, 30)]
    source = export(tmp_path / "voc", objects, count=9, listed=listed)
    seen = set()
    for number, (seed, locale, step) in enumerate(SETTINGS):
        out = tmp_path / f"out-{number}"
        run(CONVERT, seed, locale, str(source), str(out), str(step))
        seen.add(tuple((out / name).read_bytes() for name in OUTPUTS))
    assert len(seen) == 1
