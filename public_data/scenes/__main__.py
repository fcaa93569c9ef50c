"""`python -m public_data.scenes`: make the quickstart's scenes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from public_data.scenes.compose import SceneOptions
from public_data.scenes.digits import SPLITS
from public_data.scenes.write import ScenesPlan, write_scenes
from src.errors import UsageError
from src.utils.cli import parser, run


def main(argv: Sequence[str]) -> int:
    arguments = parser(
        "python -m public_data.scenes",
        "Compose scenes with real handwritten digits, cards and wires as contract JSONL.",
    )
    defaults = SceneOptions()
    arguments.add_argument("--out", required=True, type=Path, help="folder to write")
    for split, count in zip(SPLITS, (2000, 100, 0), strict=True):
        arguments.add_argument(f"--num-{split}", type=int, default=count, help="number of scenes")
    arguments.add_argument(
        "--size", type=int, default=defaults.size, help="side in pixels, a multiple of 32"
    )
    arguments.add_argument(
        "--min-objects", type=int, default=defaults.min_objects, help="fewest objects"
    )
    arguments.add_argument(
        "--max-objects", type=int, default=defaults.max_objects, help="most objects"
    )
    arguments.add_argument("--seed", type=int, default=0, help="seed of the scenes")
    options = arguments.parse_args(argv)
    if options.size % 32 or options.size <= 0:
        raise UsageError.say("--size must be a positive multiple of 32", got=str(options.size))
    if not 0 <= options.min_objects <= options.max_objects:
        raise UsageError.say("--min-objects must lie between 0 and --max-objects")
    counts = {split: getattr(options, f"num_{split}") for split in SPLITS}
    plan = ScenesPlan(
        counts={split: count for split, count in counts.items() if count > 0},
        options=SceneOptions(
            size=options.size, min_objects=options.min_objects, max_objects=options.max_objects
        ),
        seed=options.seed,
    )
    write_scenes(options.out, plan)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
