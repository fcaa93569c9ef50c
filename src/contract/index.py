"""Byte offsets of a JSONL file's lines, so that a record is read without loading the file.

The offsets live in a memory-mapped cache file beside the JSONL (`.NAME.index`), so a process that holds an index of a million
records pays for the pages that it touches only. Built by scanning for line ends (about 1 GB/s); a read is one `pread`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.records import Record, Source
from src.contract.validate import parse_record
from src.errors import DataError
from src.files import atomic_write

MAGIC = b"JSONLIDX2\n"
CHUNK = 8 << 20


def _stamp(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _scan(path: Path) -> NDArray[np.uint64]:
    """Start offset of each line, and the file's size at the end."""
    starts = [np.zeros(1, dtype=np.uint64)]
    offset = 0
    last = b"\n"
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            ends = np.flatnonzero(np.frombuffer(chunk, dtype=np.uint8) == 10)
            starts.append((ends + (offset + 1)).astype(np.uint64))
            offset += len(chunk)
            last = chunk[-1:]
    if offset and last != b"\n":
        starts.append(np.array([offset], dtype=np.uint64))
    offsets = np.concatenate(starts) if offset else np.zeros(1, dtype=np.uint64)
    return offsets[:-1] if _ends_blank(path, offsets) else offsets


def _ends_blank(path: Path, offsets: NDArray[np.uint64]) -> bool:
    """Whether the last line is empty: editors add one, and it means nothing."""
    if len(offsets) < 2:
        return False
    start, end = int(offsets[-2]), int(offsets[-1])
    if end - start > 2:
        return False
    with path.open("rb") as handle:
        handle.seek(start)
        return not handle.read(end - start).strip()


class JsonlIndex:
    """Random access to the lines of one file.

    Picklable (it reopens by path), and safe to share with forked and spawned workers. A file that
    changes after it was indexed is refused at the next read.
    """

    _handle = -1
    _process = -1

    def __init__(self, path: Path, offsets: NDArray[np.uint64], stamp: dict[str, int]) -> None:
        self.path = path
        self._offsets = offsets
        self._stamp = stamp

    @classmethod
    def open(cls, path: Path | str) -> JsonlIndex:
        """Load the cached index of a file, or build it and cache it where the folder can be written."""
        file = Path(path)
        if not file.is_file():
            raise DataError.say(
                f"JSONL file {file} does not exist",
                remedy="check the path, or convert the data first",
            )
        stamp = _stamp(file)
        cache = file.with_name(f".{file.name}.index")
        offsets = _load_cache(cache, stamp)
        if offsets is None:
            offsets = _scan(file)
            with suppress(DataError):  # a read-only data folder: the index is then kept in memory
                _write_cache(cache, offsets, stamp)
                offsets = _load_cache(cache, stamp) if cache.is_file() else offsets
        assert offsets is not None
        return cls(file, offsets, stamp)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @property
    def stamp(self) -> dict[str, int]:
        """What the index belongs to: size in bytes and modification time (ns) of the file."""
        return dict(self._stamp)

    def line(self, row: int) -> bytes:
        """The bytes of a 0-based row, without its line end."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        handle = self._file()
        self._check_unchanged(os.fstat(handle))
        return os.pread(handle, end - start, start).rstrip(b"\r\n")

    def source(self, row: int) -> Source:
        """File and 1-based line of a row."""
        return Source(file=str(self.path), line=row + 1)

    def record(self, row: int, *, fix: bool = False) -> Record:
        """Read, parse and validate one row; `RecordError` with every problem of the line."""
        return parse_record(self.line(row), self.source(row), fix=fix)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """(row, line) of all rows in order, read in large pieces."""
        with self.path.open("rb") as handle:
            self._check_unchanged(os.fstat(handle.fileno()))
            for row, line in zip(range(len(self)), handle, strict=False):
                yield row, line.rstrip(b"\r\n")
            self._check_unchanged(os.fstat(handle.fileno()))

    def _file(self) -> int:
        # A descriptor of its own for each process: a forked worker must not share the parent's.
        if self._process != os.getpid():
            self._handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            self._process = os.getpid()
        return self._handle

    def _check_unchanged(self, status: os.stat_result) -> None:
        if {"size": status.st_size, "mtime_ns": status.st_mtime_ns} != self._stamp:
            raise DataError.say(
                f"{self.path} changed after it was indexed",
                remedy="start the run again; do not edit data in use",
            )

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "stamp": self._stamp}

    def __setstate__(self, state: dict[str, Any]) -> None:
        again = JsonlIndex.open(state["path"])
        if again._stamp != state["stamp"]:
            raise DataError.say(
                f"{state['path']} changed after it was indexed",
                remedy="start the run again; do not edit data in use",
            )
        self.__init__(again.path, again._offsets, again._stamp)  # type: ignore[misc]

    def __del__(self) -> None:
        if self._handle >= 0 and self._process == os.getpid():
            os.close(self._handle)


def _header(stamp: dict[str, int], count: int) -> bytes:
    """A fixed 128 bytes: what the index belongs to."""
    text = MAGIC + json.dumps({**stamp, "count": count}).encode()
    return text.ljust(128, b" ")


def _write_cache(cache: Path, offsets: NDArray[np.uint64], stamp: dict[str, int]) -> None:
    with atomic_write(cache, "wb") as handle:
        handle.write(_header(stamp, len(offsets)))
        handle.write(offsets.tobytes())


def _load_cache(cache: Path, stamp: dict[str, int]) -> NDArray[np.uint64] | None:
    try:
        size = cache.stat().st_size
        count = (size - 128) // 8
        with cache.open("rb") as handle:
            if size < 136 or handle.read(128) != _header(stamp, count):
                return None
        return np.memmap(cache, dtype=np.uint64, mode="r", offset=128, shape=(count,))
    except OSError:
        return None
