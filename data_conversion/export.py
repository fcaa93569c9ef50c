"""`python -m data_conversion.export`: contract JSONL into another format, with a report of what that format cannot hold."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from data_conversion.pipeline.answer_text import norm_of
from data_conversion.pipeline.exporting import ExportConfig, explain, export, report
from data_conversion.pipeline.fidelity_table import fidelity_table
from data_conversion.pipeline.reading import Space
from data_conversion.pipeline.writers.registry import CONVERSATIONS, WRITERS
from data_conversion.pipeline.writing import WriteOptions
from src.datasets.builders.config import JsonFormat
from src.datasets.builders.jsonlines import PLACEHOLDERS
from src.domains.loader import DEFAULT_DOMAIN, load_pack
from src.domains.prompts import render_prompts
from src.errors import UsageError
from src.utils.cli import parser, run


def main(argv: Sequence[str]) -> int:
    arguments = parser(
        "python -m data_conversion.export",
        "Write contract JSONL in another format, and report what that format cannot hold.",
    )
    add = arguments.add_argument
    add("--jsonl", nargs="+", type=Path, help="records; a file's stem names its part")
    add("--format", help=f"format to write: {', '.join(WRITERS)}")
    add("--output", type=Path, help="folder to fill")
    add(
        "--space",
        choices=get_args(Space),
        help="what coordinates in the text mean, for formats that do not say it (Qwen3-VL: norm1000)",
    )
    add(
        "--answer",
        choices=get_args(JsonFormat),
        help="format of the answers of conversation formats (qwen)",
    )
    add("--prompt", help="user turn of conversation formats (default: the domain pack's)")
    add("--domain", help=f"domain pack whose prompts conversation formats have ({DEFAULT_DOMAIN})")
    add("--no-images", action="store_true", help="write annotations only; look at no picture")
    add("--overwrite", action="store_true", help="use an output folder that holds other files")
    add("--json", action="store_true", help="print the report as JSON")
    add("--table", action="store_true", help="print what every format keeps, and do nothing else")
    options = vars(arguments.parse_args(argv))
    if options["table"]:
        print(fidelity_table(WRITERS), end="")
        return 0
    missing = [f"--{name}" for name in ("jsonl", "format", "output") if not options[name]]
    if missing:
        raise UsageError.say(f"{', '.join(missing)} must be given", remedy="see --help")
    config = _config(options)
    done = export(config)
    if options["json"]:
        print(json.dumps(report(done, config), ensure_ascii=False))
    else:
        print(explain(done, config.options.output))
    return 0


def _config(options: dict[str, Any]) -> ExportConfig:
    _check_used(options)
    space = options["space"]
    answer: JsonFormat = options["answer"] or "qwen"
    # ms-swift writes coordinates in the model's own space when it encodes a row: for Qwen3-VL 0..1000.
    norm = "norm1000" if options["format"] == "ms_swift" else norm_of(space)
    pack = load_pack(options["domain"] or DEFAULT_DOMAIN)
    system, user = render_prompts(pack, "dense", answer, norm, user=options["prompt"])
    for text in (system or "", user):
        for placeholder in (*PLACEHOLDERS, "<bbox>", "<ref-object>"):
            if placeholder in text:
                raise UsageError.say(
                    "the prompt holds a placeholder", got=placeholder, remedy="remove it"
                )
    return ExportConfig(
        jsonl=tuple(options["jsonl"]),
        format=options["format"],
        options=WriteOptions(
            output=options["output"],
            space=space,
            prompt=user,
            system=system,
            answer=answer,
        ),
        images=not options["no_images"],
        overwrite=options["overwrite"],
    )


def _check_used(options: dict[str, Any]) -> None:
    """`UsageError` for options that would change nothing."""
    if options["format"] in CONVERSATIONS or options["format"] not in WRITERS:
        return
    given = [name for name in ("space", "answer", "prompt", "domain") if options[name] is not None]
    if given:
        raise UsageError.say(
            f"{options['format']} holds annotations, no text: nothing would come of the option {' and '.join(given)}",
            remedy=f"leave it out, or write {', '.join(CONVERSATIONS)}",
        )


if __name__ == "__main__":
    sys.exit(run(main))
