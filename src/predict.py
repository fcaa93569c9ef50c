"""`python -m src.predict`: answers of a checkpoint for a JSONL or a folder of pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from src.config.loader import find_config, load_config
from src.errors import UsageError
from src.generation.grounding import Grounding, grounding_of_run, read_grounding
from src.generation.prediction import PredictSettings, folder_items, jsonl_items, predict
from src.utils.cli import parser, run
from src.utils.logger import get_logger

logger = get_logger(__name__)


def _grounding(model: Path, config_name: str | None) -> Grounding:
    if config_name is not None:
        return grounding_of_run(load_config(find_config(config_name)).config)
    found = read_grounding(model)
    if found is None:
        raise UsageError.say(
            f"{model} has no grounding.json, so its prompt and coordinate space are unknown",
            remedy="give the training config with --config",
        )
    return found


def main(argv: Sequence[str]) -> int:
    arguments = parser(
        "python -m src.predict", "Predict a JSONL or a folder of pictures with a checkpoint."
    )
    arguments.add_argument(
        "--model", required=True, type=Path, help="checkpoint folder (full or adapter)"
    )
    source = arguments.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--jsonl", type=Path, help="contract records; their objects become the truth"
    )
    source.add_argument("--images", type=Path, help="folder of pictures without annotation")
    arguments.add_argument("--out", required=True, type=Path, help="prediction file to write")
    arguments.add_argument(
        "--config", help="training config, when the checkpoint has no grounding.json"
    )
    arguments.add_argument("--batch-size", type=int, default=16, help="images generated at once")
    arguments.add_argument("--max-new-tokens", type=int, default=1024, help="longest answer")
    arguments.add_argument("--limit", type=int, help="only the first items")
    arguments.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"), help="weights in memory"
    )
    arguments.add_argument(
        "--root", action="append", default=[], type=Path, help="further folder for images"
    )
    arguments.add_argument("--restart", action="store_true", help="discard an interrupted run")
    options = arguments.parse_args(argv)
    if options.batch_size < 1 or options.max_new_tokens < 1:
        raise UsageError.say("--batch-size and --max-new-tokens must be at least 1")
    settings = PredictSettings(
        model=str(options.model),
        source=str(options.jsonl or options.images),
        grounding=_grounding(options.model, options.config),
        max_new_tokens=options.max_new_tokens,
        batch_size=options.batch_size,
        limit=options.limit,
    )
    items = (
        jsonl_items(options.jsonl, options.root) if options.jsonl else folder_items(options.images)
    )
    from src.training.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    from src.training.ms_swift.engine import load_engine

    predict(
        items,
        load_engine(options.model, options.dtype),
        settings,
        options.out,
        restart=options.restart,
    )
    logger.info("wrote %s", options.out)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
