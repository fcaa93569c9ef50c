"""After training: predict the held-out records with the weights in memory, print the metrics, write the report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.contract.predictions import read_predictions
from src.datasets.mix import member_specs
from src.errors import ConfigError
from src.evaluation.config import EvaluationConfig
from src.evaluation.report import EvaluationReport, evaluate
from src.evaluation.sections import Sections, sections_of
from src.files import write_text
from src.generation.figures_page import metric_plots, metric_tables, prediction_samples
from src.generation.grounding import grounding_of_run
from src.generation.held_out import section_rules
from src.generation.prediction import PredictSettings, jsonl_items, predict
from src.generation.types import Engine, GenerationOptions
from src.report.page import write_report
from src.report.sheet import contact_sheet
from src.utils.logger import get_logger

SHEET_SAMPLES = 12
logger = get_logger(__name__)


def evaluate_checkpoint(
    config: TrainingConfig, checkpoint: Path, run_dir: Path, engine: Engine, *, weights: str
) -> EvaluationReport:
    """Write predictions.jsonl, metrics.json, report.html and samples.png into the run folder; print the table.

    `weights` says which step's weights `engine` has.
    """
    wanted = config.custom.final_evaluation
    source = held_out(config)
    settings = PredictSettings(
        model=str(checkpoint),
        source=str(source),
        grounding=grounding_of_run(config),
        options=GenerationOptions(max_new_tokens=wanted.max_new_tokens),
        batch_size=wanted.batch_size,
        limit=wanted.limit,
    )
    roots = [resolve_path(root) for root in config.custom.image_roots]
    out = predict(
        jsonl_items(source, roots), engine, settings, run_dir / "predictions.jsonl", restart=True
    )
    predictions = list(read_predictions(out))
    report = evaluate(predictions, EvaluationConfig())
    rules = section_rules(member_specs(config)[0])
    sections = sections_of(predictions, EvaluationConfig(), rules)
    figures = {"weights": weights, **report.to_json(), **sections.to_json()}
    write_text(run_dir / "metrics.json", json.dumps(figures, indent=2) + "\n")
    if wanted.report:
        _write_pictures(report, sections, out, source, weights=weights)
    sys.stdout.write(
        f"weights of {weights}\n{report.table()}\n\n{sections.table()}".rstrip() + "\n"
    )
    sys.stdout.flush()
    return report


def held_out(config: TrainingConfig) -> Path:
    """The records to predict: those that the section names, else the first held-out ones of the run's data sets."""
    named = config.custom.final_evaluation.jsonl
    if named is not None:
        return resolve_path(named)
    found = [spec.val_jsonl for spec in member_specs(config) if spec.val_jsonl is not None]
    if not found:
        raise ConfigError.say(
            "nothing to predict",
            path="custom.final_evaluation",
            remedy="give a data set a val_jsonl, or write custom.final_evaluation.jsonl",
        )
    return found[0]


def _write_pictures(
    report: EvaluationReport, sections: Sections, predictions: Path, source: Path, *, weights: str
) -> None:
    """`report.html` and `samples.png` beside the predictions."""
    run_dir = predictions.parent
    samples = prediction_samples(predictions, EvaluationConfig())
    page = run_dir / "report.html"
    write_report(
        page,
        samples,
        metric_tables(report, sections),
        title=f"{run_dir.name}: predictions on {source.name}",
        facts=[
            ("weights", weights),
            ("images", str(report.num_images)),
            ("parsed", f"{report.parse_rate:.1%}"),
            ("lines match within", f"{report.line_tolerance:.0%} of the diagonal"),
        ],
        plots=metric_plots(report),
    )
    contact_sheet(run_dir / "samples.png", samples[:SHEET_SAMPLES])
    logger.info("report: %s", page)
