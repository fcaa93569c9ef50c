"""Contract JSONL into another format: pictures put in place, annotations by the format's writer, and what it could not keep.

Records are streamed: memory does not grow with a part unless the format's one file needs all of it. `fidelity_report.json` comes
last and marks a finished export; an interrupted one is simply run again.
"""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

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
MARKER = ".export.json"
VERSION = 1
CHAT = "chat records left out"
SUMMARY_ONLY = "records with a summary and no objects left out"
ROTATED = "pictures that are turned by their EXIF tag only: a program that ignores it sees other coordinates"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


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
    """Puts pictures into the output; two parts may share one, but not two under one path."""

    output: Path
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
            link_image(path, self.output / name)
            self.placed[name] = path
        return header.orientation != 1


def export(config: ExportConfig) -> Exported:
    """Run a whole export; `ProjectError` when it cannot be done as asked: nothing is left out without being counted."""
    writer = _writer(config.format)
    indices = {path.stem: JsonlIndex.open(path) for path in config.jsonl}
    _check_output(config)
    output = config.options.output
    (output / REPORT).unlink(missing_ok=True)
    write_bytes(output / MARKER, _marker(config))
    losses: Counter[str] = Counter()
    pictures = _Pictures(output=output) if config.images else None
    parts = {
        name: _dense(index, writer.fidelity, pictures, losses) for name, index in indices.items()
    }
    written = writer.write(parts, config.options)
    done = Exported(
        format=config.format,
        parts={name: len(index) for name, index in indices.items()},
        num_images=written.num_images,
        num_objects=written.num_objects,
        fidelity=writer.fidelity,
        losses=dict(sorted((losses + written.losses).items())),
    )
    write_bytes(output / REPORT, orjson.dumps(report(done, config), option=JSON))
    return done


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
    """Refuse parts that cannot be told apart, and folders that hold something else than this export."""
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
    if config.overwrite or not output.is_dir() or not any(output.iterdir()):
        return
    marker = output / MARKER
    if not marker.is_file() or marker.read_bytes() != _marker(config):
        raise DataError.say(
            f"output folder {output} holds something else",
            expected="an empty folder, or an earlier export of the same parts in the same format",
            remedy="choose another folder, or pass --overwrite",
        )


def _marker(config: ExportConfig) -> bytes:
    """What the folder is for; written first, so that an interrupted export knows its own folder again."""
    parts = sorted(path.stem for path in config.jsonl)
    return orjson.dumps({"format": config.format, "parts": parts}, option=JSON)


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
