"""The doctor's page: verdicts with their numbers, statistics of descriptions, and records of each finding drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from src.contract.records import GEOMETRY_KINDS, ObjectAnnotation
from src.doctor.checks import Check
from src.doctor.examination import Examination
from src.doctor.frames import declared_frame
from src.errors import ImageError
from src.images import read_header
from src.report.model import MetricTable, Picture, ReportSample, truth_sample
from src.report.page import write_report
from src.report.thumbnails import decoded

SAMPLES_A_FINDING = 8
SAMPLES_WITHOUT_FINDING = 12
MOST_LABELS = 500
LARGEST_BLANK = 256


def write_doctor_page(path: Path, done: Examination) -> None:
    """Write the page. Where a picture cannot be read, shapes are drawn on grey of the record's proportions."""
    found = [check for check in done.checks if check.verdict == "found"]
    diagnosis = done.diagnosis
    samples = [
        sample
        for check in found
        for row in _rows(check, done)
        if (sample := _sample(done, row, check.name)) is not None
    ]
    if not samples:
        step = max(1, done.data.num_records // SAMPLES_WITHOUT_FINDING)
        rows = range(0, done.data.num_records, step)
        drawn = (_sample(done, row, "as it is") for row in rows)
        samples = [sample for sample in drawn if sample is not None]
    write_report(
        path,
        samples,
        _tables(done),
        title="Examination of " + ", ".join(Path(file).name for file in done.data.files),
        facts=(
            ("diagnosis", diagnosis.sentence if diagnosis else "nothing found about coordinates"),
            ("records", str(done.data.num_records)),
            ("objects", str(done.data.num_objects)),
            ("declared space", done.space),
            ("findings", ", ".join(check.name for check in found) or "none"),
        ),
        groups_label="finding",
    )


def _rows(check: Check, done: Examination) -> tuple[int, ...]:
    """Records of a finding; those of a finding about all of them are the first with objects."""
    rows = check.records or tuple(int(row) for row in np.unique(done.data.record[:200]))
    return rows[:SAMPLES_A_FINDING]


def _tables(done: Examination) -> list[MetricTable]:
    verdicts = tuple(
        (_verdict(check), check.name, check.sentence, check.remedy) for check in done.checks
    )
    numbers = tuple(
        (check.name, name, str(value))
        for check in done.checks
        for name, value in check.evidence.items()
    )
    labels = tuple(
        (item.label, str(item.count), f"{item.area:.0f}", f"{item.share:.2%}", f"{item.aspect:.2f}")
        for item in done.labels[:MOST_LABELS]
    )
    tables = [
        MetricTable(title="Verdicts", header=("verdict", "check", "what", "remedy"), rows=verdicts),
        MetricTable(title="Evidence", header=("check", "number", "value"), rows=numbers),
        MetricTable(
            title=f"Descriptions ({len(done.labels)})",
            header=("description", "objects", "median area (px)", "of the picture", "width/height"),
            rows=labels,
        ),
    ]
    places = tuple((place,) for place in done.data.unreadable.places)
    if places:
        tables.append(MetricTable(title="Unreadable", header=("where and why",), rows=places))
    return tables


def _verdict(check: Check) -> str:
    return f"{check.verdict} ({check.severity})" if check.verdict == "found" else check.verdict


def _sample(done: Examination, row: int, group: str) -> ReportSample | None:
    """A record drawn as declared; None when neither it nor its picture gives a size."""
    data = done.data
    picture, size = _picture(done, row)
    given = (int(data.size[row, 0]), int(data.size[row, 1]))
    size = given if min(given) > 0 else size
    if min(size) <= 0:
        return None
    frame = declared_frame(np.array([size], dtype=np.float64), done.space)
    scale = (frame.size / frame.reach)[0]
    first, last = np.searchsorted(data.record, [row, row + 1])
    objects = tuple(
        ObjectAnnotation(
            desc=data.labels[data.label[item]],
            kind=GEOMETRY_KINDS[data.kind[item]],
            points=tuple((data.points[data.first[item] : data.first[item + 1]] * scale).ravel().tolist()),
        )
        for item in range(int(first), int(last))
    )  # fmt: skip
    return truth_sample(
        picture if picture is not None else _blank(size),
        objects,
        size,
        name=data.image[row],
        row=row,
        group=group,
        notes=(data.place(row),),
    )


def _picture(done: Examination, row: int) -> tuple[Picture | None, tuple[int, int]]:
    """The picture's file and upright size; None where it cannot be shown."""
    key = (int(done.data.file[row]), done.data.image[row])
    if done.located is None or key not in done.located.paths:
        return None, (0, 0)
    path = done.located.paths[key]
    try:
        size = read_header(path).upright_size
        decoded(path)
    except ImageError:
        return None, (0, 0)
    return path, size


def _blank(size: tuple[int, int]) -> Picture:
    scale = LARGEST_BLANK / max(size)
    width, height = (max(1, round(side * scale)) for side in size)
    return np.full((height, width, 3), 224, dtype=np.uint8)
