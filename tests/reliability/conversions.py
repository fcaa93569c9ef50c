"""Conversions in processes of their own, killed at chosen moments, with faults planted on request.

Run as a script: `run_cases` starts it.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from data_conversion.config import ConversionConfig
from data_conversion.pipeline import (
    convert_item,
    place_image,
    shards,
    unified_processor,
    work_folder,
)
from data_conversion.pipeline.picture import Picture
from data_conversion.pipeline.unified_processor import convert
from tests.training_fixtures import ROOT

NUM_LABELS = 7


def made_voc(folder: Path, count: int) -> Path:
    """A VOC export of `count` pictures of 32x32 pixels, one in 50 truncated, with one to three boxes each."""
    for name in ("Annotations", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        boxes = "".join(
            f"<object><name>kind{(number + k) % NUM_LABELS}</name><bndbox><xmin>{k + 1}</xmin><ymin>{number % 9 + 1}</ymin>"
            f"<xmax>{20 + number % 20}</xmax><ymax>{30 - k}</ymax></bndbox></object>"
            for k in range(1 + number % 3)
        )
        size = "<size><width>32</width><height>32</height></size>"
        annotation = folder / "Annotations" / f"{number:05d}.xml"
        annotation.write_text(f"<annotation>{size}{boxes}</annotation>")
        pixels = np.full((32, 32, 3), number % 251, np.uint8)
        data = cv2.imencode(".jpg", pixels)[1].tobytes()
        torn = data[: len(data) // 2] if number % 50 == 7 else data
        (folder / "JPEGImages" / f"{number:05d}.jpg").write_bytes(torn)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One conversion: killed when `share` of its pictures (or shards' marks) are there (None: not killed), then run again.

    `listing` other than 0 shuffles every listing of a folder.
    """

    share: float | None = None
    watched: Literal["pictures", "marks"] = "pictures"
    workers: int = 1
    fault: str = ""
    listing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`was_running`: the kill came in time. `is_equal`: no file was partial, and the end is the undisturbed one."""

    was_running: bool
    is_equal: bool


def run_cases(source: Path, folder: Path, cases: Sequence[Case]) -> list[Result]:
    """Run the cases, compared with an undisturbed conversion, in a process of its own from which forks are cheap."""
    words = [sys.executable, "-m", "tests.reliability.conversions", str(source), str(folder)]
    asked = json.dumps([asdict(case) for case in cases])
    done = subprocess.run(words, input=asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [Result(**result) for result in json.loads(done.stdout.splitlines()[-1])]


def convert_in_child(source: Path, out: Path, case: Case) -> int:
    """The process number of a fork that converts."""
    child = os.fork()
    if child:
        return child
    status = 1
    # Killing a process loses nothing that it wrote; waiting for the disk would be most of the time.
    os.fsync = lambda _descriptor: None
    try:
        if case.fault:
            FAULTS[case.fault]()
        if case.listing:
            shuffle_listings(case.listing)
        config = ConversionConfig(
            input=source, output=out, format="voc", workers=case.workers, resize=True,
            min_pixels=4096, max_pixels=4096, val_ratio=0.2,
        )  # fmt: skip
        convert(config)
        status = 0
    finally:
        os._exit(status)


def kill_at(child: int, out: Path, case: Case, num_pictures: int) -> bool:
    """Kill -9 when enough is there; whether it was still running."""
    assert case.share is not None
    pictures = case.watched == "pictures"
    wanted = case.share * (num_pictures if pictures else num_pictures // shards.FEWEST)
    folder = out / ("images" if pictures else ".work/shards")
    suffix = ".jpg" if pictures else ".done"
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if sum(name.endswith(suffix) for name in names_in(folder)) >= wanted:
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        time.sleep(0.002)
    return False


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def run_case(source: Path, out: Path, case: Case, whole: dict[str, bytes]) -> Result:
    was_running = False
    partial = False
    if case.share is not None:
        total = sum(name.startswith("images/") for name in whole)
        child = convert_in_child(source, out, case)
        was_running = kill_at(child, out, case, total)
        # What has its final name is whole, at every moment.
        partial = any(data != whole[name] for name, data in finals(out).items())
    status = os.waitpid(convert_in_child(source, out, case), 0)[1]
    is_equal = not partial and status == 0 and contents(out) == whole
    shutil.rmtree(out)
    return Result(was_running=was_running, is_equal=is_equal)


def contents(out: Path) -> dict[str, bytes]:
    """Every file of the output."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def finals(out: Path) -> dict[str, bytes]:
    """The files of the output folder itself."""
    return {path.name: path.read_bytes() for path in out.glob("*.*") if path.is_file()}


def _mark_first() -> None:
    """A shard is marked complete before its pictures are placed, with the outcomes that they would have."""
    plain = shards.convert_shard

    def marked_first(job, shard):
        place = Picture.place
        Picture.place = lambda self, target, **_: "resized"
        try:
            plain(job, shard)
        finally:
            Picture.place = place
        time.sleep(0.02)
        for item in shard.items:
            convert_item.convert_item(job, item)

    shards.convert_shard = marked_first
    unified_processor.convert_shard = marked_first
    shards._is_current = lambda job, outcome: True


def _write_in_place() -> None:
    """Files grow in place, and a shard is taken for complete when its file is there."""

    @contextmanager
    def in_place(path, mode="w", *, aside=None):
        with Path(path).open(mode) as handle:
            yield Slow(handle)

    for module in (place_image, shards, work_folder):
        module.atomic_write = in_place
    shards.is_complete = lambda job, shard: shard.done.is_file()
    unified_processor.is_complete = shards.is_complete


class Slow:
    """A file that takes its bytes in small pieces."""

    def __init__(self, handle):
        self.handle = handle

    def write(self, data):
        half = len(data) // 2
        self.handle.write(data[:half])
        self.handle.flush()
        time.sleep(0.01)
        self.handle.write(data[half:])
        self.handle.flush()
        return len(data)

    def writelines(self, lines):
        for text in lines:
            self.write(text)


def _completion_order() -> None:
    """Outcomes come in the order in which they were finished; the first shard was the slowest."""
    plain = unified_processor._finish

    def by_time(config, opened, shards, work):
        os.utime(shards[0].done)
        return plain(config, opened, sorted(shards, key=lambda s: s.done.stat().st_mtime_ns), work)

    unified_processor._finish = by_time


FAULTS = {
    "marked first": _mark_first,
    "in place": _write_in_place,
    "completion order": _completion_order,
}


def shuffle_listings(seed: int) -> None:
    """Every listing of a folder comes in an order of its own."""
    scandir, rglob = os.scandir, pathlib.Path.rglob

    def mixed(entries):
        found = sorted(entries, key=str)
        return [found[i] for i in np.random.default_rng(seed).permutation(len(found))]

    class Scan:
        def __init__(self, path="."):
            with scandir(path) as entries:
                self.entries = iter(mixed(entries))

        def __iter__(self):
            return self.entries

        def __next__(self):
            return next(self.entries)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def close(self):
            pass

    os.scandir = Scan
    pathlib.Path.rglob = lambda self, pattern: iter(mixed(rglob(self, pattern)))


def main(source: Path, folder: Path) -> None:
    cases = [Case(**case) for case in json.loads(sys.stdin.read())]
    assert os.waitpid(convert_in_child(source, folder / "whole", Case()), 0)[1] == 0
    whole = contents(folder / "whole")
    results = [run_case(source, folder / "out", case, whole) for case in cases]
    sys.stdout.write(json.dumps([asdict(result) for result in results]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
