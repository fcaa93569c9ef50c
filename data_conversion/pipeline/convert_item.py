"""One item from its annotation to the bytes of its JSONL line: the function that worker processes run.

Its result depends on the item and the job alone, never on the worker or on other items. Cost: dominated by the full decode of
the picture (a truncated file must not pass), some milliseconds for 640x480; without pictures 0.3 ms for ten objects.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from data_conversion.config import KEY_PREFIX, EmptiedPolicy, ExifMode, SummaryMode, UnmappedPolicy
from data_conversion.pipeline.describe import UNMAPPED, describe, join_groups, summarise
from data_conversion.pipeline.outcome import Outcome, Placed, Written
from data_conversion.pipeline.picture import Picture, open_picture, picture_state
from data_conversion.pipeline.raw import Finding, Item, RawImage
from data_conversion.pipeline.reading import Export
from data_conversion.pipeline.record import to_record
from data_conversion.pipeline.shapes import ShapeOptions, fit_shapes, scale_points
from data_conversion.pipeline.upright import annotated_size, place_upright
from src.contract.budget import PixelBudget
from src.contract.images import unsafe_reason
from src.contract.records import Record, Source
from src.contract.validate import check_line
from src.contract.write import record_to_line
from src.datasets.geometry.overlap import bounds
from src.domains.vocabulary import Vocabulary
from src.errors import DataError, Issue, ProjectError, RecordError

IMAGES = "images"
GROUPED = "="
"""How the group of an image begins that `group_by` found one for."""
SIDE_EDGES = (8, 16, 32, 96, 256)
SIDE_BINS = ("< 8 px", "8-16 px", "16-32 px", "32-96 px", "96-256 px", ">= 256 px")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is the same for every item; sent to the workers once.

    `image_root` is where pictures lie; None: annotations alone are converted. `budget` None: pictures keep their size.
    """

    export: Export
    image_root: Path | None
    output: Path
    aside: Path
    format: str
    exif: ExifMode
    shapes: ShapeOptions
    budget: PixelBudget | None
    quality: int
    words: Vocabulary | None
    unmapped: UnmappedPolicy
    emptied: EmptiedPolicy
    summary: SummaryMode
    group_by: str | None
    fail_fast: bool


def convert_item(job: Job, item: Item) -> tuple[Outcome, bytes]:
    """Convert one item and put its picture into the output: what became of it, and its JSONL line (empty: none).

    Bad input never raises: it comes back as issues.
    """
    outcome = Outcome(key=item.key, annotation=item.annotation)
    try:
        raw = job.export.read(item)
        outcome = replace(outcome, image=raw.image, named=raw.named, num_objects=raw.num_objects)
        _check_name(raw)
        picture = None
        if job.image_root is not None:
            # First its state: a picture that cannot be read may be repaired before the next run.
            outcome = replace(outcome, picture=picture_state(raw, job.image_root))
            picture = open_picture(raw, job.image_root, job.aside)
        record, findings = _to_record(job, raw, picture)
        outcome = replace(outcome, findings=findings)
        if job.emptied == "quarantine":
            _refuse_emptied(raw, record, findings)
        line = record_to_line(record)
        issues = check_line(line.rstrip(b"\n"), Source(file=raw.annotation, line=1))
        if issues:
            return replace(outcome, issues=issues), b""
        placed = _place(job, picture, record)
    except ProjectError as error:
        return replace(outcome, issues=error.issues), b""
    except OSError as error:
        return replace(outcome, issues=(_unreadable(item, error),)), b""
    return replace(outcome, written=_written(record, placed, _group(job, raw))), line


def _check_name(raw: RawImage) -> None:
    reason = unsafe_reason(f"{IMAGES}/{raw.image_name}")
    if reason or raw.image_name.startswith("/"):
        raise RecordError.say(
            f"{reason or 'an absolute path'} is not allowed as an image",
            where=raw.annotation,
            rule="image-path",
            got=ascii(raw.image_name)[:120],
        )


def _to_record(
    job: Job, raw: RawImage, picture: Picture | None
) -> tuple[Record, tuple[Finding, ...]]:
    described, worded = describe(raw, job.words)
    if job.unmapped == "quarantine":
        _refuse_unmapped(raw, worded)
    turned: tuple[Finding, ...] = ()
    if picture is None:
        size = annotated_size(raw)
    else:
        described, turned = place_upright(described, picture.header, job.exif)
        size = picture.header.upright_size
    fitted, shaped = fit_shapes(described, size, job.shapes)
    target = size if job.budget is None else _target(job.budget, size, raw)
    final, grouped = join_groups(scale_points(fitted, size, target), job.words)
    summary, summed = summarise(final, job.words, job.summary)
    record = to_record(final, target, f"{IMAGES}/{raw.image_name}", job.format, summary)
    return record, (*raw.findings, *worded, *turned, *shaped, *grouped, *summed)


def _target(budget: PixelBudget, size: tuple[int, int], raw: RawImage) -> tuple[int, int]:
    try:
        return budget.fit(*size)
    except DataError as error:
        issues = (
            replace(issue, where=raw.annotation, rule="too-elongated") for issue in error.issues
        )
        raise RecordError(*issues) from error


def _refuse_unmapped(raw: RawImage, findings: tuple[Finding, ...]) -> None:
    unmapped = [finding for finding in findings if finding.rule.endswith(UNMAPPED)]
    if unmapped:
        raise RecordError(
            *(
                Issue(
                    message=finding.message,
                    where=raw.annotation,
                    path=f"object {finding.object_index}",
                    rule=finding.rule,
                    got=finding.got or finding.label,
                    remedy="add it to the pack's taxonomy, or convert with unmapped=note",
                )
                for finding in unmapped
            )
        )


def _refuse_emptied(raw: RawImage, record: Record, findings: tuple[Finding, ...]) -> None:
    """As a negative record it would teach that nothing is where something was annotated."""
    if raw.num_objects and not record.objects:
        dropped = Counter(finding.rule for finding in findings if finding.kind == "dropped")
        rules = ", ".join(f"{rule} {count}" for rule, count in sorted(dropped.items()))
        raise RecordError.say(
            "every annotated object was dropped",
            where=raw.annotation,
            rule="all-objects-dropped",
            got=f"{raw.num_objects} objects: {rules}",
            remedy="see findings.jsonl for each; emptied=negative writes an image without objects",
        )


def _place(job: Job, picture: Picture | None, record: Record) -> Placed:
    if picture is None:
        return "none"
    target = job.output / record.images[0]
    size = (record.width, record.height)
    return picture.place(target, size=size, quality=job.quality, aside=job.aside)


def _group(job: Job, raw: RawImage) -> str:
    """What the split keeps together: by `group_by`, and else the picture itself."""
    path = raw.image or raw.image_name
    if job.group_by is None:
        return _own_group(path)
    if job.group_by.startswith(KEY_PREFIX):
        name = job.group_by.removeprefix(KEY_PREFIX)
        values = {**raw.metadata, **raw.attributes}
        found = values[name] if name in values else None
        return _own_group(path) if found in (None, "") else f"{GROUPED}{found}"
    match = re.search(job.group_by, path)
    if match is None:
        return _own_group(path)
    text = match[1] if match.re.groups and match[1] is not None else match[0]
    return f"{GROUPED}{text}" if text else _own_group(path)


def _own_group(path: str) -> str:
    return f"/{path}"


def _written(record: Record, placed: Placed, group: str) -> Written:
    return Written(
        image=record.images[0],
        size=(record.width, record.height),
        placed=placed,
        group=group,
        labels=Counter(item.desc for item in record.objects),
        kinds=Counter(item.kind for item in record.objects),
        sides=Counter(_side_bin(item.points) for item in record.objects),
        has_summary=record.summary is not None,
    )


def _side_bin(points: tuple[float, ...]) -> str:
    x1, y1, x2, y2 = bounds(points)
    return SIDE_BINS[bisect_right(SIDE_EDGES, math.sqrt((x2 - x1) * (y2 - y1)))]


def _unreadable(item: Item, error: OSError) -> Issue:
    return Issue(
        message=f"a file could not be read or placed: {error.strerror or error}",
        where=item.annotation,
        rule="file-error",
        remedy="check permissions and free space, then run the conversion again",
    )
