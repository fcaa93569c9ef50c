"""Unpack a zip archive below a folder and nowhere else; a killed run is started again.

Names that lead outside (absolute, `..`, drive letters, backslashes), links and encrypted members refuse the archive before
anything is written, and so does a lack of space. Every member is written aside, checked (CRC-32) and renamed; a marker, written
last, says that the archive is unpacked. Cost: the decompression.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from src.errors import DataError, Issue
from src.files import write_text
from src.utils.progress import progress

BLOCK = 1 << 20
ENCRYPTED = 1


def unzip(archive: Path, out: Path) -> int:
    """The number of files that the archive holds, all of them below `out` now; `DataError` for a bad archive."""
    marker = out / f".{archive.name}.unpacked"
    stamp = f"{archive.stat().st_size}\n"
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if not info.is_dir()]
            if marker.is_file() and marker.read_text(encoding="utf-8") == stamp:
                return len(members)
            _check(members, archive, out)
            for info in progress(members, total=len(members), label=f"unpack {archive.name}"):
                _extract(opened, info, out / info.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError.say(
            f"the archive is damaged: {error}",
            where=str(archive),
            remedy="remove it and fetch it again",
        ) from error
    write_text(marker, stamp)
    return len(members)


def _check(members: list[zipfile.ZipInfo], archive: Path, out: Path) -> None:
    issues = [
        Issue(message=reason, where=str(archive), rule="zip-member", got=ascii(info.filename)[:120])
        for info in members
        for reason in _reasons(info)
    ]
    if issues:
        raise DataError(*issues[:20])
    out.mkdir(parents=True, exist_ok=True)
    needed = sum(info.file_size for info in members if not (out / info.filename).is_file())
    free = shutil.disk_usage(out).free
    if needed > free:
        raise DataError.say(
            "not enough space to unpack", where=str(out), got=f"{free} bytes free",
            expected=f"{needed} bytes", remedy="free space, or choose another folder",
        )  # fmt: skip


def _reasons(info: zipfile.ZipInfo) -> Iterator[str]:
    # `orig_filename` is what the archive says; zipfile has mended `filename` already.
    name = info.orig_filename
    parts = name.split("/")
    if (
        not name.isprintable()
        or "\\" in name
        or ":" in name
        or name.startswith("/")
        or ".." in parts
    ):
        yield "the name of a member leads outside the folder, or is no plain path"
    if stat.S_ISLNK(info.external_attr >> 16):
        yield "a member is a link"
    if info.flag_bits & ENCRYPTED:
        yield "a member is encrypted"


def _extract(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    if target.is_file() and _crc(target) == (info.file_size, info.CRC):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.tmp")
    # Not flushed one by one: a lost file shows in its CRC when the run is repeated.
    with opened.open(info) as reader, aside.open("wb") as writer:
        shutil.copyfileobj(reader, writer, BLOCK)
    aside.replace(target)


def _crc(file: Path) -> tuple[int, int]:
    size = crc = 0
    with file.open("rb") as handle:
        while block := handle.read(BLOCK):
            size += len(block)
            crc = zlib.crc32(block, crc)
    return size, crc
