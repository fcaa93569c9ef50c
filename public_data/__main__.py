"""`python -m public_data COMMAND`: make, fetch, thin out and reshape data sets in the contract's format.

Each command lives in a module of its own, which is imported when it is called: help costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from src.errors import UsageError
from src.utils.cli import run
from src.utils.suggest import did_you_mean

COMMANDS = {
    "lvis": ("public_data.detection", "LVIS annotations to records"),
    "coco": ("public_data.detection", "COCO annotations to records"),
    "chat": ("public_data.chat", "chat corpora (alpaca, sharegpt, openai) to messages records"),
    "negatives": ("public_data.negatives", "a folder of pictures to negative records"),
    "sample": ("public_data.sample", "an exact, seeded part of a JSONL file"),
    "rescale": ("public_data.rescale", "a JSONL file and its pictures at several pixel budgets"),
    "tiles": ("public_data.tiles", "pictures cut into a grid of tiles"),
    "scenes": ("public_data.scenes.__main__", "composed scenes (the quickstart's data)"),
    "download": ("public_data.download", "COCO, LVIS or any URL, verified and resumed"),
    "validate": ("src.contract.__main__", "check JSONL files (python -m src.contract check)"),
}
# Words that a module of several commands, or another program, expects before the options.
FIRST_WORDS = {"lvis": ("lvis",), "coco": ("coco",), "validate": ("check",)}


def main(argv: Sequence[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(_usage())
        return 0 if argv else 2
    name, words = argv[0], argv[1:]
    if name not in COMMANDS:
        raise UsageError.say(
            "no such command",
            got=name,
            expected=" | ".join(COMMANDS),
            remedy=did_you_mean(name, COMMANDS) or "python -m public_data --help lists them",
        )
    command = import_module(COMMANDS[name][0])
    code: int = command.main([*FIRST_WORDS.get(name, ()), *words])
    return code


def _usage() -> str:
    lines = ["usage: python -m public_data COMMAND [options]", "", "commands:"]
    lines += [f"  {name:<10} {text}" for name, (_, text) in COMMANDS.items()]
    lines += ["", "python -m public_data COMMAND --help lists a command's options."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(run(main))
