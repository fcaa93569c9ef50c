"""`python -m public_data lvis|coco`: annotation files of COCO or LVIS to records, by the conversion pipeline.

What this adds to `python -m data_conversion`: several files in one run (train and val, instances and captions), class names as
people write them, a table of the classes (`class_names.json`), and defaults for detection data: boxes, or polygons of at most 12
vertices. LVIS's federated lists (classes looked for and not found, classes not annotated exhaustively) stay in each record's
metadata, under the same readable names.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.raw import Item, Listing, RawImage
from data_conversion.pipeline.readers.coco.categories import Category, category_table
from data_conversion.pipeline.readers.coco.layout import flavour_of
from data_conversion.pipeline.reading import Export
from data_conversion.pipeline.unified_processor import convert, explain
from public_data.class_names import readable_names
from src.errors import DataError, UsageError
from src.files import write_bytes
from src.utils.cli import parser

CLASSES = "class_names.json"
MAX_VERTICES = 12
FEDERATED = "lvis"
CAPTIONS = "captions_"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedExport:
    """An export whose labels are renamed as they are read; `names` holds every class of its files."""

    export: Export
    names: Mapping[str, str]

    @property
    def listing(self) -> Listing:
        return self.export.listing

    def read(self, item: Item) -> RawImage:
        raw = self.export.read(item)
        objects = tuple(replace(one, label=self.names[one.label]) for one in raw.objects)
        metadata = dict(raw.metadata)
        if FEDERATED in metadata:
            metadata[FEDERATED] = {
                kind: [self.names[name] for name in listed]
                for kind, listed in metadata[FEDERATED].items()
            }
        findings = tuple(
            replace(one, label=self.names[one.label]) if one.label in self.names else one
            for one in raw.findings
        )
        return replace(raw, objects=objects, metadata=metadata, findings=findings)


def main(argv: Sequence[str]) -> int:
    """`argv` begins with the format, lvis or coco."""
    source_format, *words = argv
    options = _arguments(source_format).parse_args(words)
    if options.images is None and not options.no_images:
        raise UsageError.say("give the folder of the pictures as --images, or say --no-images")
    if options.max_vertices is not None and options.geometry == "bbox":
        raise UsageError.say("--max-vertices belongs to --geometry poly")
    for file in options.annotations:
        if not file.is_file():
            raise DataError.say(f"annotation file {file} does not exist")
        if source_format == "coco" and flavour_of(file) == "lvis":
            # Read as COCO it would lose what LVIS knows of absent classes.
            raise UsageError.say(
                "this is an annotation file of LVIS",
                got=str(file),
                remedy="python -m public_data lvis",
            )
    # COCO's files of captions have no categories.
    described = [file for file in options.annotations if not file.name.startswith(CAPTIONS)]
    tables = [category_table(file) for file in described]
    names = readable_names(sorted({one.name for table in tables for one in table}))
    source = _gathered(options.annotations, options.out)
    config = _config(source_format, source, options)
    done = convert(config, partial(_named, names))
    if source.is_dir():
        shutil.rmtree(source.parent)
    classes = _class_table(tables, names)
    write_bytes(options.out / CLASSES, orjson.dumps(classes, option=JSON))
    if options.json:
        sys.stdout.write(json.dumps({**asdict(done), "classes": len(classes)}) + "\n")
    else:
        sys.stdout.write(f"{explain(config, done)}\nclasses: {options.out / CLASSES}\n")
    return 0 if done.num_written else 1


def _named(names: Mapping[str, str], export: Export) -> Export:
    return NamedExport(export=export, names=names)


def _arguments(source_format: str) -> argparse.ArgumentParser:
    text = f"{source_format.upper()} annotation files to contract JSONL (docs/data/PUBLIC_DATA.md)."
    arguments = parser(f"python -m public_data {source_format}", text)
    add = arguments.add_argument
    add(
        "--annotations",
        required=True,
        nargs="+",
        type=Path,
        help="JSON files, train and val together",
    )
    add("--images", type=Path, help="folder of the pictures, searched to any depth")
    add("--no-images", action="store_true", help="annotations alone: place no pictures")
    add("--out", required=True, type=Path, help="folder to fill")
    add("--geometry", choices=("bbox", "poly"), default="bbox", help="boxes, or masks as polygons")
    add(
        "--max-vertices",
        type=int,
        help=f"cap of a polygon's vertices (poly: {MAX_VERTICES}; 0: none)",
    )
    add(
        "--parts",
        choices=("largest", "split", "merge"),
        default="largest",
        help="masks in several pieces",
    )
    add("--min-area", type=float, default=1.0, help="drop smaller objects, in square pixels")
    add("--keep-crowd", action="store_true", help="keep regions that stand for many objects")
    add("--resize", action="store_true", help="resize pictures to the model's grid and budget")
    add("--max-pixels", type=int, help="largest area of a picture; turns --resize on")
    add("--split", choices=("auto", "seeded"), default="auto", help="auto: by the files' names")
    add("--val-ratio", type=float, default=0.1, help="share for validation where no file says")
    add("--limit", type=int, help="convert only so many pictures, drawn by the seed")
    add("--seed", type=int, default=17, help="seed of the split and of the limit")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes; changes no output")
    add("--overwrite", action="store_true", help="use an output folder that holds other files")
    add("--json", action="store_true", help="print JSON")
    return arguments


def _config(source_format: str, source: Path, options: argparse.Namespace) -> ConversionConfig:
    config = ConversionConfig(
        input=source,
        output=options.out,
        format=source_format,
        image_root=options.images,
        images=not options.no_images,
        geometry="annotated" if options.geometry == "poly" else "bbox",
        max_vertices=_max_vertices(options),
        parts=options.parts,
        min_area=options.min_area,
        keep_crowd=options.keep_crowd,
        resize=options.resize or options.max_pixels is not None,
        split=options.split,
        val_ratio=options.val_ratio,
        limit=options.limit,
        seed=options.seed,
        workers=options.workers,
        overwrite=options.overwrite,
    )
    return config if options.max_pixels is None else replace(config, max_pixels=options.max_pixels)


def _max_vertices(options: argparse.Namespace) -> int | None:
    if options.geometry == "bbox":
        return None
    return MAX_VERTICES if options.max_vertices is None else options.max_vertices or None


def _gathered(files: Sequence[Path], out: Path) -> Path:
    """The one file, or a folder beside the output that holds links to all of them, and nothing else.

    A link has its file's time, by which the conversion knows whether it may go on where it was interrupted.
    """
    if len(files) == 1:
        return files[0]
    if len({file.name for file in files}) < len(files):
        raise UsageError.say("two annotation files have the same name", remedy="rename one")
    # The report names the last folder, which must not depend on the output's name.
    folder = out.with_name(f".{out.name}.input") / "annotations"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in files:
        link = folder / file.name
        link.symlink_to(file.resolve())
        times = file.stat()
        os.utime(link, ns=(times.st_atime_ns, times.st_mtime_ns), follow_symlinks=False)
    return folder


def _class_table(
    tables: Sequence[Sequence[Category]], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Every class once, by name, with its counts over all files."""
    classes: dict[str, dict[str, Any]] = {}
    for one in (one for table in tables for one in table):
        entry = classes.setdefault(
            one.name,
            {
                "name": one.name,
                "desc": names[one.name],
                "synonyms": list(one.synonyms),
                "frequency": one.frequency,
                "images": 0,
                "instances": 0,
            },
        )
        entry["images"] += one.num_images
        entry["instances"] += one.num_instances
    return [classes[name] for name in sorted(classes)]
