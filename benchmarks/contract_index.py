"""`python benchmarks/contract_index.py`: what the JSONL index and the validator cost.

Writes a JSONL of 10-object records to a temporary folder, then measures in fresh processes: bytes per second
of the first scan, resident memory of a process that holds the index, and the time of one record.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

MEASURE = r"""
import json, statistics, sys, time
def rss():
    with open("/proc/self/status") as handle:
        return next(int(line.split()[1]) for line in handle if line.startswith("VmRSS")) / 1024
bare = rss()
from src.contract.index import JsonlIndex
imported = rss()
began = time.perf_counter()
index = JsonlIndex.open(sys.argv[1])
opened_s = time.perf_counter() - began
times = []
for number in range(int(sys.argv[2])):
    row = number * 7919 % len(index)
    began = time.perf_counter()
    index.record(row)
    times.append(time.perf_counter() - began)
times.sort()
print(json.dumps({"records": len(index), "opened_s": opened_s, "median_us": statistics.median(times) * 1e6,
    "p99_us": times[len(times) * 99 // 100] * 1e6, "rss_over_bare_mb": rss() - bare,
    "rss_over_import_mb": rss() - imported}))
"""


def write_records(path: Path, count: int) -> None:
    """`count` records of ten objects, boxes, polygons and lines mixed."""
    shapes = [
        {"bbox_2d": [10, 20, 300, 400]},
        {"poly": [1, 2, 30, 4.5, 50, 60, 7, 80]},
        {"line": [5, 5, 90, 9, 200, 100]},
    ]
    objects = [{"desc": f"object number {i}", **shapes[i % 3]} for i in range(10)]
    with path.open("w") as handle:
        for number in range(count):
            record = {"images": [f"images/{number:07}.jpg"], "width": 1024, "height": 768}
            handle.write(json.dumps({**record, "objects": objects}) + "\n")


def measure(path: Path, reads: int) -> dict[str, float]:
    """The figures of one fresh process."""
    command = [sys.executable, "-c", MEASURE, str(path), str(reads)]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--reads", type=int, default=5_000)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        write_records(path, arguments.records)
        megabytes = path.stat().st_size / 1e6
        first, again = measure(path, arguments.reads), measure(path, arguments.reads)
    print(f"{first['records']:.0f} records of 10 objects, {megabytes:.0f} MB")
    print(f"first open:  {first['opened_s']:.2f} s, {megabytes / first['opened_s']:.0f} MB/s")
    print(f"cached open: {again['opened_s'] * 1e3:.1f} ms")
    for name, figures in (("first", first), ("cached", again)):
        over, own = figures["rss_over_bare_mb"], figures["rss_over_import_mb"]
        print(f"resident over bare Python, {name}: {over:.0f} MB ({own:.0f} MB of it not imports)")
    print(
        f"read, parse, validate: median {again['median_us']:.0f} us, p99 {again['p99_us']:.0f} us"
    )


if __name__ == "__main__":
    main()
