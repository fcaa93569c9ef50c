"""One item from its annotation file to the bytes of its JSONL line: the function that worker processes run.

Its result depends on the item and the job alone, never on the worker or on other items. Cost: dominated by the full decode of
the picture (a truncated file must not pass), some milliseconds for 640x480.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from data_conversion.config import ExifMode
from data_conversion.pipeline import steps
from data_conversion.pipeline.place_image import place_image
from data_conversion.pipeline.raw import Finding, Item, RawImage
from data_conversion.pipeline.reading import Export
from src.contract.images import ImageResolver
from src.contract.records import Record, Source
from src.contract.validate import check_line
from src.contract.write import record_to_line
from src.errors import Issue, ProjectError
from src.images import load_rgb, read_header

IMAGES = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is the same for every item; sent to the workers once."""

    export: Export
    root: Path
    output: Path
    format: str
    exif: ExifMode
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An item that became a record: its JSONL line, and what the vocabulary and the report count."""

    line: bytes
    image: str
    size: tuple[int, int]
    descs: tuple[str, ...]
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one item: either `written`, or the `issues` for which it goes to quarantine."""

    item: Item
    image: str = ""
    num_objects: int = 0
    findings: tuple[Finding, ...] = ()
    written: Written | None = None
    issues: tuple[Issue, ...] = ()


def convert_item(job: Job, item: Item) -> Outcome:
    """Convert one item and put its picture into the output. Bad input never raises: it comes back as issues."""
    outcome = Outcome(item=item)
    try:
        raw = job.export.read(item)
        outcome = replace(outcome, image=raw.image, num_objects=raw.num_objects)
        record, findings = _to_record(job, raw)
        line = record_to_line(record)
        issues = check_line(line.rstrip(b"\n"), Source(file=raw.annotation, line=1))
        if issues:
            return replace(outcome, findings=findings, issues=tuple(issues))
        place_image(job.root / raw.image, job.output / record.images[0])
    except ProjectError as error:
        return replace(outcome, issues=error.issues)
    except OSError as error:
        return replace(outcome, issues=(_unreadable(item, error),))
    return replace(outcome, findings=findings, written=_written(record, line))


def _to_record(job: Job, raw: RawImage) -> tuple[Record, tuple[Finding, ...]]:
    source = Source(file=raw.annotation, line=1)
    path = ImageResolver(base_dir=job.root).resolve(raw.image, source)
    header = read_header(path)
    cleaned = steps.clean_text(raw)
    mapped, unmapped = steps.map_labels(cleaned, job.labels)
    placed, turned = steps.place_upright(mapped, header, job.exif)
    fitted, clipped = steps.fit_to_picture(placed, header.upright_size)
    load_rgb(path)
    record = steps.to_record(fitted, header.upright_size, f"{IMAGES}/{raw.image_name}", job.format)
    return record, (*raw.findings, *unmapped, *turned, *clipped)


def _written(record: Record, line: bytes) -> Written:
    return Written(
        line=line,
        image=record.images[0],
        size=(record.width, record.height),
        descs=tuple(item.desc for item in record.objects),
        kinds=Counter(item.kind for item in record.objects),
    )


def _unreadable(item: Item, error: OSError) -> Issue:
    return Issue(
        message=f"a file could not be read or placed: {error.strerror or error}",
        where=item.annotation,
        rule="file-error",
        remedy="check permissions and free space, then run the conversion again",
    )
