"""Files that are complete or absent: written aside, flushed to disk, then put in place by one rename."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from src.errors import DataError


@contextmanager
def atomic_write(
    path: Path | str, mode: str = "w", *, aside: Path | None = None
) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; on success it is fsynced and replaces `path`, on any error it is removed.

    `mode` is "w" (UTF-8 text, "\\n" line ends) or "wb". The temporary file lies in `aside` (a folder of the same file system)
    where one is given, so that what a killed process leaves can be swept. An `OSError` (disk full, no permission) becomes a
    one-sentence `DataError`; the old file is then untouched.
    """
    assert mode in ("w", "wb"), mode
    target = Path(path)
    is_text = mode == "w"
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".tmp", dir=aside or target.parent
        )
        with os.fdopen(
            descriptor,
            mode,
            encoding="utf-8" if is_text else None,
            newline="\n" if is_text else None,
        ) as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(target)
        temporary = None
    except OSError as error:
        raise DataError.say(
            f"cannot write {target}: {error.strerror or error}",
            remedy="free space or choose another output folder; the previous file is untouched",
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(path: Path | str, text: str) -> None:
    """Atomically write UTF-8 text."""
    with atomic_write(path) as handle:
        handle.write(text)


def write_bytes(path: Path | str, data: bytes) -> None:
    """Atomically write bytes."""
    with atomic_write(path, "wb") as handle:
        handle.write(data)


def file_digest(path: Path | str) -> str:
    """Hex BLAKE2b-128 of a file's bytes (about 1 GB/s)."""
    digest = hashlib.blake2b(digest_size=16)
    with Path(path).open("rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def append_line(path: Path | str, line: bytes) -> None:
    """Append `line` (without a line end) under a lock and by one write, so that lines of several processes never mix.

    A line that a killed process left unfinished is closed first, so that it spoils no other. `DataError` when the disk refuses.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            # Without it another's line, half in the file, would be taken for an unfinished one.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            whole = (b"\n" if is_torn else b"") + line + b"\n"
            if os.write(descriptor, whole) != len(whole):
                raise OSError("the disk took only a part")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataError.say(
            f"cannot append to {target}: {error.strerror or error}",
            remedy="free space or choose another output folder",
        ) from error
