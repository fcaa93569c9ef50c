"""`conversion_report.html`: a conversion's counts, and a few of its records drawn, those that were changed first.

A function of the outcomes and the seed, like everything that a conversion writes. Cost: at most 48 pictures, about a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.convert_item import Outcome
from data_conversion.pipeline.raw import Finding
from src.contract.records import Source
from src.contract.validate import parse_record
from src.report.page import MetricTable, ReportSample, truth_sample, write_report
from src.rng import generator

MOST_CHANGED = 24
MOST_PLAIN = 24
MOST_LISTED = 200


def write_conversion_page(
    path: Path, outcomes: Sequence[Outcome], report: Mapping[str, Any], config: ConversionConfig
) -> None:
    """Write the page; `report` is the content of `conversion_report.json`."""
    written = [outcome for outcome in outcomes if outcome.written is not None]
    changed = [outcome for outcome in written if outcome.findings]
    plain = [outcome for outcome in written if not outcome.findings]
    samples = [
        *_samples(_drawn(changed, MOST_CHANGED, config.seed), "changed", config),
        *_samples(_drawn(plain, MOST_PLAIN, config.seed), "as annotated", config),
    ]
    counts = report["counts"]
    write_report(
        path,
        samples,
        list(_tables(outcomes, report)),
        title=f"Conversion of {config.input.name} ({config.format})",
        facts=(
            ("images read", str(counts["images_read"])),
            ("written", str(counts["images_written"])),
            ("quarantined", str(counts["images_quarantined"])),
            ("drawn here", str(len(samples))),
        ),
        groups_label="kind",
    )


def _drawn(outcomes: Sequence[Outcome], most: int, seed: int) -> list[Outcome]:
    """At most so many, drawn by the seed, in their order."""
    if len(outcomes) <= most:
        return list(outcomes)
    chosen = generator(seed, "conversion-page").choice(len(outcomes), size=most, replace=False)
    return [outcomes[int(index)] for index in sorted(chosen)]


def _samples(
    outcomes: Sequence[Outcome], group: str, config: ConversionConfig
) -> Iterator[ReportSample]:
    for row, outcome in enumerate(outcomes):
        assert outcome.written is not None
        source = Source(file=outcome.item.annotation, line=1)
        record = parse_record(outcome.written.line.rstrip(b"\n"), source)
        yield truth_sample(
            config.output / outcome.written.image,
            record.objects,
            outcome.written.size,
            name=outcome.written.image,
            row=row,
            group=group,
            notes=tuple(_note(finding) for finding in outcome.findings),
        )


def _note(finding: Finding) -> str:
    what = finding.label or "the image"
    place = "" if finding.object_index is None else f" (object {finding.object_index})"
    got = f", got {finding.got}" if finding.got else ""
    result = f", now {finding.result}" if finding.result else ""
    return f"{finding.kind} {what}{place}: {finding.message}{got}{result}"


def _tables(outcomes: Sequence[Outcome], report: Mapping[str, Any]) -> Iterator[MetricTable]:
    counts = {name.replace("_", " "): count for name, count in report["counts"].items()}
    yield _counted("Counts", counts)
    yield _counted("Geometry", report["geometry"])
    for title, name in (
        ("Objects changed, by rule", "findings_by_rule"),
        ("Images quarantined, by rule", "quarantined_by_rule"),
    ):
        if report[name]:
            yield _counted(title, report[name])
    refused = [
        (outcome.item.key, issue.rule, issue.message)
        for outcome in outcomes
        for issue in outcome.issues
    ]
    if refused:
        yield MetricTable(
            title=f"Quarantined ({len(refused)})",
            header=("image", "rule", "reason"),
            rows=tuple(refused[:MOST_LISTED]),
        )


def _counted(title: str, counts: Mapping[str, int]) -> MetricTable:
    rows = tuple((name, str(count)) for name, count in counts.items())
    return MetricTable(title=title, header=("", "count"), rows=rows)
