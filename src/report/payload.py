"""A report's values as the JSON that its page reads (`web/samples.js` is the other side).

States of shapes: a truth is `found` (with the index of its prediction), `missed`, or `plain` where nothing was compared; a
prediction is `hit`, `duplicate`, `extra`, or `plain` without a truth to compare with; a `gone` object comes with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from src.contract.predictions import ImageMatches, MatchedPair, Prediction
from src.contract.records import ObjectAnnotation
from src.datasets.geometry.clip import area_of
from src.report.model import MetricTable, Plot, ReportSample

MOST_POINTS = 2_000
"""Points of a line on a page; a chart is 380 units wide."""
NO_MATCHES = ImageMatches(pairs=(), missed=(), extra=())


def table_json(table: MetricTable) -> dict[str, Any]:
    return {"title": table.title, "header": table.header, "rows": table.rows}


def plot_json(plot: Plot) -> dict[str, Any]:
    """A plot; values that are not finite become null, a gap in the line. Long lines are thinned (`kept_points`)."""
    return {
        "title": plot.title,
        "x_label": plot.x_label,
        "y_label": plot.y_label,
        "series": [
            {
                "name": line.name,
                "xs": [_finite(line.xs[place]) for place in places],
                "ys": [_finite(line.ys[place]) for place in places],
            }
            for line, places in ((line, kept_points(line.ys)) for line in plot.series)
        ],
    }


def kept_points(ys: Sequence[float]) -> list[int]:
    """Places of about `MOST_POINTS` values that draw the same line: of each stretch its extremes and its first gap; the ends."""
    if len(ys) <= MOST_POINTS:
        return list(range(len(ys)))
    kept = {0, len(ys) - 1}
    stretches = MOST_POINTS // 3
    for number in range(stretches):
        stretch = range(number * len(ys) // stretches, (number + 1) * len(ys) // stretches)
        finite = [place for place in stretch if math.isfinite(ys[place])]
        gaps = [place for place in stretch if not math.isfinite(ys[place])]
        if finite:
            kept |= {min(finite, key=ys.__getitem__), max(finite, key=ys.__getitem__)}
        kept |= set(gaps[:1])
    return sorted(kept)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def sample_json(sample: ReportSample, picture: int) -> dict[str, Any]:
    """A sample; `picture` is the index of its embedded picture."""
    item = sample.prediction
    matches = sample.matches or NO_MATCHES
    compared = sample.matches is not None and _covers(matches, item)
    return {
        "name": item.image.rsplit("/", 1)[-1],
        "path": item.image,
        "row": item.row,
        "dataset": item.dataset,
        "group": sample.group,
        "width": item.width,
        "height": item.height,
        "picture": picture,
        "compared": compared,
        "hasTruth": item.truth is not None,
        "hasPrediction": sample.matches is not None,
        "f1": _f1(item, matches) if compared else None,
        "valid": item.is_valid,
        "finish": item.finish_reason,
        "mode": item.mode,
        "text": item.text,
        "summary": item.summary,
        "notes": [*_verdict_on_summary(sample), *sample.notes],
        "dropped": [f"{part.reason}: {part.text}" for part in item.dropped],
        "truth": _truths(sample, matches),
        "predicted": _predicted(item, matches, compared),
        "gone": [_shape(one.item, "gone", note=one.reason) for one in sample.gone],
    }


def _covers(matches: ImageMatches, item: Prediction) -> bool:
    """Whether every truth was matched or missed: without it there is a picture, and no comparison."""
    if item.truth is None or item.mode == "summary":
        return False
    return len(matches.pairs) + len(matches.missed) == len(item.truth)


def _f1(item: Prediction, matches: ImageMatches) -> float:
    total = len(item.truth or ()) + len(item.objects)
    return 2 * len(matches.pairs) / total if total else 1.0


def _verdict_on_summary(sample: ReportSample) -> list[str]:
    item = sample.prediction
    if sample.matches is None or item.mode != "summary" or item.summary is None:
        return []
    same = item.summary.split() == item.text.split()
    return ["the summary equals the truth" if same else "the summary differs from the truth"]


def _truths(sample: ReportSample, matches: ImageMatches) -> list[dict[str, Any]]:
    pair_of = {pair.truth: pair.predicted for pair in matches.pairs}
    missed = set(matches.missed)
    truths = sample.prediction.truth or ()
    notes = sample.truth_notes or ("",) * len(truths)
    shapes = []
    for index, (item, note) in enumerate(zip(truths, notes, strict=True)):
        if index in pair_of:
            shapes.append({**_shape(item, "found", note=note), "pair": pair_of[index]})
        else:
            shapes.append(_shape(item, "missed" if index in missed else "plain", note=note))
    return shapes


def _predicted(item: Prediction, matches: ImageMatches, compared: bool) -> list[dict[str, Any]]:
    hits = {pair.predicted: pair for pair in matches.pairs}
    duplicates = set(matches.duplicates)
    scores = item.logprob_scores or item.verbalised_scores or (None,) * len(item.objects)
    return [
        {
            **_shape(shape, _state(index, hits, duplicates, compared)),
            "iou": round(hits[index].iou, 4) if index in hits else None,
            "score": score,
        }
        for index, (shape, score) in enumerate(zip(item.objects, scores, strict=True))
    ]


def _state(index: int, hits: dict[int, MatchedPair], duplicates: set[int], compared: bool) -> str:
    if index in hits:
        return "hit"
    if index in duplicates:
        return "duplicate"
    return "extra" if compared else "plain"


def _shape(item: ObjectAnnotation, state: str, *, note: str = "") -> dict[str, Any]:
    return {
        "desc": item.desc,
        "kind": item.kind,
        "points": [round(value, 2) for value in item.points],
        "state": state,
        "area": round(_area(item), 1),
        "iou": None,
        "score": None,
        "note": note,
    }


def _area(item: ObjectAnnotation) -> float:
    """Pixels that a box or polygon covers; of a line, those of the box around it."""
    xs, ys = item.points[::2], item.points[1::2]
    if item.kind == "poly":
        return area_of(list(zip(xs, ys, strict=True)))
    return (max(xs) - min(xs)) * (max(ys) - min(ys))
