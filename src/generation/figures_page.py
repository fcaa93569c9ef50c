"""The figures of predictions as tables and plots of a page, and predictions as its samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from src.contract.predictions import Prediction, read_predictions
from src.evaluation.config import EvaluationConfig
from src.evaluation.matching import match_image
from src.evaluation.report import EvaluationReport
from src.evaluation.sections import Sections
from src.evaluation.totals import Slice
from src.report.model import MetricTable, Plot, ReportSample, Series


def prediction_samples(
    path: Path, config: EvaluationConfig, predictions: Iterable[Prediction] | None = None
) -> list[ReportSample]:
    """The predictions of a file (or those given of it), matched; pictures are looked up beside the file."""
    return [
        ReportSample(
            prediction=item, matches=match_image(item, config), picture=path.parent / item.image
        )
        for item in (read_predictions(path) if predictions is None else predictions)
    ]


def metric_tables(report: EvaluationReport, sections: Sections) -> list[MetricTable]:
    """Detection, wording and summaries, slices, classes; what the predictions do not define is left out."""
    behaviour = report.behaviour.rates()
    tables = [
        MetricTable(
            title="Detection", header=("", "precision", "recall", "F1"), rows=tuple(report.rows())
        ),
        MetricTable(
            title="Behaviour",
            header=("figure", "value"),
            rows=tuple((_words(name), f"{value:.3f}") for name, value in behaviour.items()),
        ),
        *(_section_table(title, rows) for title, rows in sections.shown_rows()),
        _slice_table(report.slices),
        MetricTable(
            title="Classes at IoU 0.5",
            header=("class", "truths", "predicted", "F1"),
            rows=tuple(
                (name, str(counts.truths), str(counts.predicted), f"{counts.f1:.3f}")
                for name, counts in report.per_class
            ),
        ),
    ]
    return [table for table in tables if table.rows]


def metric_plots(report: EvaluationReport) -> list[Plot]:
    """F1 over the IoU that a match must have: how much is lost by inexact geometry."""
    series = []
    for name, level in (
        ("class-aware", report.class_aware),
        ("class-agnostic", report.class_agnostic),
    ):
        xs, counts = zip(*level.by_threshold, strict=True)
        series.append(Series(name=name, xs=xs, ys=tuple(each.f1 for each in counts)))
    return [Plot(title="F1 over IoU", x_label="IoU", y_label="F1", series=tuple(series))]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _section_table(title: str, rows: Sequence[tuple[str, ...]]) -> MetricTable:
    width = max(map(len, rows))
    padded = tuple(row + ("",) * (width - len(row)) for row in rows)
    return MetricTable(title=_words(title).capitalize(), header=("",) * width, rows=padded)


def _slice_table(slices: Iterable[Slice]) -> MetricTable:
    rows = []
    for item in slices:
        if item.dimension == "class":
            continue
        counts = item.level.first
        shares = (f"{value:.3f}" for value in (counts.precision, counts.recall, counts.f1))
        rows.append((f"{_words(item.dimension)}: {item.bucket}", str(counts.truths), *shares))
    header = ("slice", "truths", "precision", "recall", "F1")
    return MetricTable(title="Slices at IoU 0.5", header=header, rows=tuple(rows))
