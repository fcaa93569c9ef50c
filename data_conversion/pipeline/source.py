"""Open what is to be converted: recognise its format, list its pictures, hand it to the format's reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Item
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import Export, ReadOptions
from src.errors import DataError, UsageError
from src.utils.suggest import did_you_mean

AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An opened export. `format` is its reader's name and `reason` why it was taken; `images` where pictures are."""

    format: str
    reason: str
    export: Export
    images: ImageIndex


def open_source(config: ConversionConfig) -> Opened:
    """`DataError` when the input does not exist, is not recognised, or does not hold its format."""
    if not config.input.exists():
        raise DataError.say(
            f"the input {config.input} does not exist",
            expected="the folder of an export, or its one file",
        )
    if config.image_root is not None and not config.image_root.is_dir():
        raise DataError.say(f"the folder of pictures {config.image_root} does not exist")
    name, reason = _format(config)
    root = image_root(config)
    # The output may lie beside a file that is the input; its pictures are not to be found.
    found = ImageIndex.of(root, without=config.output) if config.images else None
    images = ImageIndex(root=root, by_name=None) if found is None else found
    options = ReadOptions(images=images, space=config.space, keep_crowd=config.keep_crowd)
    export = READERS[name].open(config.input, options)
    _check_names(export.listing.items)
    return Opened(format=name, reason=reason, export=export, images=images)


def _check_names(items: Sequence[Item]) -> None:
    """Names of files that are no UTF-8 cannot stand in a record or report."""
    bad = [item.key for item in items if not (_is_utf8(item.key) and _is_utf8(item.annotation))]
    if bad:
        raise DataError.say(
            f"{len(bad)} names of files are not UTF-8",
            rule="file-name",
            got=", ".join(ascii(name)[:80] for name in bad[:5]),
            remedy="rename the files, and what names them in the annotations",
        )


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def image_root(config: ConversionConfig) -> Path:
    """The folder that pictures are looked for in."""
    if config.image_root is not None:
        return config.image_root
    return config.input if config.input.is_dir() else config.input.parent


def _format(config: ConversionConfig) -> tuple[str, str]:
    if config.format == AUTO:
        return recognised(config.input)
    if config.format not in READERS:
        raise UsageError.say(
            f"unknown format {config.format}",
            expected=" | ".join((AUTO, *READERS)),
            remedy=did_you_mean(config.format, (AUTO, *READERS)),
        )
    return config.format, "as asked"


def recognised(source: Path) -> tuple[str, str]:
    """(format, why) of the only reader that knows `source`; `DataError` naming the reasons when it is not exactly one."""
    reasons = {name: reader.recognise(source) for name, reader in READERS.items()}
    fitting = {name: reason for name, reason in reasons.items() if reason}
    if len(fitting) == 1:
        return next(iter(fitting.items()))
    if fitting:
        raise DataError.say(
            "the input fits several formats",
            where=str(source),
            rule="format-ambiguous",
            got="; ".join(f"{name}: {reason}" for name, reason in fitting.items()),
            remedy="say which one by the option format: " + " | ".join(fitting),
        )
    looked_for = (f"{name}: {reader.looks_for}" for name, reader in READERS.items())
    raise DataError.say(
        "the format of the input was not recognised",
        where=str(source),
        rule="format-unknown",
        expected="; ".join(looked_for),
        remedy="give the export's own folder or file as input, or the name of its format by the option format",
    )
