"""The output folder of an export: filled aside, put in place when it is whole, and cleared of what an earlier export left.

Everything is made in `.exporting` inside the folder, so that a failed or killed export leaves the earlier one as it was. The
marker `.export.json` says what the folder is for and which files are the export's own; only those are ever removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import orjson

from data_conversion.pipeline.place_image import has_bytes_of
from src.errors import DataError
from src.files import write_bytes

MARKER = ".export.json"
STAGING = ".exporting"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What a folder holds: `parts` in `format`, as `files`, POSIX paths below the folder, sorted."""

    format: str
    parts: tuple[str, ...]
    files: tuple[str, ...] = field(default=())


def read_marker(output: Path) -> Marker | None:
    """The marker of a folder; None without one, or when it is none of this module's."""
    try:
        raw = orjson.loads((output / MARKER).read_bytes())
        return Marker(
            format=str(raw["format"]),
            parts=tuple(map(str, raw["parts"])),
            files=tuple(map(str, raw["files"])),
        )
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None


def check_folder(output: Path, *, format: str, parts: tuple[str, ...], overwrite: bool) -> None:
    """`DataError` for a folder that holds something else than an export of these parts in this format."""
    if overwrite or not output.is_dir() or all(path.name == STAGING for path in output.iterdir()):
        return
    found = read_marker(output)
    if found is None or (found.format, found.parts) != (format, parts):
        raise DataError.say(
            f"output folder {output} holds something else",
            expected="an empty folder, or an earlier export of the same parts in the same format",
            remedy="choose another folder, or give the option overwrite (files of others stay)",
        )


@contextmanager
def staging(output: Path) -> Iterator[Path]:
    """An empty folder inside `output` to fill; gone at the end, and with it `output` where that holds nothing else."""
    folder = output / STAGING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # it holds an export
            output.rmdir()


def put_in_place(
    output: Path, *, format: str, parts: tuple[str, ...], standing: Iterable[str], last: str
) -> None:
    """Move what `staging` holds into `output`, the file `last` at the end; remove what an earlier export wrote and this one not.

    `standing` are files of this export that lie in `output` already. A kill on the way leaves a folder without `last`, and
    a marker that knows all files of both exports, so that the next export clears them.
    """
    folder = output / STAGING
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    own = made | set(standing)
    earlier = read_marker(output)
    stale = {name for name in earlier.files if _is_inside(name)} - own if earlier else set()
    (output / last).unlink(missing_ok=True)
    _write_marker(output, Marker(format=format, parts=parts, files=tuple(sorted(own | stale))))
    try:
        for name in sorted(stale):
            _remove(output, name)
        for name in sorted(made, key=lambda name: (name == last, name)):
            (output / name).parent.mkdir(parents=True, exist_ok=True)
            if name == last:
                _write_marker(output, Marker(format=format, parts=parts, files=tuple(sorted(own))))
            (folder / name).replace(output / name)
    except OSError as error:
        raise DataError.say(
            f"cannot write into {output}: {error.strerror or error}",
            remedy="make room or choose another output folder, then run the same command again",
        ) from error


def stands(source: Path, output: Path, name: str) -> bool:
    """Whether the folder holds the bytes of `source` as `name`, so that nothing must be written."""
    return has_bytes_of(source.resolve(), output / name)


def _write_marker(output: Path, marker: Marker) -> None:
    write_bytes(output / MARKER, orjson.dumps(marker, option=JSON))


def _is_inside(name: str) -> bool:
    """Whether a path of a marker, which anyone may have edited, stays below the folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _remove(output: Path, name: str) -> None:
    """Remove a file and the folders that this leaves empty."""
    path = output / name
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == output or (folder.is_dir() and any(folder.iterdir())):
            return
        if folder.is_dir():
            folder.rmdir()
