"""`python -m public_data sample`: an exact, seeded part of a contract JSONL, in the source's order.

Lines are kept byte for byte; pictures are linked (or copied) when the part lies in another folder. Cost: one validating pass
over the source, about 60 microseconds a record.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

from data_conversion.pipeline.place_image import link_image
from public_data.object_metadata import metadata_of_kept
from public_data.sampling import (
    BANDS,
    LVIS_THRESHOLDS,
    Choice,
    Labels,
    choose_by_band,
    choose_labelled,
    choose_stratified,
    choose_uniform,
    pictures_by_label,
    top_labels,
)
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import scan
from src.contract.records import Record
from src.contract.write import record_to_line
from src.errors import DataError, ImageError, Issue, UsageError
from src.files import atomic_write
from src.utils.cli import parser
from src.utils.progress import progress

WAYS = ("uniform", "stratified", "frequency", "top-k")


def main(argv: Sequence[str]) -> int:
    options = _arguments().parse_args(argv)
    _check(options)
    index = JsonlIndex.open(options.jsonl)
    rows: list[Labels] = []

    def note(record: Record) -> None:
        rows.append(frozenset(item.desc for item in record.objects))

    scan(index, "fail", check=note)
    labels = top_labels(pictures_by_label(rows), options.labels) if options.by == "top-k" else ()
    choice = _choose(rows, labels, options)
    keep = frozenset(labels) if options.others == "drop-objects" else None
    dropped = _write(index, choice.rows, keep, options)
    report = _report(rows, choice, labels, dropped, options)
    sys.stdout.write(json.dumps(report) + "\n" if options.json else _explain(report))
    return 0


def _arguments() -> argparse.ArgumentParser:
    arguments = parser("python -m public_data sample", (__doc__ or "").split("\n\n")[0])
    add = arguments.add_argument
    add("--jsonl", required=True, type=Path, help="contract JSONL file")
    add("--out", required=True, type=Path, help="JSONL file to write")
    add("--count", required=True, type=int, help="records to keep: exactly so many, or an error")
    add("--by", choices=WAYS, default="uniform", help="how records are chosen")
    add("--bands", default=",".join(BANDS), help="frequency: bands to draw from")
    add(
        "--thresholds",
        nargs=2,
        type=int,
        default=LVIS_THRESHOLDS,
        metavar=("RARE", "COMMON"),
        help="frequency: a label in at most so many pictures of the file is rare, common",
    )
    add("--labels", type=int, help="top-k: how many of the most frequent labels")
    add(
        "--others",
        choices=("keep", "drop-objects", "drop-images"),
        default="keep",
        help="top-k: what becomes of objects of other labels; drop-images leaves their pictures out",
    )
    add("--seed", type=int, default=17, help="seed of the choice")
    add("--no-images", action="store_true", help="link no pictures")
    add("--json", action="store_true", help="print JSON")
    return arguments


def _check(options: argparse.Namespace) -> None:
    if options.count < 1:
        raise UsageError.say("--count must be at least 1", got=str(options.count))
    if (options.by == "top-k") != (options.labels is not None):
        raise UsageError.say("--labels belongs to --by top-k, which needs it")
    if options.labels is not None and options.labels < 1:
        raise UsageError.say("--labels must be at least 1", got=str(options.labels))
    if options.others != "keep" and options.by != "top-k":
        raise UsageError.say("--others belongs to --by top-k")
    if not set(options.bands.split(",")) <= set(BANDS):
        raise UsageError.say("unknown band", got=options.bands, expected=",".join(BANDS))
    if not 0 < options.thresholds[0] < options.thresholds[1]:
        raise UsageError.say("--thresholds must rise, e.g. 10 100")
    if options.out.resolve() == options.jsonl.resolve():
        raise UsageError.say("--out is the source itself", remedy="write another file")


def _choose(rows: Sequence[Labels], labels: Sequence[str], options: argparse.Namespace) -> Choice:
    count, seed = options.count, options.seed
    if options.by == "uniform":
        return choose_uniform(len(rows), count, seed)
    if options.by == "stratified":
        return choose_stratified(rows, count, seed)
    if options.by == "frequency":
        bands = options.bands.split(",")
        return choose_by_band(rows, count, seed, bands, tuple(options.thresholds))
    only = options.others == "drop-images"
    return choose_labelled(rows, count, seed, labels, only=only)


@dataclass(slots=True, kw_only=True)
class Dropped:
    """What was taken out of kept records."""

    objects: int = 0
    summaries: int = 0


def _write(
    index: JsonlIndex, rows: Sequence[int], keep: Labels | None, options: argparse.Namespace
) -> Dropped:
    """Write the part; its pictures first, so that a written file is whole. `keep` None keeps every object."""
    if options.out.exists() and not _holds(options.out, _lines(index, rows, keep, Dropped())):
        # Its pictures would stay, with nothing to tell them from this part's.
        raise DataError.say(
            f"{options.out} holds something else, perhaps another part",
            remedy="remove it with its pictures, or choose another --out",
        )
    moves = options.out.resolve().parent != options.jsonl.resolve().parent
    if moves and not options.no_images:
        _link_images(index, rows, options.out.parent)
    dropped = Dropped()
    with atomic_write(options.out, "wb") as handle:
        handle.writelines(_lines(index, rows, keep, dropped))
    return dropped


def _lines(
    index: JsonlIndex, rows: Sequence[int], keep: Labels | None, dropped: Dropped
) -> Iterator[bytes]:
    for row in rows:
        line = index.line(row) + b"\n"
        yield line if keep is None else _without_others(index.record(row), keep, line, dropped)


def _holds(file: Path, lines: Iterable[bytes]) -> bool:
    with file.open("rb") as handle:
        return all(handle.read(len(line)) == line for line in lines) and not handle.read(1)


def _link_images(index: JsonlIndex, rows: Sequence[int], out: Path) -> None:
    resolver = ImageResolver(index.path.parent)
    for row in progress(rows, total=len(rows), label="link pictures"):
        record = index.record(row)
        for image in record.images:
            try:
                source, target = resolver.resolve(image, record.source), out / image
            except ImageError as error:
                hint = Issue(message="its pictures cannot be linked", remedy="or say --no-images")
                raise ImageError(*error.issues, hint) from error
            if target.is_file() and not filecmp.cmp(source, target, shallow=False):
                raise DataError.say(
                    "another picture of this name is in the output folder",
                    where=str(record.source),
                    got=image,
                    remedy="choose an empty folder",
                )
            link_image(source, target, out)


def _without_others(record: Record, keep: Labels, line: bytes, dropped: Dropped) -> bytes:
    """The line with objects of kept labels only. A summary would speak of the others still: it goes with them."""
    stays = [item.desc in keep for item in record.objects]
    if all(stays):
        return line
    dropped.objects += stays.count(False)
    dropped.summaries += record.summary is not None
    objects = tuple(compress(record.objects, stays))
    metadata = metadata_of_kept(record.metadata, stays)
    return record_to_line(replace(record, objects=objects, summary=None, metadata=metadata))


def _report(
    rows: Sequence[Labels],
    choice: Choice,
    labels: Sequence[str],
    dropped: Dropped,
    options: argparse.Namespace,
) -> dict[str, object]:
    before = pictures_by_label(rows)
    after: Counter[str] = pictures_by_label(rows[row] for row in choice.rows)
    if options.others == "drop-objects":
        after = Counter({label: after[label] for label in labels if label in after})
    return {
        "source": str(options.jsonl),
        "out": str(options.out),
        "by": options.by,
        "seed": options.seed,
        "records": len(choice.rows),
        "of": len(rows),
        "candidates": choice.num_candidates,
        "bands": choice.bands,
        "top_labels": list(labels),
        "labels": len(after),
        "labels_of_source": len(before),
        "labels_missing": sorted(before.keys() - after.keys()),
        "objects_dropped": dropped.objects,
        "summaries_dropped": dropped.summaries,
    }


def _explain(report: dict[str, object]) -> str:
    lines = [
        f"{report['out']}: {report['records']} of {report['of']} records "
        f"({report['candidates']} fit), {report['labels']} of {report['labels_of_source']} labels"
    ]
    if report["bands"]:
        lines.append(f"records by the band of their rarest label: {report['bands']}")
    if report["objects_dropped"]:
        lines.append(
            f"taken out of these records: {report['objects_dropped']} objects of other labels, "
            f"{report['summaries_dropped']} summaries"
        )
    return "\n".join(lines) + "\n"
