"""`python -m data_conversion`: convert an annotation export into contract JSONL."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.unified_processor import convert, explain
from src.errors import UsageError
from src.utils.cli import parser, run


def main(argv: Sequence[str]) -> int:
    arguments = parser(
        "python -m data_conversion", "Convert an annotation export into contract JSONL."
    )
    add = arguments.add_argument
    add("--input", required=True, type=Path, help="folder of the export")
    add("--output", required=True, type=Path, help="folder to fill")
    add("--format", required=True, help=f"format of the export: {', '.join(READERS)}")
    add("--domain", help="domain pack whose taxonomy renames labels")
    add("--split", choices=("auto", "seeded"), default="auto", help="auto: the export's own lists")
    add("--val-ratio", type=float, default=0.1, help="share of images for validation")
    add("--seed", type=int, default=17, help="seed of the split and of the limit")
    add("--limit", type=int, help="convert only so many images, drawn by the seed")
    add(
        "--exif",
        choices=("auto", "raw", "upright"),
        default="auto",
        help="what coordinates refer to",
    )
    add("--workers", type=int, default=1, help="processes; changes nothing in the output")
    add("--fail-fast", action="store_true", help="stop at the first image that cannot be used")
    add("--overwrite", action="store_true", help="use an output folder that holds other files")
    add("--json", action="store_true", help="print JSON")
    options = vars(arguments.parse_args(argv))
    as_json = options.pop("json")
    if not 0.0 <= options["val_ratio"] < 1.0:
        raise UsageError.say("val-ratio must lie in 0..1", got=str(options["val_ratio"]))
    if options["workers"] < 1 or (options["limit"] is not None and options["limit"] < 1):
        raise UsageError.say("workers and limit must be at least 1")
    config = ConversionConfig(**options)
    done = convert(config)
    print(json.dumps(asdict(done)) if as_json else explain(config, done))
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
