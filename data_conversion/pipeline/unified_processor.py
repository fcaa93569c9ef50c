"""Convert an export into contract JSONL: open, convert shard by shard, split, write.

Every output is a function of the input's files and the config: neither the number of workers nor the order of directory listings
nor kills in between change a byte. What is complete lies in `output/.work` until the end, so the same command goes on where a
killed one stopped; files are put in place whole, and `conversion_report.json` comes last and marks a finished conversion. Every
image read is either written or quarantined, and the report says which. Memory does not grow with the shapes, only with the
number of images (their keys and labels).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from typing import Any

import orjson

from data_conversion.config import VAL_RATIO, ConversionConfig, check_options
from data_conversion.pipeline.convert_item import IMAGES, Job
from data_conversion.pipeline.fingerprint import fingerprint
from data_conversion.pipeline.output_folder import REPORT, check_output, sweep_pictures
from data_conversion.pipeline.outputs import (
    FINDINGS,
    JSON,
    QUARANTINE,
    SEEDED,
    choose_split,
    write_outputs,
)
from data_conversion.pipeline.overview import Overview, settled
from data_conversion.pipeline.reading import Export
from data_conversion.pipeline.shapes import ShapeOptions
from data_conversion.pipeline.shards import Shard, convert_shard, cut, is_complete
from data_conversion.pipeline.source import Opened, open_source
from data_conversion.pipeline.split import limit_items
from data_conversion.pipeline.work_folder import WorkFolder, claimed, usable, workers_lock
from data_conversion.pipeline.workers import ShardPool, start_server
from src.contract.budget import PixelBudget
from src.domains.config import DomainPack
from src.domains.vocabulary import Vocabulary
from src.utils.logger import get_logger
from src.utils.progress import progress

PAGE = "conversion_report.html"
VERSION = 2
logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What a conversion did, for the command line."""

    format: str
    num_read: int
    num_written: int
    num_quarantined: int
    num_dropped: int
    num_fixed: int
    num_train: int
    num_val: int
    split: str
    num_unmapped_words: int
    num_unmapped_objects: int


def convert(config: ConversionConfig, adapt: Callable[[Export], Export] | None = None) -> Converted:
    """Run a whole conversion, or the rest of one. `ProjectError` when it cannot begin, or with `fail_fast` at the first bad
    image. `adapt` may wrap the opened export (to name classes otherwise, say); what it returns is sent to the workers.
    """
    check_options(config)
    start_server(config.workers)
    pack = _pack(config.domain)
    check_output(config)
    opened = open_source(config)
    if adapt is not None:
        opened = replace(opened, export=adapt(opened.export))
    logger.info("format %s: %s", opened.format, opened.reason)
    items = limit_items(opened.export.listing.items, config.limit, config.seed)
    with claimed(config.output) as work:
        before = work.begin(
            fingerprint(config, opened.format, items, opened.export, opened.images, pack)
        )
        if before:
            logger.info("%s", before)
        with usable(config.output):
            (config.output / IMAGES).mkdir(exist_ok=True)
            (config.output / REPORT).unlink(missing_ok=True)
        shards = cut(items, work.shards)
        job = _job(config, opened, pack, work)
        workers = config.workers if len(shards) > 1 else 1
        with ShardPool(job, workers, workers_lock(work)) as pool:
            found = _convert(job, shards, pool)
            report = _finish(config, opened, shards, settled(found, shards), work, pool)
        work.remove()
    counts = report["counts"]
    return Converted(
        format=opened.format,
        num_read=counts["images_read"],
        num_written=counts["images_written"],
        num_quarantined=counts["images_quarantined"],
        num_dropped=counts["objects_dropped"],
        num_fixed=counts["objects_fixed"],
        num_train=counts["train"],
        num_val=counts["val"],
        split=report["split"]["source"],
        num_unmapped_words=len(report["unmapped"]),
        num_unmapped_objects=sum(entry["count"] for entry in report["unmapped"].values()),
    )


def _pack(domain: str | None) -> DomainPack | None:
    if not domain:
        return None
    # Reading YAML needs pydantic, whose import a conversion without a pack should not pay.
    from src.domains.loader import load_pack

    return load_pack(domain)


def _job(
    config: ConversionConfig, opened: Opened, pack: DomainPack | None, work: WorkFolder
) -> Job:
    budget = PixelBudget(
        min_pixels=config.min_pixels, max_pixels=config.max_pixels, factor=config.image_factor
    )
    return Job(
        export=opened.export,
        image_root=opened.images.root if config.images else None,
        output=config.output,
        aside=work.aside,
        format=opened.format,
        exif=config.exif,
        shapes=ShapeOptions(
            geometry=config.geometry,
            parts=config.parts,
            max_vertices=config.max_vertices,
            min_area=config.min_area,
        ),
        budget=budget if config.resize else None,
        quality=config.quality,
        words=None if pack is None else Vocabulary.of(pack),
        unmapped=config.unmapped,
        emptied=config.emptied,
        summary=config.summary,
        group_by=config.group_by,
        fail_fast=config.fail_fast,
    )


def _convert(job: Job, shards: Sequence[Shard], pool: ShardPool) -> Overview:
    """Every shard that is not complete yet; what the split needs to know of all of them, in order, comes back."""
    rest = [shard for shard in shards if not is_complete(job, shard)]
    total = sum(len(shard.items) for shard in shards)
    done = total - sum(len(shard.items) for shard in rest)
    if done:
        logger.info("taken over from the run before: %d of %d images", done, total)
    found = Overview()
    unseen = iter(shards)

    def images() -> Iterator[None]:
        finished = pool.each(convert_shard, ((shard,) for shard in rest))
        for shard, _ in zip(rest, finished, strict=True):
            for complete in unseen:
                found.add_shard(complete)
                if complete is shard:
                    break
            yield from repeat(None, len(shard.items))

    for _ in progress(images(), total=total, label="convert", start=done):
        pass
    for complete in unseen:
        found.add_shard(complete)
    return found


def _finish(
    config: ConversionConfig,
    opened: Opened,
    shards: Sequence[Shard],
    found: Overview,
    work: WorkFolder,
    pool: ShardPool,
) -> dict[str, Any]:
    """Every file of the output, the report last."""
    split, split_report = choose_split(found, opened.export.listing, config)
    tally, samples = write_outputs(work, shards, found, split, config, pool)
    sweep_pictures(config.output, found.sources)
    report = {
        "version": VERSION,
        "input": config.input.resolve().name,
        "format": opened.format,
        "recognised": opened.reason,
        "options": _options(config),
        "split": split_report,
        **tally.report(),
    }
    # Drawing needs OpenCV, whose import the commands that only ask for help should not pay.
    from data_conversion.pipeline.report_page import write_conversion_page

    page = work.aside / PAGE
    write_conversion_page(page, samples, report, config.output)
    page.replace(config.output / PAGE)
    with work.final(REPORT) as handle:
        handle.write(orjson.dumps(report, option=JSON))
    return report


def _options(config: ConversionConfig) -> dict[str, Any]:
    """The options that the outputs depend on, without the paths of this machine."""
    left_out = ("input", "output", "image_root", "workers", "overwrite", "fail_fast")
    return {name: value for name, value in asdict(config).items() if name not in left_out}


def explain(config: ConversionConfig, done: Converted) -> str:
    """What a person reads at the end."""
    lines = [
        f"{config.output}: {done.num_read} images read ({done.format}) = {done.num_written} written + "
        f"{done.num_quarantined} quarantined; {done.num_dropped} objects dropped, {done.num_fixed} fixed"
    ]
    lines.append(f"train {done.num_train} / val {done.num_val} ({done.split})")
    if done.split != SEEDED and config.val_ratio != VAL_RATIO:
        lines.append(
            f"val_ratio={config.val_ratio:g} has no effect beside them; split=seeded draws"
        )
    if done.num_unmapped_words:
        lines.append(
            f"{done.num_unmapped_words} unmapped words ({done.num_unmapped_objects} objects): see {config.output / REPORT}"
        )
    if done.num_quarantined:
        lines.append(f"reasons: {config.output / QUARANTINE}")
    if done.num_dropped or done.num_fixed:
        lines.append(f"each of them: {config.output / FINDINGS}")
    lines.append(f"counts and examples drawn: {config.output / PAGE}")
    return "\n".join(lines)
