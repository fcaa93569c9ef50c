"""`python -m src.config validate|show|diff|schema|reference`: look at configs without loading anything heavy."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from src.config.checks import config_warnings
from src.config.loader import LoadedConfig, find_config, load_config
from src.config.reference import json_schema, render_reference
from src.errors import ConfigError
from src.files import write_text
from src.utils.cli import parser, run

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "training" / "REFERENCE.md"


def main(argv: Sequence[str]) -> int:
    root = parser("python -m src.config", "Validate, show and compare training configs.")
    commands = root.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    for name, text in (
        ("validate", "Check configs; exit 1 and every problem when one is wrong."),
        ("show", "Print the resolved config with the origin of each value."),
    ):
        sub = command(name, text)
        sub.add_argument("config", nargs="+" if name == "validate" else 1, help="path or name")
        sub.add_argument("--set", action="append", default=[], metavar="a.b=c", help="override")
        sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command("diff", "Print the values in which two configs differ; exit 1 when they do.")
    sub.add_argument("config", nargs=2, help="path or name")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command("schema", "Print the JSON Schema of configs, for editors.")
    sub.add_argument("--out", type=Path, help="write to this file")
    sub = command("reference", "Write docs/training/REFERENCE.md from the schema.")
    sub.add_argument("--out", type=Path, default=REFERENCE, help="file to write")
    options = root.parse_args(argv)
    return _COMMANDS[options.command](options)


def _validate(options: argparse.Namespace) -> int:
    problems = []
    warnings: list[str] = []
    for name in options.config:
        try:
            loaded = load_config(find_config(name), options.set)
        except ConfigError as error:
            problems += [asdict(issue) for issue in error.issues]
            if not options.json:
                sys.stderr.write(f"error: {error}\n")
        else:
            found = config_warnings(loaded.config)
            warnings += found
            if not options.json:
                print(f"{name}: valid")
                for text in found:
                    print(f"warning: {text}")
    if options.json:
        print(json.dumps({"valid": not problems, "issues": problems, "warnings": warnings}))
    return 1 if problems else 0


def _show(options: argparse.Namespace) -> int:
    loaded = load_config(find_config(options.config[0]), options.set)
    rows = loaded.origins()
    if options.json:
        print(json.dumps([{"path": p, "value": v, "origin": str(o)} for p, v, o in rows]))
        return 0
    given = {path for path, _, _ in rows}
    for path, value, origin in [*rows, *_defaults(loaded, given)]:
        print(f"{path}: {json.dumps(value, ensure_ascii=False)}  # {origin}")
    return 0


def _defaults(loaded: LoadedConfig, given: set[str]) -> list[tuple[str, object, str]]:
    return [
        (path, value, "default")
        for path, value in _flat(asdict(loaded.config), "")
        if not any(other == path or other.startswith((f"{path}.", f"{path}[")) for other in given)
    ]


def _flat(value: object, path: str) -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [
            pair
            for key, below in value.items()
            for pair in _flat(below, f"{path}.{key}" if path else key)
        ]
    return [(path, value)]


def _diff(options: argparse.Namespace) -> int:
    first, second = (
        dict(_flat(asdict(load_config(find_config(name)).config), "")) for name in options.config
    )
    absent = object()
    differing = {
        path: tuple(None if side is absent else side for side in (a, b))
        for path in sorted({*first, *second})
        if (a := first.get(path, absent)) != (b := second.get(path, absent))
    }
    if options.json:
        print(json.dumps(differing))
    else:
        for path, (a, b) in differing.items():
            print(f"{path}: {json.dumps(a)} -> {json.dumps(b)}")
    return 1 if differing else 0


def _schema(options: argparse.Namespace) -> int:
    text = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
    if options.out:
        write_text(options.out, text)
    else:
        print(text, end="")
    return 0


def _reference(options: argparse.Namespace) -> int:
    write_text(options.out, render_reference())
    return 0


_COMMANDS = {
    "validate": _validate,
    "show": _show,
    "diff": _diff,
    "schema": _schema,
    "reference": _reference,
}

if __name__ == "__main__":
    sys.exit(run(main))
