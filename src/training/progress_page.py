"""What a run's evaluations have left in its folder: predictions of each, figures over steps, and a page to watch it learn.

`evaluations/step-N.jsonl` is the prediction file of the evaluation after N steps, `evaluations/figures.jsonl` one line of
figures per evaluation, `progress.html` shows both. A start cuts the figures back to its checkpoint, as it does with all logs, and
the page shows what the figures name. No torch. Cost: the pictures of the page are read again at each evaluation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from src.contract.predictions import Prediction, read_predictions
from src.evaluation.config import EvaluationConfig
from src.evaluation.matching import match_image
from src.evaluation.report import evaluate
from src.evaluation.sections import SectionRules
from src.evaluation.summary import summary_counts, summary_measures
from src.evaluation.text import desc_pairs, text_measures
from src.files import atomic_write, write_text
from src.report.page import MetricTable, Plot, ReportSample, Series, write_report

FOLDER = "evaluations"
FIGURES = "figures.jsonl"
PAGE = "progress.html"
TRAINING_LOG = "metrics.jsonl"
PLOTS = (
    ("Finding and naming", ("f1_50", "f1_mean", "macro_f1_50")),
    ("Finding alone", ("loc_f1_50", "loc_f1_75", "loc_f1_mean")),
    ("Wording of what was found", ("text_exact", "text_head", "text_token_f1")),
    ("Summaries", ("summary_exact", "summary_item_f1", "summary_label_f1")),
    ("Behaviour", ("parse_rate", "truncated_rate", "duplicate_rate", "hallucination_rate")),
)
TEXT_FIGURES = ("exact", "normalised", "head", "token_f1")
SUMMARY_FIGURES = ("exact", "item_f1", "label_f1", "count_mae")
Figures = dict[str, float]


def score(predictions: Sequence[Prediction], rules: Mapping[str, SectionRules]) -> Figures:
    """The headline figures over all predictions, and as `name/DATA SET` of each data set where there are several.

    `rules` are those of each data set's domain pack; over all predictions the first one's hold.
    """
    names = list(dict.fromkeys(item.dataset for item in predictions))
    if not names:
        return {}
    figures = _scored(predictions, rules[names[0]])
    for name in names if len(names) > 1 else ():
        own = [item for item in predictions if item.dataset == name]
        figures |= {f"{key}/{name}": value for key, value in _scored(own, rules[name]).items()}
    return figures


def _scored(predictions: Sequence[Prediction], rules: SectionRules) -> Figures:
    config = EvaluationConfig(bootstrap_draws=0)
    pairs = desc_pairs(predictions, config)
    text = text_measures(pairs, rules.desc_grammar, rules.grouping).scalars()
    counts = summary_counts(predictions, rules.summary_grammar, rules.irrelevant)
    summary = summary_measures(counts).scalars()
    figures = evaluate(predictions, config).scalars()
    if any(item.truth for item in predictions if item.mode == "dense"):
        # Figures that need a found object are 0 while none is found: what chooses a checkpoint must always be there.
        figures |= {"duplicate_rate": 0.0} if "duplicate_rate" not in figures else {}
        figures |= {f"text_{name}": text[name] if text else 0.0 for name in TEXT_FIGURES}
    return figures | {
        f"summary_{name}": summary[name] for name in SUMMARY_FIGURES if name in summary
    }


class ProgressPage:
    """The evaluations of one run folder; only rank 0 has one."""

    def __init__(
        self, run_dir: Path, *, num_pictures: int, rules: Mapping[str, SectionRules]
    ) -> None:
        self.run_dir = run_dir
        self.rules = rules
        self.folder = run_dir / FOLDER
        self.path = run_dir / PAGE
        self.num_pictures = num_pictures

    def add(self, step: int, lines: Sequence[bytes]) -> Figures:
        """Write the predictions after `step` steps (lines of a prediction file) and return their figures."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.predictions(step)
        with atomic_write(path, "wb") as handle:
            handle.writelines(lines)
        figures = score(list(read_predictions(path)), self.rules)
        entries = [entry for entry in self._entries() if entry["step"] < step]
        text = "".join(json.dumps(entry) + "\n" for entry in [*entries, {"step": step, **figures}])
        write_text(self.folder / FIGURES, text)
        return figures

    def predictions(self, step: int) -> Path:
        return self.folder / f"step-{step}.jsonl"

    def samples(self, step: int) -> list[ReportSample]:
        """The fixed pictures as they were predicted after `step` steps: the first of each data set in turn."""
        by_dataset: dict[str, list[Prediction]] = {}
        for item in read_predictions(self.predictions(step)):
            by_dataset.setdefault(item.dataset, []).append(item)
        in_turn = [item for row in zip_longest(*by_dataset.values()) for item in row if item]
        config = EvaluationConfig()
        return [
            ReportSample(
                prediction=item,
                matches=match_image(item, config),
                picture=self.folder / item.image,
                group=f"step {step}",
            )
            for item in in_turn[: self.num_pictures]
        ]

    def write(self) -> Path:
        """Write the page over all evaluations so far."""
        entries = self._entries()
        steps = [int(entry["step"]) for entry in entries]
        write_report(
            self.path,
            [sample for step in steps for sample in self.samples(step)],
            [_newest(entries[-1])] if entries else [],
            title=f"{self.run_dir.name}: learning",
            facts=[("evaluations", str(len(steps))), ("last step", str(steps[-1] if steps else 0))],
            plots=[*_figure_plots(entries), *self._loss_plots()],
            groups_label="step",
        )
        return self.path

    def _entries(self) -> list[dict[str, float]]:
        path = self.folder / FIGURES
        if not path.is_file():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def _loss_plots(self) -> list[Plot]:
        path = self.run_dir / TRAINING_LOG
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        logs = [json.loads(line) for line in lines]
        return _plots([("Loss", ("loss", "eval_loss"))], logs)


def _newest(entry: Mapping[str, float]) -> MetricTable:
    rows = tuple((name, f"{value:.4g}") for name, value in entry.items() if name != "step")
    return MetricTable(title=f"After step {entry['step']:g}", header=("figure", "value"), rows=rows)


def _figure_plots(entries: Sequence[Mapping[str, float]]) -> list[Plot]:
    names = dict.fromkeys(name for entry in entries for name in entry)
    per_dataset = tuple(name for name in names if name.startswith("f1_50/"))
    return _plots([*PLOTS, ("F1 at IoU 0.5 of each data set", per_dataset)], entries)


def _plots(
    wanted: Sequence[tuple[str, tuple[str, ...]]], entries: Sequence[Mapping[str, Any]]
) -> list[Plot]:
    """A plot per title with a line per name that any entry has."""
    plots = []
    for title, names in wanted:
        series = []
        for name in names:
            points = [(float(e["step"]), float(e[name])) for e in entries if name in e]
            if points:
                xs, ys = zip(*points, strict=True)
                series.append(Series(name=name, xs=xs, ys=ys))
        if series:
            plots.append(Plot(title=title, x_label="step", y_label="", series=tuple(series)))
    return plots
