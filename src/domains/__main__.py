"""`python -m src.domains validate [ID ...]` and `render ID`: check packs, read their prompts, see what they write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import get_args

from src.contract.coordinates import Norm
from src.domains.config import DomainPack, PromptMode, Stage
from src.domains.describe import describe
from src.domains.examples import examples
from src.domains.loader import load_pack, pack_ids
from src.domains.prompts import render_prompts, render_stage, stage_prompts
from src.domains.summarise import summarise
from src.domains.taxonomy_text import taxonomy_text
from src.domains.vocabulary import Vocabulary
from src.errors import ConfigError, Issue, UsageError
from src.utils import cli
from src.utils.suggest import did_you_mean

EXAMPLES_PER_TYPE = 3


def main(argv: Sequence[str]) -> int:
    """Run one subcommand; returns the exit code."""
    parser = cli.parser("python -m src.domains", "Check domain packs and show what they write.")
    commands = parser.add_subparsers(dest="command", required=True)
    validate = commands.add_parser("validate", help="decode packs, check them, render every prompt")
    validate.add_argument("packs", nargs="*", help="ids or paths; all packs when left out")
    render = commands.add_parser("render", help="print the prompts that a pack gives")
    render.add_argument("pack", help="id or path")
    modes = (*get_args(PromptMode), *get_args(Stage))
    render.add_argument("--mode", choices=modes, default="dense")
    render.add_argument("--json-format", default="standard")
    render.add_argument("--emit-norm", choices=get_args(Norm), default="norm1000")
    render.add_argument("--mission", help="id, for the stages (default: the pack's first)")
    text = "print the taxonomy and example descs instead"
    render.add_argument("--examples", action="store_true", help=text)
    options = parser.parse_args(argv)
    if options.command == "validate":
        return _validate(options.packs or pack_ids())
    pack = load_pack(options.pack)
    sys.stdout.write(_examples(pack) if options.examples else _prompts(pack, options))
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
            types = len(pack.taxonomy.types)
            sys.stdout.write(
                f"{name}: ok ({pack.language}, {rendered} prompts, {types} types of object)\n"
            )
    if issues:
        raise ConfigError(*issues)
    return 0


def _render_all(pack: DomainPack) -> int:
    """Render each combination of mode, format and norm, and each stage for each mission; returns their number."""
    combinations = [
        (mode, json_format, norm)
        for mode in get_args(PromptMode)
        for json_format in pack.format_hints
        for norm in get_args(Norm)
    ]
    for mode, json_format, norm in combinations:
        render_prompts(pack, mode, json_format, norm)
    stages = [stage for stage in get_args(Stage) if stage_prompts(pack, stage) is not None]
    for stage in stages:
        for mission in pack.missions:
            render_stage(pack, stage, mission)
    return len(combinations) + len(stages) * len(pack.missions)


def _prompts(pack: DomainPack, options: argparse.Namespace) -> str:
    if options.mode in get_args(Stage):
        system, user = _stage(pack, options.mode, options.mission)
    elif options.mission is not None:
        raise UsageError.say("--mission belongs to --mode stage_a and stage_b")
    else:
        system, user = render_prompts(pack, options.mode, options.json_format, options.emit_norm)
    return f"[system]\n{system or '(none)'}\n\n[user]\n{user}\n"


def _stage(pack: DomainPack, stage: Stage, wanted: str | None) -> tuple[str | None, str]:
    ids = [mission.id for mission in pack.missions]
    name = wanted if wanted is not None else ids[0] if ids else ""
    if name not in ids:
        raise UsageError.say(
            f"domain pack {pack.id} has no such mission",
            got=name,
            expected=" | ".join(ids),
            remedy=did_you_mean(name, ids),
        )
    return render_stage(pack, stage, pack.missions[ids.index(name)])


def _examples(pack: DomainPack) -> str:
    """The taxonomy, raw objects with what becomes of them, and the summary of all of them."""
    words = Vocabulary.of(pack)
    lines, descs = ["[taxonomy]", taxonomy_text(pack) or "(labels are used as they come)"], []
    lines += ["", "[examples]"]
    for example in examples(words, EXAMPLES_PER_TYPE):
        described = describe(example.label, example.answers, words)
        said = "; ".join(f"{question}: {answer}" for question, answer in example.answers.items())
        lines.append(f"{example.label} ({said}) -> {described.desc}")
        descs.append(described.desc)
    lines += ["", "[summary]", summarise(descs, words) or "(none)"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(cli.run(main))
