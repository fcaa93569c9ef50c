"""`python -m src.parity`: do two checkpoints, or a checkpoint and a server, answer alike?

For a merged adapter, another dtype, a quantised server: F1 of both, how far their boxes lie apart, how many answers are equal.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from src.contract.predictions import Prediction
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.errors import UsageError
from src.generation.backends import BACKENDS, Backend, open_engine
from src.generation.command import (
    add_backend_words,
    add_decoding_words,
    backend_of,
    grounding_for,
    options_of,
)
from src.generation.grounding import Grounding, read_grounding
from src.generation.parity import Parity, compare
from src.generation.prediction import PredictItem, jsonl_items, predict_batch
from src.generation.types import GenerationOptions
from src.utils.cli import parser, run
from src.utils.progress import progress


def answers(
    backend: Backend,
    items: Sequence[PredictItem],
    grounding: Grounding,
    options: GenerationOptions,
    batch_size: int,
) -> list[Prediction]:
    """The predictions of one side; its weights are let go afterwards."""
    builder = JsonLinesBuilder(grounding.builder, grounding.prompts)
    found: list[Prediction] = []
    starts = range(0, len(items), batch_size)
    with closing(open_engine(backend)) as engine:
        for start in progress(starts, total=len(starts), label=backend.model):
            batch = items[start : start + batch_size]
            found += predict_batch(batch, engine, builder, grounding, options, Path())
    return found


def exceeded(parity: Parity, max_f1_difference: float | None, max_shift: float | None) -> list[str]:
    """What lies beyond the bounds, in words; a bound on F1 is one on the truth's F1, else on 1 - mutual F1.

    Objects without one matching pair are beyond any bound on the shift.
    """
    beyond = []
    if max_f1_difference is not None:
        found = 1 - parity.f1_mutual if parity.f1_difference is None else abs(parity.f1_difference)
        if found > max_f1_difference:
            beyond.append(f"F1 differs by {found:.4f}, more than {max_f1_difference:g}")
    if max_shift is not None:
        largest = parity.shift.max_px
        if largest is not None and largest > max_shift:
            beyond.append(f"a box is shifted by {largest:.2f} px, more than {max_shift:g}")
        if largest is None and parity.num_objects_a + parity.num_objects_b:
            beyond.append(
                f"no box of A ({parity.num_objects_a} objects) matches one of B "
                f"({parity.num_objects_b}): the shift is unknown"
            )
    return beyond


def _words() -> argparse.ArgumentParser:
    words = parser(
        "python -m src.parity",
        "Compare two checkpoints, or a checkpoint and a server. Exit code 1: beyond a bound.",
    )
    words.add_argument("--model", required=True, help="side A: checkpoint folder")
    words.add_argument("--backend", choices=BACKENDS[:2], default="transformers", help="of A")
    words.add_argument(
        "--other", help="side B: checkpoint folder, or the model's name at --endpoint; default A's"
    )
    words.add_argument(
        "--other-backend",
        choices=BACKENDS[:2],
        default="transformers",
        help="of B, without --endpoint",
    )
    words.add_argument(
        "--other-dtype", choices=("float32", "bfloat16", "float16"), help="of B; default --dtype"
    )
    words.add_argument("--jsonl", required=True, type=Path, help="contract records")
    words.add_argument("--limit", type=int, default=32, help="images to compare, from the first on")
    words.add_argument("--config", help="training config, when A has no grounding.json")
    words.add_argument(
        "--root", action="append", default=[], type=Path, help="further folder for images"
    )
    words.add_argument("--batch-size", type=int, default=8, help="images generated at once")
    words.add_argument("--max-f1-difference", type=float, help="largest allowed difference of F1")
    words.add_argument("--max-shift", type=float, help="largest allowed shift of a box, in pixels")
    words.add_argument("--json", action="store_true", help="print the figures as JSON")
    add_decoding_words(words)
    add_backend_words(words)
    return words


def _sides(given: argparse.Namespace) -> tuple[Backend, Backend]:
    words = vars(given)
    first = backend_of(
        given.backend, given.model, argparse.Namespace(**{**words, "endpoint": None})
    )
    model = given.other or given.model
    if given.endpoint is not None:
        return first, backend_of("openai", model, given)
    other = {**words, "dtype": given.other_dtype or given.dtype}
    return first, backend_of(given.other_backend, model, argparse.Namespace(**other))


def main(argv: Sequence[str]) -> int:
    given = _words().parse_args(argv)
    if given.limit < 1 or given.batch_size < 1:
        raise UsageError.say("--limit and --batch-size must be at least 1")
    first, second = _sides(given)
    if first == second:
        raise UsageError.say(
            "both sides are the same",
            remedy="give --other, --other-backend, --other-dtype or --endpoint",
        )
    grounding = grounding_for(given.model, given.config)
    # A checkpoint of its own format is asked in it; a server is taken to serve what A is.
    own = None if given.config or given.endpoint else read_grounding(Path(second.model))
    items = jsonl_items(given.jsonl, given.root)[: given.limit]
    sides = [
        answers(side, items, taught, options_of(given, taught, side.name), given.batch_size)
        for side, taught in ((first, grounding), (second, own or grounding))
    ]
    parity = compare(*sides)
    beyond = exceeded(parity, given.max_f1_difference, given.max_shift)
    if given.json:
        sys.stdout.write(json.dumps({**parity.to_json(), "exceeded": beyond}) + "\n")
    else:
        sys.stdout.write("\n".join([parity.table(), *beyond]) + "\n")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(run(main))
