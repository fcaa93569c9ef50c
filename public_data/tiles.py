"""`python -m public_data tiles`: cut the pictures of contract JSONL files into a grid of tiles, each a record of its own.

For models too small for whole pictures: a tile holds fewer objects, and larger ones. Objects are clipped exactly (the largest
part stays); one that shows less of itself than `--min-visible` is left out of the tile. `--stretch` raises the contrast of faint
pictures: each channel, without 1 % of its values at either end, is stretched to 0..255. About 3 ms a tile.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import orjson
from numpy.typing import NDArray

from public_data.tiling import tile_record, windows
from src.contract.images import ImageResolver, size_issue
from src.contract.index import JsonlIndex
from src.contract.policy import quarantine_line, scan
from src.contract.records import Record
from src.contract.write import record_to_line
from src.datasets.augmentation.colour import AutoContrast, Colour, apply_colours
from src.errors import DataError, ImageError, ProjectError, RecordError, UsageError
from src.files import atomic_write, write_bytes
from src.images import load_rgb
from src.utils.cli import parser, run
from src.utils.progress import progress

JPEG_QUALITY = 95
STRETCH = (AutoContrast(cutoff=1.0),)
IMAGES = "images"
MARKER = "tiles.json"
QUARANTINE = "quarantine.jsonl"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How every picture is cut: (columns, rows), the share of an object that a tile must show, changes of colour first."""

    out: Path
    grid: tuple[int, int]
    min_visible: float
    colours: Sequence[Colour] = ()


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the records of all files; `names` are the pictures written."""

    records: int = 0
    tiles: int = 0
    empty_tiles: int = 0
    summaries_dropped: int = 0
    quarantined_by_rule: Counter[str] = field(default_factory=Counter)
    quarantined: list[bytes] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def main(argv: Sequence[str]) -> int:
    options = _arguments().parse_args(argv)
    _check(options)
    indexes = [JsonlIndex.open(file) for file in options.jsonl]
    for index in indexes:
        scan(index, "fail")
    (options.out / IMAGES).mkdir(parents=True, exist_ok=True)
    (options.out / MARKER).unlink(missing_ok=True)
    cut = Cut(
        out=options.out,
        grid=(options.columns, options.rows),
        min_visible=options.min_visible,
        colours=STRETCH if options.stretch else (),
    )
    counts = Counts()
    for index in indexes:
        with atomic_write(options.out / index.path.name, "wb") as handle:
            for row in progress(range(len(index)), total=len(index), label=index.path.name):
                handle.writelines(_tiles(index, row, cut, counts))
    with atomic_write(options.out / QUARANTINE, "wb") as handle:
        handle.writelines(counts.quarantined)
    if not counts.tiles:
        raise DataError.say(
            "no record could be cut into tiles", remedy=f"see {options.out / QUARANTINE}"
        )
    _sweep(options.out / IMAGES, {index.path.stem for index in indexes}, counts.names)
    report = _report(counts, options)
    write_bytes(options.out / MARKER, orjson.dumps(report, option=JSON))
    sys.stdout.write(json.dumps(report) + "\n" if options.json else _explain(report, options.out))
    return 0


def _arguments() -> argparse.ArgumentParser:
    arguments = parser("python -m public_data tiles", (__doc__ or "").split("\n\n")[0])
    add = arguments.add_argument
    add("--jsonl", required=True, nargs="+", type=Path, help="contract JSONL files")
    add("--out", required=True, type=Path, help="folder to fill; files keep their names")
    add("--columns", type=int, default=2, help="tiles across")
    add("--rows", type=int, default=2, help="tiles down")
    add("--min-visible", type=float, default=0.4, help="share of an object that a tile must show")
    add("--stretch", action="store_true", help="stretch the contrast of each picture first")
    add("--json", action="store_true", help="print JSON")
    return arguments


def _check(options: argparse.Namespace) -> None:
    if min(options.columns, options.rows) < 1:
        raise UsageError.say("--columns and --rows must be at least 1")
    if not 0.0 < options.min_visible <= 1.0:
        raise UsageError.say(
            "--min-visible is a share above 0, at most 1", got=str(options.min_visible)
        )
    names = [file.name for file in options.jsonl]
    # Pictures are named by the stem, in which `a.jsonl` and `a.json` are equal.
    stems = {file.stem for file in options.jsonl}
    if len(stems) < len(names) or QUARANTINE in names:
        raise UsageError.say(
            "files keep their names, so each needs another",
            got=", ".join(names),
            expected=f"different names, none of them {QUARANTINE}",
            remedy="cut them into different folders, or rename one",
        )
    if any(options.out.resolve() == file.resolve().parent for file in options.jsonl):
        raise UsageError.say("--out is the folder of a source", remedy="choose another folder")


def _tiles(index: JsonlIndex, row: int, cut: Cut, counts: Counts) -> list[bytes]:
    """The lines of one record's tiles, row by row; their pictures are written on the way. None for a record put aside."""
    record = index.record(row)
    counts.records += 1
    try:
        _refuse_without_objects(record, index.line(row))
        pixels = _pixels(record, index.path.parent, cut.grid)
    except ProjectError as error:
        counts.quarantined.append(quarantine_line(row, index.line(row), error.issues))
        counts.quarantined_by_rule.update(issue.rule for issue in error.issues)
        return []
    pixels = apply_colours(pixels, cut.colours, None)
    lines = []
    for place, window in enumerate(windows(record.width, record.height, cut.grid)):
        x1, y1, x2, y2 = window
        image = f"{IMAGES}/{index.path.stem}_{row:06d}_{place}.jpg"
        _store(pixels[y1:y2, x1:x2], cut.out / image)
        tile = tile_record(record, image, window, cut.min_visible)
        lines.append(record_to_line(tile))
        counts.names.add(Path(image).name)
        counts.empty_tiles += not tile.objects
    counts.tiles += len(lines)
    counts.summaries_dropped += record.summary is not None
    return lines


def _refuse_without_objects(record: Record, line: bytes) -> None:
    """`RecordError` for a record that says nothing of objects: its tiles would say that nothing is there."""
    # A record alone does not tell a summary from a negative with a summary: both have no objects.
    if "objects" not in orjson.loads(line):
        raise RecordError.say(
            "the record has no objects to be cut",
            where=str(record.source),
            rule="tiles-kind",
            got="a chat" if record.is_chat else "a summary",
            expected="a dense record",
            remedy="leave it in quarantine",
        )


def _pixels(record: Record, folder: Path, grid: tuple[int, int]) -> NDArray[np.uint8]:
    """The record's upright picture, (height, width, 3). `ProjectError` when it cannot be cut into true tiles."""
    path = ImageResolver(folder).resolve(record.images[0], record.source)
    pixels = load_rgb(path)
    found, said = (pixels.shape[1], pixels.shape[0]), (record.width, record.height)
    if found != said:
        raise RecordError(size_issue(record.source, said, path, found))
    if said[0] < grid[0] or said[1] < grid[1]:
        raise ImageError.say(
            "the picture has fewer pixels than tiles",
            where=str(record.source),
            rule="tiles-size",
            got=f"{said[0]}x{said[1]} pixels",
            expected=f"at least {grid[0]}x{grid[1]}",
            remedy="ask for fewer --columns and --rows",
        )
    return pixels


def _store(pixels: NDArray[np.uint8], target: Path) -> None:
    done, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    # Another data set may be linked to what lies there. Not flushed one by one: the marker, written last, says that the folder
    # is whole.
    target.unlink(missing_ok=True)
    target.write_bytes(data.tobytes())


def _sweep(folder: Path, stems: set[str], names: set[str]) -> None:
    """Remove the tiles that an earlier run with another grid or source left of the same files."""
    for path in folder.iterdir():
        match = re.fullmatch(r"(.+)_\d{6,}_\d+\.jpg", path.name)
        if match and match[1] in stems and path.name not in names:
            path.unlink()


def _report(counts: Counts, options: argparse.Namespace) -> dict[str, object]:
    return {
        "version": 1,
        "files": [file.name for file in options.jsonl],
        "columns": options.columns,
        "rows": options.rows,
        "min_visible": options.min_visible,
        "stretch": options.stretch,
        "records": counts.records,
        "tiles": counts.tiles,
        "empty_tiles": counts.empty_tiles,
        "summaries_dropped": counts.summaries_dropped,
        "quarantined": len(counts.quarantined),
        "quarantined_by_rule": dict(sorted(counts.quarantined_by_rule.items())),
    }


def _explain(report: dict[str, object], out: Path) -> str:
    lines = [
        f"{out}: {report['tiles']} tiles ({report['empty_tiles']} without objects) of {report['records']} records, "
        f"{report['quarantined']} of them quarantined {report['quarantined_by_rule'] or ''}".rstrip()
    ]
    if report["summaries_dropped"]:
        lines.append(
            f"summaries left out, as they speak of whole pictures: {report['summaries_dropped']}"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(run(main))
