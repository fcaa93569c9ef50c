"""All figures of a prediction file, summed from counts by image.

    counts = [count_image(item, config) for item in predictions]   # on any number of ranks
    report = report_of(merge(*gathered), config)                   # the same bits whatever the split and order

Nothing is left out: an answer that cannot be parsed counts as no prediction (its truths are misses), a cut-off answer with the
objects that were complete. Images without truth are counted apart. Cost: about 0.3 ms an image of 20 boxes on either side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from src.contract.predictions import Prediction
from src.evaluation.behaviour import Behaviour, behaviour_of
from src.evaluation.config import SHOWN, EvaluationConfig
from src.evaluation.image_counts import ImageCounts, count_images
from src.evaluation.intervals import Interval, intervals
from src.evaluation.lines import LineFigures, line_figures
from src.evaluation.scores import Counts, Level, Macro, macro
from src.evaluation.tables import Row, detection_rows, render
from src.evaluation.totals import Slice, Totals

FORMAT_VERSION = 2
HEADLINE_RATES = (
    "parse_rate",
    "truncated_rate",
    "repetition_rate",
    "duplicate_rate",
    "count_mae",
    "hallucination_rate",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """Figures of a prediction file.

    `class_aware` needs equal descriptions, `class_agnostic` overlap alone; both are micro-averaged over objects. `classes` are
    the class-aware counts by description and `macro` their averages. `slices` are class-aware. `mean_iou` is that of class-aware
    matches at the first threshold, None without any; `lines` is None where no image has a line.
    """

    config: EvaluationConfig
    behaviour: Behaviour
    class_aware: Level
    class_agnostic: Level
    macro: Macro
    classes: tuple[tuple[str, Level], ...]
    slices: tuple[Slice, ...]
    mean_iou: float | None
    lines: LineFigures | None
    intervals: tuple[Interval, ...]

    @property
    def num_images(self) -> int:
        return self.behaviour.num_images

    @property
    def parse_rate(self) -> float:
        """Of dense answers; 1.0 where there is none that could fail."""
        dense = self.behaviour.num_dense
        return self.behaviour.num_parsed / dense if dense else 1.0

    @property
    def line_tolerance(self) -> float:
        return self.config.line_tolerance

    @property
    def per_class(self) -> tuple[tuple[str, Counts], ...]:
        """Class-aware counts at the first threshold by description."""
        return tuple((name, level.first) for name, level in self.classes)

    def scalars(self) -> dict[str, float]:
        """Headline numbers by name, for logs and for choosing a checkpoint; only those that the data define."""
        found: dict[str, float] = {}
        if self.behaviour.num_scored:
            for prefix, level, shown in (
                ("f1", self.class_aware, SHOWN),
                ("loc_f1", self.class_agnostic, SHOWN[:2]),
            ):
                at = {t: counts.f1 for t, counts in level.by_threshold if t in shown}
                found |= {f"{prefix}_{round(t * 100)}": f1 for t, f1 in at.items()}
                found[f"{prefix}_mean"] = level.mean_f1
            found |= {
                f"macro_f1_{round(t * 100)}": f1 for t, f1 in self.macro.occurring if t == 0.5
            }
            for threshold, counts in self.class_aware.by_threshold:
                if threshold == 0.5:
                    found |= {"precision_50": counts.precision, "recall_50": counts.recall}
        rates = self.behaviour.rates()
        return found | {name: rates[name] for name in HEADLINE_RATES if name in rates}

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file: every count, and the figures that follow from them."""
        return {
            "version": FORMAT_VERSION,
            "rules": asdict(self.config),
            "headline": self.scalars(),
            "intervals": {item.name: item.to_json() for item in self.intervals},
            "class_aware": self.class_aware.to_json(),
            "class_agnostic": self.class_agnostic.to_json(),
            "macro_f1": self.macro.to_json(),
            "mean_iou": self.mean_iou,
            "lines": self.lines.to_json() if self.lines else None,
            "behaviour": self.behaviour.to_json(),
            "slices": [item.to_json() for item in self.slices],
            "per_class": {name: _class_json(level) for name, level in self.classes},
        }

    def rows(self) -> list[Row]:
        """(measure, precision, recall, F1) as text, for tables."""
        return detection_rows(self.class_agnostic, self.class_aware, self.macro, self.intervals)

    def table(self, *, slices: bool = False) -> str:
        """What a person reads on the terminal, kinds of geometry apart; `slices` adds the other slices and the classes."""
        kinds = tuple(item for item in self.slices if item.dimension == "geometry")
        return render(
            self.rows(),
            self.behaviour,
            self.mean_iou,
            self.lines,
            slices=self.slices if slices else kinds if len(kinds) > 1 else (),
            classes=self.classes if slices else (),
        )


def _class_json(level: Level) -> dict[str, Any]:
    """There may be thousands of classes, and all but the matches is the same at every threshold."""
    matched = [counts.matched for _, counts in level.by_threshold]
    return {**level.first.to_json(), "mean_f1": level.mean_f1, "matched_by_iou": matched}


def merge(*parts: Iterable[ImageCounts]) -> list[ImageCounts]:
    """Counts from several ranks or files as one list, in an order that no split or shuffle changes."""
    return sorted(
        (image for part in parts for image in part),
        key=lambda image: (image.dataset, image.row, image.image),
    )


def report_of(counts: Iterable[ImageCounts], config: EvaluationConfig) -> EvaluationReport:
    """Figures of counted images; the same bits in whatever order they come. `config` is that of `count_image`."""
    images = list(counts)
    totals = Totals(images, config.thresholds)
    classes = totals.classes()
    ious = [iou for image in totals.images for iou in image.matched_ious]
    return EvaluationReport(
        config=config,
        behaviour=behaviour_of(images),
        class_aware=totals.class_aware(),
        class_agnostic=totals.class_agnostic(),
        macro=macro((level for _, level in classes), config.thresholds),
        classes=classes,
        slices=totals.slices(),
        mean_iou=math.fsum(ious) / len(ious) if ious else None,
        lines=line_figures(
            [image.line_coverage for image in images if image.line_coverage],
            [pair for image in images for pair in image.line_pairs],
        ),
        intervals=intervals(totals, config.bootstrap_draws, config.seed),
    )


def evaluate(predictions: Iterable[Prediction], config: EvaluationConfig) -> EvaluationReport:
    """All figures of the predictions; the result does not depend on their order."""
    return report_of(count_images(predictions, config), config)
