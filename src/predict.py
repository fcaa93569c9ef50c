"""`python -m src.predict`: answers of a checkpoint for a JSONL or a folder of pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from src.errors import UsageError
from src.generation.backends import BACKENDS, open_engine
from src.generation.command import (
    add_backend_words,
    add_decoding_words,
    backend_of,
    grounding_for,
    options_of,
)
from src.generation.prediction import (
    PredictSettings,
    folder_items,
    items_digest,
    jsonl_items,
    predict,
)
from src.generation.ranks import ranks_of_launch
from src.utils.cli import parser, run
from src.utils.logger import get_logger

logger = get_logger(__name__)


def main(argv: Sequence[str]) -> int:
    words = parser(
        "python -m src.predict",
        "Predict a JSONL or a folder of pictures with a checkpoint. Interrupted, the same command goes on.",
    )
    words.add_argument(
        "--model",
        required=True,
        help="checkpoint folder (full or adapter); of --backend openai the name that the server knows",
    )
    words.add_argument("--backend", choices=BACKENDS, default="transformers", help="what generates")
    source = words.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--jsonl", type=Path, help="contract records; their objects become the truth"
    )
    source.add_argument("--images", type=Path, help="folder of pictures without annotation")
    words.add_argument("--out", required=True, type=Path, help="prediction file to write")
    words.add_argument(
        "--config", help="training config, when the checkpoint has no grounding.json"
    )
    words.add_argument("--batch-size", type=int, default=16, help="images generated at once")
    words.add_argument("--limit", type=int, help="only the first items")
    words.add_argument(
        "--root", action="append", default=[], type=Path, help="further folder for images"
    )
    words.add_argument("--restart", action="store_true", help="discard an interrupted run")
    words.add_argument("--json", action="store_true", help="print a JSON line when done")
    add_decoding_words(words)
    add_backend_words(words)
    given = words.parse_args(argv)
    if given.batch_size < 1 or (given.limit is not None and given.limit < 1):
        raise UsageError.say("--batch-size and --limit must be at least 1")
    backend = backend_of(given.backend, given.model, given)
    grounding = grounding_for(given.model, given.config)
    items = jsonl_items(given.jsonl, given.root) if given.jsonl else folder_items(given.images)
    settings = PredictSettings(
        model=given.model,
        source=f"{given.jsonl or given.images} {items_digest(items)}",
        grounding=grounding,
        options=options_of(given, grounding, backend.name),
        backend=backend.identity(),
        batch_size=given.batch_size,
        limit=given.limit,
    )
    ranks = ranks_of_launch()
    predict(items, open_engine(backend), settings, given.out, restart=given.restart, ranks=ranks)
    logger.info("wrote %s", given.out)
    if given.json and ranks.rank == 0:
        found = {"out": str(given.out), "num_images": len(items[: given.limit])}
        sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
