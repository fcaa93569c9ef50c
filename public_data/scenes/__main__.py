"""`python -m public_data.scenes`: make the quickstart's scenes."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from public_data.scenes.compose import SceneOptions
from public_data.scenes.digits import SPLITS
from public_data.scenes.write import ScenesPlan, write_scenes
from src.errors import UsageError
from src.utils.cli import parser, run


def arguments_of(defaults: SceneOptions) -> ArgumentParser:
    arguments = parser(
        "python -m public_data.scenes",
        "Compose scenes with real handwritten digits, cards and wires as contract JSONL.",
    )
    add = arguments.add_argument
    add("--out", required=True, type=Path, help="folder to write")
    for split, count in zip(SPLITS, (2000, 100, 0), strict=True):
        add(f"--num-{split}", type=int, default=count, help="number of scenes")
    add("--size", type=int, default=defaults.size, help="side in pixels, a multiple of 32")
    add("--min-objects", type=int, default=defaults.min_objects, help="fewest objects")
    add("--max-objects", type=int, default=defaults.max_objects, help="most objects")
    add(
        "--min-extent",
        type=float,
        default=defaults.min_extent,
        help="smallest object, share of the side",
    )
    add(
        "--max-extent",
        type=float,
        default=defaults.max_extent,
        help="largest object, share of the side",
    )
    add(
        "--digit-share",
        type=float,
        default=defaults.digit_share,
        help="share of objects that are digits (boxes)",
    )
    add(
        "--card-share",
        type=float,
        default=defaults.card_share,
        help="share that are cards (polygons); the rest are wires (lines)",
    )
    add("--num-names", type=int, default=0, help="digit questions at the beginning of train.jsonl")
    add("--num-single", type=int, default=0, help="scenes of one object after them")
    add("--rounds", type=int, default=1, help="passes over the scenes in train.jsonl")
    add("--seed", type=int, default=0, help="seed of the scenes")
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes; changes nothing in the output",
    )
    add("--json", action="store_true", help="print JSON")
    return arguments


def main(argv: Sequence[str]) -> int:
    options = arguments_of(SceneOptions()).parse_args(argv)
    if options.size % 32 or options.size <= 0:
        raise UsageError.say("--size must be a positive multiple of 32", got=str(options.size))
    if not 0 <= options.min_objects <= options.max_objects:
        raise UsageError.say("--min-objects must lie between 0 and --max-objects")
    if not 0 < options.min_extent <= options.max_extent < 1:
        raise UsageError.say("extents must satisfy 0 < min <= max < 1")
    if (
        min(options.digit_share, options.card_share, 1 - options.digit_share - options.card_share)
        < 0
    ):
        raise UsageError.say(
            "--digit-share and --card-share must be shares with a sum of at most 1"
        )
    counts = {split: getattr(options, f"num_{split}") for split in SPLITS}
    plan = ScenesPlan(
        counts={split: count for split, count in counts.items() if count > 0},
        options=SceneOptions(
            size=options.size,
            min_objects=options.min_objects,
            max_objects=options.max_objects,
            min_extent=options.min_extent,
            max_extent=options.max_extent,
            digit_share=options.digit_share,
            card_share=options.card_share,
        ),
        seed=options.seed,
        num_names=options.num_names,
        num_single=options.num_single,
        rounds=options.rounds,
    )
    records = write_scenes(options.out, plan, options.workers)
    report = json.dumps({"out": str(options.out), "records": records})
    sys.stdout.write(f"{report}\n" if options.json else f"{options.out}: records {records}\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
