"""`python -m src.contract doctor FILE...`: examine whole data sets for mistakes that no single line shows."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from src.doctor.checks import Check
from src.doctor.frames import Space

if TYPE_CHECKING:
    from src.doctor.examination import Examination

MOST_LABELS = 20


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSONL file")
    command.add_argument(
        "--space",
        choices=get_args(Space),
        default="pixels",
        help="what the coordinates are meant to be",
    )
    command.add_argument(
        "--val", action="append", default=[], type=Path,
        help="validation JSONL, whose pictures must not be among the others'",
    )  # fmt: skip
    command.add_argument(
        "--root", action="append", default=[], type=Path, help="further folder for images"
    )
    command.add_argument("--no-images", action="store_true", help="do not look at picture files")
    command.add_argument("--html", type=Path, help="write a page with what was found, drawn")
    command.add_argument("--strict", action="store_true", help="exit 1 for advice as well")
    command.add_argument("--json", action="store_true", help="print JSON")


def run_doctor(options: argparse.Namespace) -> tuple[str, int]:
    """What to print, and the exit code: 1 when an error was found, or with --strict anything."""
    from src.doctor.examination import examine

    done = examine(
        options.files,
        space=options.space,
        val=options.val,
        roots=options.root,
        with_images=not options.no_images,
    )
    if options.html:
        # Drawing needs OpenCV.
        from src.contract.doctor_page import write_doctor_page

        write_doctor_page(options.html, done)
    text = json.dumps(as_json(done)) if options.json else as_text(done)
    return text, int(done.has_findings if options.strict else done.has_errors)


def as_json(done: Examination) -> dict[str, Any]:
    """Everything, as JSON values; numbers that are not known are null."""
    diagnosis = done.diagnosis
    return {
        "files": list(done.data.files),
        "space": done.space,
        "records": done.data.num_records,
        "objects": done.data.num_objects,
        "diagnosis": diagnosis.cause if diagnosis else None,
        "checks": [{**asdict(check), "records": _places(done, check.records)} for check in done.checks],
        "labels": [
            {
                name: None if isinstance(value, float) and math.isnan(value) else value
                for name, value in asdict(item).items()
            }
            for item in done.labels
        ],
    }  # fmt: skip


def _places(done: Examination, records: tuple[int, ...]) -> list[str]:
    return [done.data.place(row) for row in records]


def as_text(done: Examination) -> str:
    """For a terminal: findings with their remedies first, then advice, then the other verdicts in a line each."""
    lines = [
        f"{done.data.num_records} records, {done.data.num_objects} objects, declared space {done.space}"
    ]
    order = ("found", "advice", "undecided", "ok")
    for check in sorted(done.checks, key=lambda check: order.index(_word(check))):
        lines.append(f"{_word(check):9} {check.name}: {check.sentence}")
        if check.verdict == "found":
            numbers = ", ".join(
                f"{name} {value}" for name, value in list(check.evidence.items())[:12]
            )
            lines += [f"          {numbers}"] if numbers else []
            lines += [f"          -> {check.remedy}"] if check.remedy else []
    lines.append(
        f"descriptions: {len(done.labels)}" + (", the most frequent:" if done.labels else "")
    )
    lines += [
        f'  {item.count:8} "{item.label}": median area {item.area:.0f} px, '
        f"{item.share:.2%} of the picture, width/height {item.aspect:.2f}"
        for item in done.labels[:MOST_LABELS]
    ]
    return "\n".join(_printable(line) for line in lines)  # fmt: skip


def _word(check: Check) -> str:
    is_advice = check.verdict == "found" and check.severity == "advice"
    return "advice" if is_advice else check.verdict


def _printable(line: str) -> str:
    """Letters of every language as they are; what a terminal would obey (escape sequences, line breaks) is shown escaped."""
    if line.isprintable():
        return line
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in line
    )
