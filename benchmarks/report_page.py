"""`python -m benchmarks.report_page --jsonl data/bccd/all_samples.jsonl`: time and size of the HTML report.

Real pictures and truths; predictions are the truths moved, left out, renamed and repeated by a seed, so that every
verdict occurs.
`--enlarge 4` makes photographs of 2560x1920 out of 640x480 first (in memory), as phones take them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from src.contract.index import JsonlIndex
from src.contract.predictions import Prediction
from src.contract.records import ObjectAnnotation, Record
from src.evaluation.config import EvaluationConfig
from src.evaluation.matching import match_image
from src.evaluation.report import evaluate
from src.evaluation.sections import SectionRules, sections_of
from src.generation.figures_page import metric_tables
from src.images import load_rgb
from src.report.page import ReportSample, write_report
from src.rng import generator
from src.utils.opencv import cv2


def moved(record: Record, row: int) -> tuple[ObjectAnnotation, ...]:
    """What a middling model might have said."""
    rng = generator(7, "report-benchmark", row)
    found = []
    for item in record.objects:
        if rng.random() < 0.12:
            continue
        spread = 4 if rng.random() < 0.8 else 25
        points = np.array(item.points) + rng.normal(0, spread, len(item.points))
        points = np.clip(points, 0, [record.width, record.height] * (len(points) // 2))
        if item.kind == "bbox_2d" and (points[2:] - points[:2]).min() < 2:
            continue
        desc = item.desc if rng.random() < 0.95 else record.objects[0].desc
        found.append(replace(item, desc=desc, points=tuple(points.tolist())))
        if rng.random() < 0.03:
            found.append(found[-1])
    return tuple(found)


def sample_of(record: Record, row: int, folder: Path, enlarge: int) -> ReportSample:
    found = moved(record, row)
    said = [{"desc": item.desc, item.kind: [round(v) for v in item.points]} for item in found]
    prediction = Prediction(
        image=record.images[0], row=row, width=record.width, height=record.height, truth=record.objects, objects=found,
        dropped=(), is_valid=True, text=json.dumps(said), finish_reason="stop",
    )  # fmt: skip
    picture: Path | bytes = folder / record.images[0]
    if enlarge > 1:
        pixels = load_rgb(folder / record.images[0])
        large = cv2.resize(pixels, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_CUBIC)
        noise = generator(7, "report-noise", row).normal(0, 6, large.shape)
        noisy = np.clip(large + noise, 0, 255).astype(np.uint8)
        picture = cv2.imencode(".jpg", noisy[..., ::-1])[1].tobytes()
    matches = match_image(prediction, EvaluationConfig())
    return ReportSample(prediction=prediction, matches=matches, picture=picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jsonl", required=True, type=Path)
    parser.add_argument("--num", type=int, default=200)
    parser.add_argument("--enlarge", type=int, default=1)
    parser.add_argument("--out", type=Path, help="keep the page here")
    options = parser.parse_args()
    index = JsonlIndex.open(options.jsonl)
    samples = [
        sample_of(index.record(row % len(index)), row, options.jsonl.parent, options.enlarge)
        for row in range(options.num)
    ]
    predictions = [sample.prediction for sample in samples]
    report = evaluate(predictions, EvaluationConfig())
    sections = sections_of(predictions, EvaluationConfig(), SectionRules(irrelevant=""))
    tables = metric_tables(report, sections)
    with tempfile.TemporaryDirectory() as folder:
        page = options.out or Path(folder) / "report.html"
        began = time.perf_counter()
        write_report(page, samples, tables, title="Predictions on blood cells")
        seconds = time.perf_counter() - began
        size = page.stat().st_size / 1e6
    print(f"{options.num} samples: {seconds:.1f} s, {size:.2f} MB")


if __name__ == "__main__":
    main()
