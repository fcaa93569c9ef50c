"""`python -m public_data rescale`: a contract JSONL and its pictures at one or several pixel budgets, a folder each.

Every picture is decoded once, brought to the size that the model would see under each budget (sides in multiples of 32), and
written there under its own name; pictures that have that size already are linked. Points are scaled, metadata is kept.
A killed run is simply started again: finished pictures are kept. The number of workers changes no byte.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from public_data.ordered_map import ordered_map
from public_data.rescaling import PictureJob, Rescaled, rescale_picture, rescale_record
from src.contract.budget import CELL, MIN_PIXELS, PixelBudget
from src.contract.images import size_issue
from src.contract.index import JsonlIndex
from src.contract.policy import quarantine_line, scan
from src.contract.records import Record, Source
from src.contract.write import record_to_line
from src.errors import DataError, Issue, UsageError
from src.files import atomic_write, write_bytes, write_text
from src.utils.cli import parser
from src.utils.progress import progress

ASIDE = ".aside"
SETTINGS = ".rescale_settings.json"
MARKER = "rescale.json"
QUARANTINE = "quarantine.jsonl"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def main(argv: Sequence[str]) -> int:
    options = _arguments().parse_args(argv)
    budgets = _budgets(options)
    index = JsonlIndex.open(options.jsonl)
    scan(index, "fail")
    _begin(options)
    job = PictureJob(
        root=options.jsonl.parent,
        folders=tuple(options.out / str(budget.max_pixels) for budget in budgets),
        aside=options.out / ASIDE,
        budgets=budgets,
        quality=options.quality,
    )
    pictures = _rescaled(index, job, options.workers)
    shutil.rmtree(job.aside)
    bad = _quarantine(index, pictures, options.out)
    if len(bad) == len(index):
        raise DataError.say(
            "no record has a usable picture", remedy=f"see {options.out / QUARANTINE}"
        )
    for place, folder in enumerate(job.folders):
        _write_jsonl(index, bad, pictures, place, folder / options.jsonl.name)
    report = _report(index, bad, pictures, job)
    write_bytes(options.out / MARKER, orjson.dumps(report, option=JSON))
    kept = sum(picture.num_kept for picture in pictures.values())
    sys.stdout.write(
        json.dumps({**report, "kept": kept}) + "\n" if options.json else _explain(report, kept)
    )
    return 0


def _arguments() -> argparse.ArgumentParser:
    arguments = parser("python -m public_data rescale", (__doc__ or "").split("\n\n")[0])
    add = arguments.add_argument
    add("--jsonl", required=True, type=Path, help="contract JSONL file")
    add("--out", required=True, type=Path, help="folder to fill: OUT/MAX_PIXELS/ for each budget")
    add("--max-pixels", required=True, type=int, nargs="+", help="largest area of a picture")
    add("--min-pixels", type=int, default=MIN_PIXELS, help="smallest area of a picture")
    add("--quality", type=int, default=95, help="of JPEG and WebP pictures that are written anew")
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes; changes nothing in the output",
    )
    add("--json", action="store_true", help="print JSON")
    return arguments


def _budgets(options: argparse.Namespace) -> tuple[PixelBudget, ...]:
    if not MIN_PIXELS // 4 <= options.min_pixels <= min(options.max_pixels):
        raise UsageError.say(
            "budgets must satisfy 1024 <= min-pixels <= max-pixels",
            got=f"{options.min_pixels}, {min(options.max_pixels)}",
        )
    if len(set(options.max_pixels)) < len(options.max_pixels):
        raise UsageError.say("a budget is given twice")
    if not 1 <= options.quality <= 100 or options.workers < 1:
        raise UsageError.say("--quality lies in 1..100, --workers is at least 1")
    return tuple(
        PixelBudget(min_pixels=options.min_pixels, max_pixels=largest)
        for largest in options.max_pixels
    )


def _begin(options: argparse.Namespace) -> None:
    """Claim the folder for these settings: pictures that other settings left must not be taken for finished ones."""
    settings = json.dumps(
        {
            "jsonl": str(options.jsonl.resolve()),
            "min_pixels": options.min_pixels,
            "max_pixels": options.max_pixels,
            "quality": options.quality,
        }
    )
    file = options.out / SETTINGS
    if file.is_file():
        if file.read_text(encoding="utf-8") != settings:
            raise DataError.say(
                f"{options.out} was begun with other settings or another file",
                remedy="choose another folder, or remove this one",
            )
    elif options.out.is_dir() and any(options.out.iterdir()):
        raise DataError.say(f"{options.out} holds something else", remedy="choose an empty folder")
    write_text(file, settings)
    (options.out / MARKER).unlink(missing_ok=True)
    # What a killed run was writing lies here, and not beside the pictures.
    shutil.rmtree(options.out / ASIDE, ignore_errors=True)
    (options.out / ASIDE).mkdir()


def _rescaled(index: JsonlIndex, job: PictureJob, workers: int) -> dict[str, Rescaled]:
    """Each picture once, however many records show it, in the order of the file."""
    sources: dict[str, Source] = {}
    for row in range(len(index)):
        record = index.record(row)
        for image in record.images:
            sources.setdefault(image, record.source)
    with ordered_map(workers) as each:
        results = each(partial(_one, job), sources.items(), 4)
        done = list(progress(results, total=len(sources), label="rescale"))
    return dict(zip(sources, done, strict=True))


def _one(job: PictureJob, named: tuple[str, Source]) -> Rescaled:
    return rescale_picture(job, *named)


def _quarantine(index: JsonlIndex, pictures: Mapping[str, Rescaled], out: Path) -> frozenset[int]:
    """Write aside the records whose pictures are missing, damaged or of another size; their rows."""
    bad = []
    with atomic_write(out / QUARANTINE, "wb") as handle:
        for row in range(len(index)):
            record = index.record(row)
            if issues := tuple(_issues(record, pictures, index.path.parent)):
                bad.append(row)
                handle.write(quarantine_line(row, index.line(row), issues))
    return frozenset(bad)


def _issues(record: Record, pictures: Mapping[str, Rescaled], root: Path) -> Iterator[Issue]:
    for image in record.images:
        yield from pictures[image].issues
    if record.images and record.width and not pictures[record.images[0]].issues:
        said, found = (record.width, record.height), pictures[record.images[0]].size
        if said != found:
            yield size_issue(record.source, said, root / record.images[0], found)


def _write_jsonl(
    index: JsonlIndex, bad: frozenset[int], pictures: Mapping[str, Rescaled], place: int, file: Path
) -> None:
    with atomic_write(file, "wb") as handle:
        for row in range(len(index)):
            if row in bad:
                continue
            record = index.record(row)
            if record.images:
                record = rescale_record(record, pictures[record.images[0]].sizes[place])
            handle.write(record_to_line(record))


def _report(
    index: JsonlIndex, bad: frozenset[int], pictures: Mapping[str, Rescaled], job: PictureJob
) -> dict[str, object]:
    """What the folders hold; nothing of how this run made it, so that a rerun writes the same."""
    usable = [picture for picture in pictures.values() if not picture.issues]
    budgets = []
    for place, budget in enumerate(job.budgets):
        tokens = sorted(p.sizes[place][0] * p.sizes[place][1] // CELL**2 for p in usable)
        budgets.append(
            {
                "max_pixels": budget.max_pixels,
                "folder": job.folders[place].name,
                "pictures": len(usable),
                "of_their_own_size": sum(p.sizes[place] == p.size for p in usable),
                "enlarged": sum(_area(p.sizes[place]) > _area(p.size) for p in usable),
                "image_tokens": {
                    "min": tokens[0],
                    "median": tokens[len(tokens) // 2],
                    "max": tokens[-1],
                    "sum": sum(tokens),
                }
                if tokens
                else None,
            }
        )
    return {
        "version": 1,
        "records": len(index) - len(bad),
        "records_quarantined": len(bad),
        "min_pixels": job.budgets[0].min_pixels,
        "quality": job.quality,
        "budgets": budgets,
    }


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _explain(report: Mapping[str, Any], kept: int) -> str:
    lines = [
        f"{report['records']} records written at {len(report['budgets'])} budgets, "
        f"{report['records_quarantined']} quarantined; {kept} pictures kept from an earlier run"
    ]
    for budget in report["budgets"]:
        tokens = budget["image_tokens"]
        spread = f"{tokens['min']} / {tokens['median']} / {tokens['max']}" if tokens else "none"
        lines.append(
            f"  {budget['folder']}: {budget['pictures']} pictures, {budget['of_their_own_size']} of "
            f"them unscaled, {budget['enlarged']} enlarged; image tokens least / median / most {spread}"
        )
    return "\n".join(lines) + "\n"
