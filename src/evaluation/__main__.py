"""`python -m src.evaluation --pred preds.jsonl`: metrics of a prediction file."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from src.contract.predictions import read_predictions
from src.evaluation.config import EvaluationConfig
from src.evaluation.report import evaluate
from src.files import write_text
from src.utils.cli import parser, run


def main(argv: Sequence[str]) -> int:
    arguments = parser(
        "python -m src.evaluation", "Precision, recall, F1 and behaviour of a prediction file."
    )
    arguments.add_argument("--pred", required=True, type=Path, help="file written by src.predict")
    arguments.add_argument("--out", type=Path, help="also write the metrics to this JSON file")
    arguments.add_argument("--json", action="store_true", help="print JSON")
    arguments.add_argument(
        "--line-tolerance", type=float, default=EvaluationConfig().line_tolerance,
        help="half the width that a line is given, as a share of the image diagonal",
    )  # fmt: skip
    options = arguments.parse_args(argv)
    config = EvaluationConfig(line_tolerance=options.line_tolerance)
    report = evaluate(read_predictions(options.pred), config)
    text = json.dumps(report.to_json(), indent=2) + "\n"
    if options.out:
        write_text(options.out, text)
    print(text if options.json else report.table())
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
