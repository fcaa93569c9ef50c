"""Put a picture into the output: a hard link where it is unchanged and the file system allows it, else bytes written aside.

A link costs nothing and shares the bytes with the source, so neither may be edited in place; everything in this project
replaces files instead. Temporary files lie in the folder `aside`, on the output's file system (default: beside the target).
"""

from __future__ import annotations

import filecmp
import os
import shutil
from contextlib import suppress
from pathlib import Path

from src.files import atomic_write


def link_image(source: Path, target: Path, aside: Path | None = None) -> None:
    """Make `target` hold the bytes of `source`; complete or absent at every moment, nothing done when it already does."""
    source = source.resolve()  # a hard link to a symbolic link would be a symbolic link
    if has_bytes_of(source, target):
        return
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # another file system, or one without links: copy below
        os.link(source, target)
        return
    with source.open("rb") as reader, atomic_write(target, "wb", aside=aside) as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)


def has_bytes_of(source: Path, target: Path) -> bool:
    """Whether `target` is a file of its own, or a hard link, with the bytes of `source` (no symbolic link)."""
    return (
        target.is_file()
        and not target.is_symlink()
        and (target.samefile(source) or filecmp.cmp(source, target, shallow=False))
    )


def write_image(data: bytes, target: Path, aside: Path) -> None:
    """Make `target` a file of these bytes; a link to a source that lies there is replaced, never written through."""
    with atomic_write(target, "wb", aside=aside) as writer:
        writer.write(data)
