"""One self-contained HTML page: metric table, and every sample with its truth and prediction drawn over the picture.

No network, no files beside it: thumbnails are embedded, shapes are SVG in picture coordinates. About 20 KB a sample.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from src.contract.predictions import ImageMatches
from src.contract.records import ObjectAnnotation
from src.files import write_text
from src.report.model import GoneObject, MetricTable, Plot, ReportSample, Series, truth_sample
from src.report.thumbnails import distinct, jpeg, share_of

__all__ = [
    "GoneObject",
    "MetricTable",
    "Plot",
    "ReportSample",
    "Series",
    "truth_sample",
    "write_report",
]

TEMPLATE = Path(__file__).with_name("template.html")
MARK = "/*DATA*/null"


def write_report(
    path: Path,
    samples: Sequence[ReportSample],
    tables: Sequence[MetricTable],
    *,
    title: str,
    facts: Sequence[tuple[str, str]] = (),
    plots: Sequence[Plot] = (),
    groups_label: str = "",
) -> None:
    """Write the page. `facts` are name and value pairs shown at the top (checkpoint, data, date, ...).

    `groups_label` names what the samples' groups are ("step", "data set", "variant"). Samples that show the same picture share
    its embedded copy.
    """
    unique, places = distinct(sample.picture for sample in samples)
    pictures = [_data_url(jpeg(picture, share_of(len(unique)))) for picture in unique]
    data = {
        "title": title,
        "facts": [list(fact) for fact in facts],
        "tables": [
            {"title": table.title, "header": table.header, "rows": table.rows} for table in tables
        ],
        "samples": [
            _sample(sample, pictures[place]) for sample, place in zip(samples, places, strict=True)
        ],
    }
    # "<" is escaped so that no text of a sample can close the script element.
    payload = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    write_text(path, TEMPLATE.read_text(encoding="utf-8").replace(MARK, payload))


def _data_url(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _sample(sample: ReportSample, picture: str) -> dict[str, Any]:
    item = sample.prediction
    matches = sample.matches or ImageMatches(pairs=(), missed=(), extra=())
    hits = {pair.predicted: pair.iou for pair in matches.pairs}
    truths = item.truth or ()
    total = len(truths) + len(item.objects)
    return {
        "name": item.image.rsplit("/", 1)[-1],
        "row": item.row,
        "width": item.width,
        "height": item.height,
        "picture": picture,
        "f1": 2 * len(hits) / total if total else 1.0,
        "hasTruth": item.truth is not None,
        "valid": item.is_valid,
        "finish": item.finish_reason,
        "text": item.text,
        "dropped": [f"{part.reason}: {part.text}" for part in item.dropped],
        "truth": [
            _shape(shape, "missed" if index in matches.missed else "found")
            for index, shape in enumerate(truths)
        ],
        "predicted": [
            {
                **_shape(shape, _verdict(index, hits, matches)),
                "iou": hits[index] if index in hits else None,
            }
            for index, shape in enumerate(item.objects)
        ],
    }


def _verdict(index: int, hits: dict[int, float], matches: ImageMatches) -> str:
    if index in hits:
        return "hit"
    return "duplicate" if index in matches.duplicates else "extra"


def _shape(item: ObjectAnnotation, state: str) -> dict[str, Any]:
    points = [round(value, 2) for value in item.points]
    return {"desc": item.desc, "kind": item.kind, "points": points, "state": state}
