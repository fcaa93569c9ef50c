"""Contract JSONL into another format: pictures put in place, annotations by the format's writer, and what it could not keep.

Records are streamed: memory does not grow with a part unless the format's one file needs all of it. `fidelity_report.json` comes
last and marks a finished export; one that fails or is interrupted leaves an earlier one as it was, and is simply run again.
"""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from data_conversion.pipeline.export_folder import (
    JSON,
    check_folder,
    put_in_place,
    staging,
    stands,
)
from data_conversion.pipeline.place_image import link_image
from data_conversion.pipeline.writers.registry import WRITERS
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Writer
from src.contract.images import ImageResolver, size_issue
from src.contract.index import JsonlIndex
from src.contract.records import Record
from src.errors import DataError, RecordError, UsageError
from src.files import write_bytes
from src.images import read_header
from src.utils.progress import progress
from src.utils.suggest import did_you_mean

REPORT = "fidelity_report.json"
VERSION = 1
CHAT = "chat records left out"
SUMMARY_ONLY = "records with a summary and no objects left out"
ROTATED = "pictures that are turned by their EXIF tag only: a program that ignores it sees other coordinates"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """`jsonl` are the parts, named by their stems; with `images` false no picture is looked at. `overwrite` fills a folder that
    holds something else."""

    jsonl: tuple[Path, ...]
    format: str
    options: WriteOptions
    images: bool = True
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export wrote, what its format keeps, and what was lost: a sentence a kind of loss, with its count."""

    format: str
    parts: Mapping[str, int]
    num_images: int
    num_objects: int
    fidelity: Fidelity
    losses: Mapping[str, int]


@dataclass(slots=True, kw_only=True)
class _Pictures:
    """Puts pictures into `staged`, but for those that `output` holds already; two parts may share one, but not two under one
    path."""

    output: Path
    staged: Path
    placed: dict[str, Path] = field(default_factory=dict)

    def place(self, record: Record, resolver: ImageResolver) -> bool:
        """Place the record's picture; whether an EXIF tag turns it. `ImageError` or `RecordError` where it does not belong."""
        name = record.images[0]
        path = resolver.resolve(name, record.source)
        header = read_header(path)
        said = (record.width, record.height)
        if header.upright_size != said:
            raise RecordError(size_issue(record.source, said, path, header.upright_size))
        if name in self.placed and self.placed[name] != path:
            if not filecmp.cmp(self.placed[name], path, shallow=False):
                raise DataError.say(
                    "two pictures of different parts have one path",
                    where=str(record.source),
                    got=name,
                    remedy="export the parts into folders of their own",
                )
        elif name not in self.placed:
            if not stands(path, self.output, name):
                link_image(path, self.staged / name)
            self.placed[name] = path
        return header.orientation != 1


def export(config: ExportConfig) -> Exported:
    """Run a whole export; `ProjectError` when it cannot be done as asked: nothing is left out without being counted."""
    writer = _writer(config.format)
    _check_output(config)
    indices = {path.stem: JsonlIndex.open(path) for path in config.jsonl}
    parts = tuple(sorted(indices))
    output = config.options.output
    check_folder(output, format=config.format, parts=parts, overwrite=config.overwrite)
    with staging(output) as staged:
        pictures = _Pictures(output=output, staged=staged) if config.images else None
        done = _write(config, writer, indices, pictures, staged)
        write_bytes(staged / REPORT, orjson.dumps(report(done, config), option=JSON))
        standing = pictures.placed if pictures else ()
        put_in_place(output, format=config.format, parts=parts, standing=standing, last=REPORT)
    return done


def _write(
    config: ExportConfig,
    writer: Writer,
    indices: Mapping[str, JsonlIndex],
    pictures: _Pictures | None,
    staged: Path,
) -> Exported:
    losses: Counter[str] = Counter()
    parts = {
        name: _dense(index, writer.fidelity, pictures, losses) for name, index in indices.items()
    }
    written = writer.write(parts, replace(config.options, output=staged))
    return Exported(
        format=config.format,
        parts={name: len(index) for name, index in indices.items()},
        num_images=written.num_images,
        num_objects=written.num_objects,
        fidelity=writer.fidelity,
        losses=dict(sorted((losses + written.losses).items())),
    )


def report(done: Exported, config: ExportConfig) -> dict[str, Any]:
    """The fidelity report as JSON values."""
    options = config.options
    asked = {"space": options.space, "answer": options.answer, "prompt": options.prompt}
    return {"version": VERSION, **asdict(done), "options": {**asked, "system": options.system}}


def _dense(
    index: JsonlIndex, fidelity: Fidelity, pictures: _Pictures | None, losses: Counter[str]
) -> Iterator[Record]:
    """The records of a part that the format has a place for, their pictures in place; all others are counted.

    What is lost of these the writer counts.
    """
    resolver = ImageResolver(base_dir=index.path.parent)
    rows = progress(range(len(index)), total=len(index), label=index.path.name)
    for row in rows:
        record = index.record(row)
        if record.is_chat:
            losses[CHAT] += 1
            continue
        if record.summary is not None and not record.objects and not fidelity.summaries:
            losses[SUMMARY_ONLY] += 1
            continue
        if pictures is not None and pictures.place(record, resolver):
            losses[ROTATED] += 1
        yield record


def _writer(name: str) -> Writer:
    if name not in WRITERS:
        raise UsageError.say(
            f"unknown format {name}",
            expected=" | ".join(WRITERS),
            remedy=did_you_mean(name, WRITERS),
        )
    return WRITERS[name]


def _check_output(config: ExportConfig) -> None:
    """Refuse parts that cannot be told apart, and the folder of the records."""
    stems = [path.stem for path in config.jsonl]
    if len(set(stems)) < len(stems):
        raise UsageError.say(
            "two JSONL files have one name, which names their part", got=", ".join(stems)
        )
    output = config.options.output
    for path in config.jsonl:
        if output.resolve() == path.resolve().parent:
            raise UsageError.say(
                "the output is the folder of the records", remedy="choose another folder"
            )


def explain(done: Exported, output: Path) -> str:
    """What was written and what was lost, for a terminal."""
    lines = [
        f"{done.num_images} images with {done.num_objects} objects as {done.format} in {output}"
    ]
    lines += [f"  lost: {count} {loss}" for loss, count in done.losses.items()]
    if not done.losses:
        lines.append(
            "  nothing of these records was lost beyond what the format's row of the table says"
        )
    lines.append(f"  report: {REPORT}")
    return "\n".join(lines)
