"""`python -m src.domains validate [ID ...]` and `python -m src.domains render ID`: check packs, read their prompts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import get_args

from src.contract.coordinates import Norm
from src.domains.config import DomainPack, PromptMode
from src.domains.loader import load_pack, pack_ids
from src.domains.prompts import render_prompts
from src.errors import ConfigError, Issue
from src.utils import cli


def main(argv: Sequence[str]) -> int:
    """Run one subcommand; returns the exit code."""
    parser = cli.parser("python -m src.domains", "Check domain packs and show their prompts.")
    commands = parser.add_subparsers(dest="command", required=True)
    validate = commands.add_parser("validate", help="decode packs and render every prompt")
    validate.add_argument("packs", nargs="*", help="ids or paths; all packs when left out")
    render = commands.add_parser("render", help="print the prompts that a pack gives")
    render.add_argument("pack", help="id or path")
    render.add_argument("--mode", choices=get_args(PromptMode), default="dense")
    render.add_argument("--json-format", default="standard")
    render.add_argument("--emit-norm", choices=get_args(Norm), default="norm1000")
    options = parser.parse_args(argv)
    if options.command == "validate":
        return _validate(options.packs or pack_ids())
    pack = load_pack(options.pack)
    system, user = render_prompts(pack, options.mode, options.json_format, options.emit_norm)
    sys.stdout.write(f"[system]\n{system or '(none)'}\n\n[user]\n{user}\n")
    return 0


def _validate(names: Sequence[str]) -> int:
    """Every pack is looked at before the problems of all are raised together."""
    issues: list[Issue] = []
    for name in names:
        try:
            pack = load_pack(name)
            rendered = _render_all(pack)
        except ConfigError as error:
            issues.extend(error.issues)
        else:
            sys.stdout.write(f"{name}: ok ({pack.language}, {rendered} prompts)\n")
    if issues:
        raise ConfigError(*issues)
    return 0


def _render_all(pack: DomainPack) -> int:
    """Render each combination of mode, format and norm; returns their number."""
    combinations = [
        (mode, json_format, norm)
        for mode in get_args(PromptMode)
        for json_format in pack.format_hints
        for norm in get_args(Norm)
    ]
    for mode, json_format, norm in combinations:
        render_prompts(pack, mode, json_format, norm)
    return len(combinations)


if __name__ == "__main__":
    sys.exit(cli.run(main))
