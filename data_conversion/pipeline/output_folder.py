"""The folder that a conversion fills: what it may not be, and that in the end its `images/` holds the records' pictures alone."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.convert_item import IMAGES
from data_conversion.pipeline.source import image_root
from data_conversion.pipeline.work_folder import WORK, is_begun
from src.errors import DataError, UsageError
from src.images import SUFFIXES

REPORT = "conversion_report.json"


def check_output(config: ConversionConfig) -> None:
    """Refuse an output that could touch the sources, or files that no conversion made.

    `UsageError` when it lies in the input, or the input or the pictures lie in it; `DataError` when it holds something else (with
    `overwrite`: when its `images/` does, which a conversion clears of what no record names).
    """
    output = config.output.resolve()
    if output.is_relative_to(config.input.resolve()):
        raise UsageError.say(
            "the output lies inside the input", remedy="choose an output folder elsewhere"
        )
    sources = {"input": config.input}
    if config.images:
        sources["folder of pictures"] = image_root(config)
    for name, path in sources.items():
        if path.resolve().is_relative_to(output):
            raise UsageError.say(
                f"the {name} lies inside the output, where files are replaced",
                got=str(path),
                remedy="choose an output folder elsewhere",
            )
    if config.output.exists() and not config.output.is_dir():
        raise DataError.say(
            f"the output {config.output} is a file", expected="a folder, or a name that is free"
        )
    _check_content(config)


def _check_content(config: ConversionConfig) -> None:
    pictures = config.output / IMAGES
    if pictures.is_symlink():
        raise DataError.say(
            f"{pictures} is a link, and what it leads to would be changed",
            remedy="choose another output folder, or remove the link",
        )
    held = {entry.name for entry in config.output.iterdir()} if config.output.is_dir() else set()
    is_own = REPORT in held or is_begun(config.output)
    if is_own or held <= {WORK}:
        return
    if not config.overwrite:
        raise DataError.say(
            f"output folder {config.output} holds something else",
            remedy="choose an empty folder, or pass overwrite=true",
        )
    if pictures.exists() and any(pictures.iterdir()):
        raise DataError.say(
            f"{pictures} holds files that no conversion put there",
            remedy="choose another output folder, or move them away",
        )


def sweep_pictures(output: Path, named: Container[str]) -> None:
    """Remove pictures that no record names (`named`: paths below `output`): those of an earlier conversion, say."""
    for folder, _, names in os.walk(output / IMAGES, topdown=False):
        for name in names:
            path = Path(folder) / name
            is_named = path.relative_to(output).as_posix() in named
            if not is_named and name.lower().endswith(SUFFIXES):
                path.unlink()
        if folder != str(output / IMAGES) and not any(Path(folder).iterdir()):
            Path(folder).rmdir()
