"""Metrics of a prediction file, and of one file against another.

python -m src.evaluation --pred preds.jsonl [--slices] [--domain PACK] [--score-source constant] [--json]
python -m src.evaluation --pred a.jsonl --against b.jsonl [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from src.contract.predictions import read_predictions
from src.errors import UsageError
from src.evaluation.comparison import compare
from src.evaluation.config import AssignmentRule, EvaluationConfig, ScoreConfig, ScoreSource
from src.evaluation.embedding import sentence_embedding
from src.evaluation.pack_rules import DEFAULT_PACK, read_pack
from src.evaluation.report import evaluate
from src.evaluation.sections import SectionRules, sections_of
from src.files import write_text
from src.utils.cli import parser, run

SINGLE_FILE_OPTIONS = {
    "--slices", "--domain", "--score-source", "--tie-orders", "--embedding-model",
}  # fmt: skip


def main(argv: Sequence[str]) -> int:
    options = _arguments().parse_args(argv)
    config = _config(options)
    if options.against is None:
        predictions = list(read_predictions(options.pred))
        report = evaluate(predictions, config)
        sections = sections_of(predictions, config, _section_rules(options))
        values = report.to_json() | sections.to_json()
        table = f"{report.table(slices=options.slices)}\n\n{sections.table()}".rstrip()
    else:
        _require_comparison_options(argv)
        comparison = compare(
            read_predictions(options.pred),
            read_predictions(options.against),
            config,
            names=(str(options.pred), str(options.against)),
        )
        values, table = comparison.to_json(), comparison.table()
    text = json.dumps(values, indent=2)
    if options.out:
        write_text(options.out, f"{text}\n")
    sys.stdout.write(f"{text if options.json else table}\n")
    return 0


def _arguments() -> argparse.ArgumentParser:
    default = EvaluationConfig()
    arguments = parser(
        "python -m src.evaluation", "Precision, recall, F1 and behaviour of a prediction file."
    )
    arguments.add_argument("--pred", required=True, type=Path, help="file written by src.predict")
    arguments.add_argument(
        "--against", type=Path, help="compare with this file's predictions of the same images"
    )
    arguments.add_argument("--out", type=Path, help="also write the metrics to this JSON file")
    arguments.add_argument("--json", action="store_true", help="print JSON")
    arguments.add_argument("--slices", action="store_true", help="also print slices and classes")
    arguments.add_argument(
        "--assignment", choices=get_args(AssignmentRule), default=default.assignment,
        help="most matches and largest IoU, or pairs by descending IoU",
    )  # fmt: skip
    arguments.add_argument(
        "--line-tolerance", type=float, default=default.line_tolerance,
        help="half the width that a line is given, as a share of the image diagonal",
    )  # fmt: skip
    arguments.add_argument(
        "--coverage-tolerance", type=float, default=default.coverage_tolerance,
        help="distance within which a line covers another, as a share of the image diagonal",
    )  # fmt: skip
    arguments.add_argument(
        "--draws", type=int, default=default.bootstrap_draws,
        help="draws of images for intervals and p values; 0 leaves them out",
    )  # fmt: skip
    arguments.add_argument(
        "--seed", type=int, default=default.seed, help="of the draws and of orders of tied scores"
    )
    _add_section_arguments(arguments)
    return arguments


def _add_section_arguments(arguments: argparse.ArgumentParser) -> None:
    arguments.add_argument(
        "--domain", type=Path, default=DEFAULT_PACK,
        help="folder or file of the domain pack whose grammars descriptions and summaries follow",
    )  # fmt: skip
    arguments.add_argument(
        "--score-source", choices=get_args(ScoreSource),
        help="compute average precision from these scores; without it there is none",
    )  # fmt: skip
    arguments.add_argument(
        "--tie-orders", type=int, default=ScoreConfig().num_orders,
        help="random orders of objects with equal scores, over which figures are averaged",
    )  # fmt: skip
    arguments.add_argument(
        "--embedding-model", type=Path,
        help="folder of a sentence-transformers checkpoint: also compare descriptions by embeddings",
    )  # fmt: skip


def _require_comparison_options(argv: Sequence[str]) -> None:
    ignored = sorted({word.partition("=")[0] for word in argv} & SINGLE_FILE_OPTIONS)
    if ignored:
        raise UsageError.say(
            "a comparison has no slices and no sections",
            got=", ".join(ignored),
            remedy="leave these options out, or evaluate each file by itself",
        )


def _section_rules(options: argparse.Namespace) -> SectionRules:
    if options.tie_orders < 1:
        raise UsageError.say(
            "there is no average over no order",
            got=str(options.tie_orders),
            remedy="leave --tie-orders out",
        )
    pack = read_pack(options.domain)
    scores = ScoreConfig(
        source=options.score_source or ScoreConfig().source,
        num_orders=options.tie_orders,
        seed=options.seed,
    )
    model = options.embedding_model
    return SectionRules(
        irrelevant=pack.tokens.irrelevant,
        desc_grammar=pack.desc_grammar,
        grouping=pack.grouping,
        summary_grammar=pack.summary_grammar,
        scores=scores,
        is_score_declared=options.score_source is not None,
        embed=sentence_embedding(model) if model else None,
    )


def _config(options: argparse.Namespace) -> EvaluationConfig:
    # Written so that NaN fails, too.
    if not (0 < options.line_tolerance < 1 and 0 < options.coverage_tolerance < 1):
        raise UsageError.say(
            "a tolerance must be between 0 and 1",
            got=f"{options.line_tolerance:g} and {options.coverage_tolerance:g}",
            remedy="give shares of the image diagonal, such as 0.02",
        )
    if options.draws < 0 or (options.draws == 0 and options.against is not None):
        raise UsageError.say(
            "a comparison needs draws" if options.draws == 0 else "draws cannot be negative",
            got=str(options.draws),
            remedy="leave --draws out",
        )
    return EvaluationConfig(
        assignment=options.assignment,
        line_tolerance=options.line_tolerance,
        coverage_tolerance=options.coverage_tolerance,
        bootstrap_draws=options.draws,
        seed=options.seed,
    )


if __name__ == "__main__":
    sys.exit(run(main))
