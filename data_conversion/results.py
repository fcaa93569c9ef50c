"""`python -m data_conversion.results`: a prediction file as COCO results, with the ids of a ground truth file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from data_conversion.pipeline.writers.coco_results import ResultScores, write_results
from src.contract.predictions import read_predictions
from src.errors import UsageError
from src.utils.cli import parser, run


def main(argv: Sequence[str]) -> int:
    arguments = parser(
        "python -m data_conversion.results",
        "Write predictions as COCO results: a JSON list of detections for evaluators of COCO files.",
    )
    add = arguments.add_argument
    add("--predictions", required=True, type=Path, help="predictions, as JSONL")
    add("--truth", required=True, type=Path, help="COCO ground truth whose ids are used")
    add("--out", required=True, type=Path, help="file to write")
    add(
        "--scores",
        choices=get_args(ResultScores),
        default="one",
        help="where the score of an object comes from; one: each is 1",
    )
    options = arguments.parse_args(argv)
    if options.out.resolve() in (options.predictions.resolve(), options.truth.resolve()):
        raise UsageError.say("the output is one of the inputs", remedy="choose another file")
    found = read_predictions(options.predictions)
    written = write_results(found, options.truth, options.out, options.scores)
    print(f"{written.num_objects} objects of {written.num_images} images in {options.out}")
    for loss, count in sorted(written.losses.items()):
        print(f"  lost: {count} {loss}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
