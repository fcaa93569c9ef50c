"""`conversion_report.html`: a conversion's counts, and a few of its records drawn, those that were changed first.

A function of the outcomes and the seed, like everything that a conversion writes. Cost: at most 48 pictures, about a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_conversion.pipeline.outcome import Outcome
from data_conversion.pipeline.page_samples import PageSamples
from data_conversion.pipeline.raw import Finding
from src.contract.records import Source
from src.contract.validate import parse_record
from src.report.page import MetricTable, ReportSample, truth_sample, write_report

MOST_UNMAPPED = 200
COUNTED = (
    ("Geometry", "geometry"),
    ("Pictures", "pictures"),
    ("Picture sizes (megapixels)", "picture_megapixels"),
    ("Object sizes (mean side)", "object_sides"),
    ("Objects an image", "objects_per_image"),
    ("Objects changed, by rule", "findings_by_rule"),
    ("Images quarantined, by rule", "quarantined_by_rule"),
)


def write_conversion_page(
    path: Path, samples: PageSamples, report: Mapping[str, Any], output: Path
) -> None:
    """Write the page; `report` is the content of `conversion_report.json`, `output` the folder with the pictures."""
    drawn = [
        *_samples(samples.changed, "changed", output),
        *_samples(samples.plain, "as annotated", output),
    ]
    counts = report["counts"]
    write_report(
        path,
        drawn,
        list(_tables(samples.refused, report)),
        title=f"Conversion of {report['input']} ({report['format']})",
        facts=(
            ("images read", str(counts["images_read"])),
            ("written", str(counts["images_written"])),
            ("quarantined", str(counts["images_quarantined"])),
            ("drawn here", str(len(drawn))),
        ),
        groups_label="kind",
    )


def _samples(
    results: Sequence[tuple[Outcome, bytes]], group: str, output: Path
) -> Iterator[ReportSample]:
    for row, (outcome, line) in enumerate(results):
        assert outcome.written is not None
        if outcome.written.placed == "none":
            continue  # converted without pictures
        record = parse_record(line.rstrip(b"\n"), Source(file=outcome.annotation, line=1))
        yield truth_sample(
            output / outcome.written.image,
            record.objects,
            outcome.written.size,
            name=outcome.written.image,
            row=row,
            summary=record.summary,
            group=group,
            notes=tuple(_note(finding) for finding in outcome.findings),
        )


def _note(finding: Finding) -> str:
    what = finding.label or "the image"
    place = "" if finding.object_index is None else f" (object {finding.object_index})"
    got = f", got {finding.got}" if finding.got else ""
    result = f", now {finding.result}" if finding.result else ""
    return f"{finding.kind} {what}{place}: {finding.message}{got}{result}"


def _tables(refused: Sequence[Outcome], report: Mapping[str, Any]) -> Iterator[MetricTable]:
    yield _counted("Counts", {n.replace("_", " "): c for n, c in report["counts"].items()})
    split = {n.replace("_", " "): v for n, v in report["split"].items() if v is not None}
    worst = split.pop("largest label deviation", None)
    if worst is not None:
        split["largest label deviation"] = (
            f"{worst['deviation']:.3f} ({worst['label']}: {worst['val']} of {worst['images']} images)"
        )
    yield _counted("Split", split, column="")
    for title, name in COUNTED:
        if report[name]:
            yield _counted(title, report[name])
    if report["unmapped"]:
        rows = tuple(
            (text, str(entry["count"]), entry["annotation"])
            for text, entry in list(report["unmapped"].items())[:MOST_UNMAPPED]
        )
        title = f"Words that the domain pack lacks ({len(report['unmapped'])})"
        yield MetricTable(title=title, header=("word", "count", "for example in"), rows=rows)
    if refused:
        num_refused = report["counts"]["images_quarantined"]
        yield MetricTable(
            title=f"Quarantined ({num_refused})",
            header=("image", "rule", "reason"),
            rows=tuple((o.key, issue.rule, issue.message) for o in refused for issue in o.issues),
        )


def _counted(title: str, counts: Mapping[str, Any], column: str = "count") -> MetricTable:
    rows = tuple((name, str(count)) for name, count in counts.items())
    return MetricTable(title=title, header=("", column), rows=rows)
