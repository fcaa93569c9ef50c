"""Convert an export into contract JSONL: scan, convert each image on its own, split, write.

Every output is a function of the input's files and the config: neither the number of workers nor the order of directory listings
changes a byte. Files are put in place whole; `conversion_report.json` comes last and marks a finished conversion, so an
interrupted one is simply run again. Every image read is either written or quarantined, and the report says which.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import orjson

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.convert_item import IMAGES, Job, Outcome, convert_item
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Item, SplitName
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.split import draw_split, limit_items
from src.domains.loader import load_pack
from src.errors import DataError, RecordError, UsageError
from src.files import atomic_write, write_bytes
from src.utils.logger import get_logger
from src.utils.progress import progress
from src.utils.suggest import did_you_mean

REPORT = "conversion_report.json"
PAGE = "conversion_report.html"
QUARANTINE = "quarantine.jsonl"
VERSION = 1
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What a conversion did, for the command line."""

    num_read: int
    num_written: int
    num_quarantined: int
    num_dropped: int
    num_fixed: int


def convert(config: ConversionConfig) -> Converted:
    """Run a whole conversion. `ProjectError` when it cannot begin, or with `fail_fast` at the first bad image."""
    _check(config)
    labels = load_pack(config.domain).taxonomy.labels if config.domain else {}
    options = ReadOptions(images=ImageIndex.of(config.input))
    export = READERS[config.format].open(config.input, options)
    listing = export.listing
    items = limit_items(listing.items, config.limit, config.seed)
    use_lists = config.split == "auto" and listing.split is not None
    (config.output / IMAGES).mkdir(parents=True, exist_ok=True)
    (config.output / REPORT).unlink(missing_ok=True)
    job = Job(
        export=export,
        root=config.input,
        output=config.output,
        format=config.format,
        exif=config.exif,
        labels=dict(labels),
    )
    outcomes = list(_converted(job, items, config))
    split = listing.split if use_lists and listing.split else _drawn(outcomes, config)
    _write(outcomes, split, config)
    report = _report(outcomes, split, config, listing.split_source if use_lists else "seeded")
    # Drawing needs OpenCV, whose import the commands that only ask for help should not pay.
    from data_conversion.pipeline.report_page import write_conversion_page

    write_conversion_page(config.output / PAGE, outcomes, report, config)
    write_bytes(config.output / REPORT, orjson.dumps(report, option=JSON))
    counts = report["counts"]
    return Converted(
        num_read=counts["images_read"],
        num_written=counts["images_written"],
        num_quarantined=counts["images_quarantined"],
        num_dropped=counts["objects_dropped"],
        num_fixed=counts["objects_fixed"],
    )


def _check(config: ConversionConfig) -> None:
    if config.format not in READERS:
        raise UsageError.say(
            f"unknown format {config.format}",
            expected=" | ".join(READERS),
            remedy=did_you_mean(config.format, READERS),
        )
    if not config.input.is_dir():
        raise DataError.say(f"input folder {config.input} does not exist")
    if config.output.resolve().is_relative_to(config.input.resolve()):
        raise UsageError.say(
            "the output lies inside the input", remedy="choose an output folder elsewhere"
        )
    occupied = config.output.is_dir() and any(config.output.iterdir())
    own = (config.output / REPORT).is_file() or (config.output / IMAGES).is_dir()
    if occupied and not own and not config.overwrite:
        raise DataError.say(
            f"output folder {config.output} holds something else",
            remedy="choose an empty folder, or pass overwrite=true",
        )


def _converted(job: Job, items: Iterable[Item], config: ConversionConfig) -> Iterator[Outcome]:
    """Outcomes in item order, whatever the number of workers."""
    listed = list(items)
    with _mapper(config.workers) as mapper:
        results = mapper(partial(convert_item, job), listed)
        for outcome in progress(results, total=len(listed), label="convert"):
            if outcome.issues and config.fail_fast:
                raise RecordError(*outcome.issues)
            yield outcome


@contextmanager
def _mapper(workers: int) -> Iterator[Any]:
    if workers <= 1:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield partial(pool.imap, chunksize=8)


def _drawn(outcomes: list[Outcome], config: ConversionConfig) -> Mapping[str, SplitName]:
    written = (outcome.item.key for outcome in outcomes if outcome.written)
    return draw_split(written, config.val_ratio, config.seed)


def _write(
    outcomes: list[Outcome], split: Mapping[str, SplitName], config: ConversionConfig
) -> None:
    lines: dict[str, list[bytes]] = {"all_samples": [], "train": [], "val": []}
    quarantined = []
    for outcome in outcomes:
        if outcome.written is None:
            quarantined.append(_quarantine_line(outcome))
            continue
        lines["all_samples"].append(outcome.written.line)
        if outcome.item.key in split:
            lines[split[outcome.item.key]].append(outcome.written.line)
    for name, content in lines.items():
        with atomic_write(config.output / f"{name}.jsonl", "wb") as handle:
            handle.writelines(content)
    with atomic_write(config.output / QUARANTINE, "wb") as handle:
        handle.writelines(quarantined)
    vocabulary = _vocabulary(outcomes)
    write_bytes(config.output / "label_vocabulary.json", orjson.dumps(vocabulary, option=JSON))


def _quarantine_line(outcome: Outcome) -> bytes:
    return orjson.dumps(
        {
            "key": outcome.item.key,
            "annotation": outcome.item.annotation,
            "image": outcome.image,
            "issues": [asdict(issue) for issue in outcome.issues],
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _vocabulary(outcomes: list[Outcome]) -> dict[str, int]:
    """How often each description was written, most frequent first."""
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.written is not None:
            counts.update(outcome.written.descs)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _report(
    outcomes: list[Outcome], split: Mapping[str, SplitName], config: ConversionConfig, source: str
) -> dict[str, Any]:
    written = [outcome for outcome in outcomes if outcome.written is not None]
    findings = [
        {"annotation": outcome.item.annotation, "image": outcome.image, **asdict(finding)}
        for outcome in outcomes
        for finding in outcome.findings
    ]
    kinds: Counter[str] = Counter()
    for outcome in written:
        assert outcome.written is not None
        kinds.update(outcome.written.kinds)
    sides = Counter(split[outcome.item.key] for outcome in written if outcome.item.key in split)
    by_kind = Counter(finding["kind"] for finding in findings)
    rules = Counter(f"{finding['kind']}: {finding['rule']}" for finding in findings)
    reasons = Counter(issue.rule for outcome in outcomes for issue in outcome.issues)
    return {
        "version": VERSION,
        "format": config.format,
        "domain": config.domain,
        "split": {"source": source, "val_ratio": config.val_ratio, "seed": config.seed},
        "counts": {
            "images_read": len(outcomes),
            "images_written": len(written),
            "images_quarantined": len(outcomes) - len(written),
            "train": sides["train"],
            "val": sides["val"],
            "objects_read": sum(outcome.num_objects for outcome in written),
            "objects_written": sum(kinds.values()),
            "objects_dropped": by_kind["dropped"],
            "objects_fixed": by_kind["fixed"],
            "negative_images": sum(
                not outcome.written.descs for outcome in written if outcome.written
            ),
        },
        "geometry": dict(sorted(kinds.items())),
        "findings_by_rule": dict(sorted(rules.items())),
        "quarantined_by_rule": dict(sorted(reasons.items())),
        "findings": findings,
    }


def explain(config: ConversionConfig, done: Converted) -> str:
    """What a person reads at the end."""
    lines = [
        f"{config.output}: {done.num_read} images read = {done.num_written} written + "
        f"{done.num_quarantined} quarantined; {done.num_dropped} objects dropped, {done.num_fixed} fixed"
    ]
    if done.num_quarantined:
        lines.append(f"reasons: {config.output / QUARANTINE}")
    if done.num_dropped or done.num_fixed:
        lines.append(f"each of them: {config.output / REPORT}")
    lines.append(f"counts and examples drawn: {config.output / PAGE}")
    return "\n".join(lines)
