"""`python -m src.contract check|doctor FILE...`: lines against the data contract, data sets against common mistakes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from src.contract import doctor_command
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import ScanReport, image_check, scan
from src.contract.records import RecordPolicy
from src.errors import UsageError
from src.utils.cli import parser, run


def main(argv: Sequence[str]) -> int:
    root = parser(
        "python -m src.contract",
        "Check data against the contract (docs/data/DATA_JSONL_CONTRACT.md).",
    )
    commands = root.add_subparsers(dest="command", required=True)
    text = "Check every line of JSONL files; exit 1 when one breaks the contract."
    check = commands.add_parser("check", help=text, description=text, allow_abbrev=False)
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSONL file")
    check.add_argument(
        "--images", action="store_true", help="decode every image and compare its size"
    )
    check.add_argument(
        "--root", action="append", default=[], type=Path, help="further folder for images"
    )
    check.add_argument(
        "--policy",
        choices=("fail", "quarantine", "fix"),
        default="fail",
        help="quarantine: bad lines are no failure while good ones remain; fix: count what "
        "clamping by up to one pixel mends as good",
    )
    check.add_argument(
        "--quarantine-out",
        type=Path,
        help="write bad lines and reasons to this file (one FILE only)",
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    text = "Examine whole data sets for wrong coordinates and more; exit 1 when an error is found."
    doctor = commands.add_parser("doctor", help=text, description=text, allow_abbrev=False)
    doctor_command.add_arguments(doctor)
    options = root.parse_args(argv)
    if options.command == "doctor":
        text, code = doctor_command.run_doctor(options)
        print(text)
        return code
    if options.quarantine_out and len(options.files) > 1:
        raise UsageError.say("--quarantine-out takes exactly one FILE", got=str(len(options.files)))
    reports = {str(file): _check(file, options) for file in options.files}
    if options.json:
        print(json.dumps({name: _summary(report) for name, report in reports.items()}))
    else:
        for name, report in reports.items():
            _print(name, report)
    return int(any(_fails(report, options.policy) for report in reports.values()))


def _fails(report: ScanReport, policy: RecordPolicy) -> bool:
    if policy == "quarantine":
        return not len(report.rows)
    return report.num_quarantined > 0


def _check(file: Path, options: argparse.Namespace) -> ScanReport:
    index = JsonlIndex.open(file)
    resolver = ImageResolver(file.parent, tuple(options.root))
    return scan(
        index,
        "quarantine",  # everything is to be seen; the exit code says that something is wrong
        fix=options.policy == "fix",
        check=image_check(resolver) if options.images else None,
        quarantine_path=options.quarantine_out,
    )


def _summary(report: ScanReport) -> dict[str, object]:
    return {
        "read": report.num_read,
        "good": len(report.rows),
        "bad": report.num_quarantined,
        "fixed": report.num_fixed,
        "by_rule": dict(report.by_rule),
        "issues": [asdict(issue) for issue in report.shown],
    }


def _print(name: str, report: ScanReport) -> None:
    for issue in report.shown:
        print(issue.render())
    rules = ", ".join(f"{rule} {count}" for rule, count in report.by_rule.items())
    fixed = f", {report.num_fixed} with clamped coordinates" if report.num_fixed else ""
    print(
        f"{name}: {report.num_read} read, {report.num_quarantined} bad{fixed}"
        + (f" ({rules})" if rules else "")
    )


if __name__ == "__main__":
    sys.exit(run(main))
