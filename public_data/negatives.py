"""`python -m public_data negatives`: a folder of pictures in which nothing is of interest, to records that say so.

Each becomes a dense record without objects, or with `--summary` a summary record of the domain pack's word for irrelevant
pictures. Pictures are decoded completely (damaged ones are quarantined) and linked; sizes are those of the upright picture.
Cost: one decode a picture, about 5 ms for 1024x768.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import orjson

from data_conversion.pipeline.place_image import link_image
from public_data.ordered_map import ordered_map
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.records import Record, Source
from src.contract.write import record_to_line
from src.domains.loader import DEFAULT_DOMAIN, load_pack
from src.errors import DataError, Issue, ProjectError, UsageError
from src.files import atomic_write, write_bytes
from src.images import SUFFIXES, load_rgb
from src.utils.cli import parser
from src.utils.progress import progress

RECORDS = "negatives.jsonl"
QUARANTINE = "quarantine.jsonl"
REPORT = "negatives.json"
IMAGES = "images"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """One picture: its record's line, or why it cannot be used."""

    name: str
    line: bytes = b""
    issues: tuple[Issue, ...] = ()


def main(argv: Sequence[str]) -> int:
    options = _arguments().parse_args(argv)
    if options.workers < 1:
        raise UsageError.say("--workers must be at least 1", got=str(options.workers))
    if not options.images.is_dir():
        raise DataError.say(f"folder {options.images} does not exist")
    if options.out.resolve().is_relative_to(options.images.resolve()):
        raise UsageError.say("--out lies inside --images", remedy="choose a folder elsewhere")
    if options.domain is not None and not options.summary:
        raise UsageError.say("--domain belongs to --summary, whose word it gives")
    domain = options.domain or DEFAULT_DOMAIN
    summary = load_pack(domain).tokens.irrelevant if options.summary else None
    names, others = _list_pictures(options.images)
    _refuse_other_pictures(options.out, names)
    (options.out / REPORT).unlink(missing_ok=True)
    make = partial(make_negative, options.images, options.out, summary)
    with ordered_map(options.workers) as each:
        done = list(progress(each(make, names, 8), total=len(names), label="negatives"))
    with atomic_write(options.out / RECORDS, "wb") as handle:
        handle.writelines(negative.line for negative in done)
    with atomic_write(options.out / QUARANTINE, "wb") as handle:
        handle.writelines(_quarantine_line(negative) for negative in done if negative.issues)
    report = _report(done, others, summary)
    write_bytes(options.out / REPORT, orjson.dumps(report, option=JSON))
    sys.stdout.write(json.dumps(report) + "\n" if options.json else _explain(report, options.out))
    return 0 if report["written"] else 1


def _arguments() -> argparse.ArgumentParser:
    arguments = parser("python -m public_data negatives", (__doc__ or "").split("\n\n")[0])
    add = arguments.add_argument
    add("--images", required=True, type=Path, help="folder of pictures, searched to any depth")
    add("--out", required=True, type=Path, help="folder to fill")
    add("--summary", action="store_true", help="summary records instead of dense ones")
    add("--domain", help=f"domain pack that gives the summary's word ({DEFAULT_DOMAIN})")
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes; changes nothing in the output",
    )
    add("--json", action="store_true", help="print JSON")
    return arguments


def _list_pictures(folder: Path) -> tuple[list[str], Counter[str]]:
    """Picture files as sorted POSIX paths, and how many other files there are by suffix. Hidden files are neither."""
    files = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    ]
    names = sorted(name for name in files if name.lower().endswith(SUFFIXES))
    others = Counter(Path(name).suffix.lower() for name in set(files).difference(names))
    return names, others


def _refuse_other_pictures(out: Path, names: Sequence[str]) -> None:
    """`DataError` when an earlier run left pictures that this one lacks: nothing would tell them from its own."""
    if not (out / RECORDS).is_file():
        return
    index = JsonlIndex.open(out / RECORDS)
    shown = {image for row in range(len(index)) for image in index.record(row).images}
    if others := sorted(shown.difference(f"{IMAGES}/{name}" for name in names)):
        raise DataError.say(
            f"{out} holds pictures that are not in this folder",
            got=f"{len(others)} of them, e.g. {others[0]}",
            remedy="choose another --out, or remove this one",
        )


def make_negative(root: Path, out: Path, summary: str | None, name: str) -> Negative:
    """Check and link one picture. A bad one never raises: it comes back as issues."""
    source = Source(file=name, line=1)
    try:
        path = ImageResolver(root).resolve(name, source)
        height, width = load_rgb(path).shape[:2]
        image = f"{IMAGES}/{name}"
        link_image(path, out / image, out)
    except ProjectError as error:
        return Negative(name=name, issues=error.issues)
    record = Record(images=(image,), width=width, height=height, summary=summary, source=source)
    return Negative(name=name, line=record_to_line(record))


def _quarantine_line(negative: Negative) -> bytes:
    return orjson.dumps(
        {"image": negative.name, "issues": [asdict(issue) for issue in negative.issues]},
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _report(
    done: Sequence[Negative], others: Counter[str], summary: str | None
) -> dict[str, object]:
    rules = Counter(issue.rule for negative in done for issue in negative.issues)
    return {
        "version": 1,
        "pictures": len(done),
        "written": sum(not negative.issues for negative in done),
        "quarantined": sum(bool(negative.issues) for negative in done),
        "quarantined_by_rule": dict(sorted(rules.items())),
        "other_files": dict(sorted(others.items())),
        "summary": summary,
    }


def _explain(report: dict[str, object], out: Path) -> str:
    lines = [
        f"{out / RECORDS}: {report['pictures']} pictures = {report['written']} written + "
        f"{report['quarantined']} quarantined"
    ]
    if report["other_files"]:
        lines.append(f"files that are no JPEG, PNG, WebP or BMP: {report['other_files']}")
    return "\n".join(lines) + "\n"
