"""`python -m data_conversion`: convert an annotation export into contract JSONL."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

from data_conversion.config import (
    ConversionConfig,
    EmptiedPolicy,
    ExifMode,
    GeometryMode,
    PartsPolicy,
    SplitMode,
    SummaryMode,
    UnmappedPolicy,
)
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import Space
from data_conversion.pipeline.unified_processor import convert, explain
from src.errors import UsageError
from src.utils.cli import parser, run

RESIZING = ("min_pixels", "max_pixels", "image_factor", "quality")
DEFAULTS = {field.name: field.default for field in fields(ConversionConfig)}
AGAIN = "interrupted: the same command goes on where this one stopped\n"


def main(argv: Sequence[str]) -> int:
    options = vars(_parser().parse_args(argv))
    as_json = options.pop("json")
    config = ConversionConfig(**_with_resizing(options))
    try:
        done = convert(config)
    except KeyboardInterrupt:
        sys.stderr.write(AGAIN)
        return 130
    print(json.dumps(asdict(done)) if as_json else explain(config, done))
    return 0


def _parser() -> argparse.ArgumentParser:
    arguments = parser(
        "python -m data_conversion", "Convert an annotation export into contract JSONL."
    )
    arguments.formatter_class = argparse.HelpFormatter  # defaults are ConversionConfig's
    _add_reading(arguments)
    _add_shapes(arguments)
    _add_pictures(arguments)
    _add_split(arguments)
    arguments.add_argument("--json", action="store_true", help="print JSON")
    return arguments


def _add(arguments: argparse._ActionsContainer, name: str, text: str, **details: Any) -> None:
    """An option named like the field of `ConversionConfig` that it sets, with that field's default."""
    default = DEFAULTS[name]
    if isinstance(default, bool):
        details["action"] = argparse.BooleanOptionalAction
    shown = "none" if default is None else default
    option = f"--{name.replace('_', '-')}"
    arguments.add_argument(option, default=default, help=f"{text} (default: {shown})", **details)


def _add_reading(arguments: argparse.ArgumentParser) -> None:
    group = arguments.add_argument_group("reading")
    group.add_argument("--input", required=True, type=Path, help="the export: a folder or one file")
    group.add_argument("--output", required=True, type=Path, help="folder to fill")
    _add(group, "format", f"auto recognises it; {' | '.join(READERS)}")
    _add(group, "image_root", "folder of the pictures, when it is not the input's", type=Path)
    _add(group, "images", "read and place the pictures")
    _add(group, "space", "coordinates of a format that does not say", choices=get_args(Space))
    _add(
        group,
        "exif",
        "which picture coordinates refer to, where the size does not tell",
        choices=get_args(ExifMode),
    )
    _add(group, "limit", "convert only so many images, drawn by the seed", type=int)
    _add(group, "domain", "domain pack: its taxonomy, sanitisers and summaries")
    _add(
        group,
        "unmapped",
        "images with labels that the taxonomy lacks",
        choices=get_args(UnmappedPolicy),
    )
    _add(group, "summary", "write summaries where there is a source", choices=get_args(SummaryMode))
    _add(group, "workers", "processes; changes nothing in the output", type=int)
    _add(group, "fail_fast", "stop at the first image that cannot be used")
    _add(group, "overwrite", "use an output folder that holds other files")


def _add_shapes(arguments: argparse.ArgumentParser) -> None:
    group = arguments.add_argument_group("shapes")
    _add(group, "geometry", "bbox makes boxes of polygons", choices=get_args(GeometryMode))
    _add(group, "parts", "objects in several pieces", choices=get_args(PartsPolicy))
    _add(group, "max_vertices", "cap on the vertices of polygons and lines", type=int)
    _add(group, "min_area", "drop boxes and polygons with less square pixels", type=float)
    _add(group, "keep_crowd", "keep regions that stand for many objects")
    text = "images whose objects were all dropped"
    _add(group, "emptied", text, choices=get_args(EmptiedPolicy))


def _add_pictures(arguments: argparse.ArgumentParser) -> None:
    group = arguments.add_argument_group("pictures", "any of the four sizes turns resize on")
    add = group.add_argument
    add("--resize", action=argparse.BooleanOptionalAction, help="resize to the grid and budget")
    for name, text in (
        ("min_pixels", "smallest area"),
        ("max_pixels", "largest area"),
        ("image_factor", "sides are multiples of this"),
        ("quality", "of JPEG and WebP files written anew"),
    ):
        option = f"--{name.replace('_', '-')}"
        add(option, type=int, help=f"{text} (default: {DEFAULTS[name]})")


def _add_split(arguments: argparse.ArgumentParser) -> None:
    group = arguments.add_argument_group("split")
    _add(group, "split", "auto follows the export's own lists", choices=get_args(SplitMode))
    _add(group, "val_ratio", "share of images for validation", type=float)
    _add(group, "group_by", "regex on a picture's path, or key:NAME; a group is not parted")
    _add(group, "seed", "of the split, the limit and the tiny sets", type=int)


def _with_resizing(options: dict[str, Any]) -> dict[str, Any]:
    """A size that was given asks for resizing; one that was not has its default."""
    given = [name for name in RESIZING if options[name] is not None]
    if options["resize"] is False and given:
        raise UsageError.say(
            "sizes for resizing beside resize=false",
            got=", ".join(given),
            remedy="leave one of the two out",
        )
    resize = bool(options["resize"]) or bool(given)
    sizes = {name: options[name] if name in given else DEFAULTS[name] for name in RESIZING}
    return {**options, **sizes, "resize": resize}


if __name__ == "__main__":
    sys.exit(run(main))
