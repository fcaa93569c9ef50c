"""What an unfinished prediction has so far: `OUT.partial`, and `OUT.partial.N` of rank N.

Only ever appended to. The first line of each file names the settings, so that other answers never mix in; every further line is
an item's position, a tab and its prediction. A line that a killed process left unfinished is cut off by the next run. Which rank
wrote a line does not matter, so a run may go on with another number of ranks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from src.errors import DataError
from src.files import atomic_write


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an item's line stands: file, offset and length in bytes, position and tab left out."""

    file: Path
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """The journal of the prediction file `out`; `settings` decide the answers."""

    out: Path
    settings: Mapping[str, Any]

    @property
    def header(self) -> bytes:
        return orjson.dumps({"settings": self.settings}, option=orjson.OPT_APPEND_NEWLINE)

    def file(self, rank: int) -> Path:
        return self.out.with_name(f"{self.out.name}.partial" + (f".{rank}" if rank else ""))

    def files(self) -> list[Path]:
        """The files that exist, rank 0's first."""
        pattern = re.compile(re.escape(self.out.name) + r"\.partial(?:\.(\d+))?")
        found = [(pattern.fullmatch(path.name), path) for path in self.out.parent.iterdir()]
        return [path for _, path in sorted((int(m.group(1) or 0), path) for m, path in found if m)]

    def discard(self) -> None:
        """Remove all files; rank 0's last."""
        for path in reversed(self.files()):
            path.unlink()

    def done(self) -> dict[int, Place]:
        """The items that have a complete line. `DataError` when a file was begun with other settings."""
        places: dict[int, Place] = {}
        for path in self.files():
            with path.open("rb") as handle:
                self._check(path, handle.readline())
                offset = handle.tell()
                for line in handle:
                    position, tab, text = line.partition(b"\t")
                    if not line.endswith(b"\n"):
                        break
                    if not tab or not position.isdigit():
                        raise DataError.say(
                            f"{path} is damaged",
                            got=line[:40].decode(errors="replace"),
                            remedy="begin anew with --restart",
                        )
                    begin = offset + len(position) + 1
                    place = Place(file=path, offset=begin, length=len(text))
                    places.setdefault(int(position), place)
                    offset += len(line)
        return places

    def _check(self, path: Path, head: bytes) -> None:
        if head != self.header:
            raise DataError.say(
                f"{path} was begun with other settings",
                got=_difference(head, self.header),
                remedy="finish that run, give another --out, or begin anew with --restart",
            )

    @contextmanager
    def writer(self, rank: int) -> Iterator[Writer]:
        """Open the rank's file for further lines, without a torn one at its end."""
        path = self.file(rank)
        if not path.is_file():
            with atomic_write(path, "wb") as fresh:
                fresh.write(self.header)
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        with path.open("r+b") as handle:
            if whole != len(data):
                handle.truncate(whole)
            handle.seek(whole)
            yield Writer(handle)

    def finish(self, count: int) -> None:
        """Put `out` in place, its `count` items in order, and remove the journal."""
        places = self.done()
        missing = [position for position in range(count) if position not in places]
        if missing:
            raise DataError.say(
                f"{self.out.name} is not complete: {len(missing)} of {count} items are missing",
                got=f"no item {missing[0]}",
                remedy="run the same command again; it goes on where it stood",
            )
        handles = {path: path.open("rb") for path in self.files()}
        try:
            with atomic_write(self.out, "wb") as target:
                for position in range(count):
                    place = places[position]
                    handles[place.file].seek(place.offset)
                    target.write(handles[place.file].read(place.length))
        finally:
            for handle in handles.values():
                handle.close()
        self.discard()


@dataclass(frozen=True, slots=True)
class Writer:
    """Appends lines that survive a power loss when `add` has returned."""

    handle: IO[bytes]

    def add(self, lines: Mapping[int, bytes]) -> None:
        """Append prediction lines by the positions of their items; one write, one fsync."""
        self.handle.write(b"".join(b"%d\t%s" % pair for pair in lines.items()))
        self.handle.flush()
        os.fsync(self.handle.fileno())


def _difference(head: bytes, expected: bytes) -> str:
    """The first settings in which two headers differ."""
    try:
        old, new = (_flat(orjson.loads(text)["settings"]) for text in (head, expected))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "a damaged first line"
    # A setting that one side lacks reads as None there.
    lacking: dict[str, Any] = dict.fromkeys(old | new)
    old, new = lacking | old, lacking | new
    names = [name for name in new if old[name] != new[name]]
    return ", ".join(f"{n}: {old[n]!r} instead of {new[n]!r}" for n in names[:3])


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    joined: dict[str, Any] = {}
    for key, below in value.items():
        joined |= _flat(below, f"{path}.{key}" if path else key)
    return joined
