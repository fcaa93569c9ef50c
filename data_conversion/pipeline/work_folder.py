"""`output/.work`: what a conversion has done so far, so that the same command goes on after a kill.

One conversion at a time holds an output folder (a lock that dies with its process). What the folder holds belongs to one
fingerprint, the options and the input; under another one it is swept. Finished files are made here and put in place by one
rename each, so a killed process leaves nothing beside them.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from src.errors import DataError
from src.files import atomic_write, write_bytes

WORK = ".work"
FINGERPRINT = "fingerprint.json"
ORPHANS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """`path` is `output/.work`."""

    path: Path

    @property
    def shards(self) -> Path:
        """Where complete shards lie."""
        return self.path / "shards"

    @property
    def aside(self) -> Path:
        """Where temporary files lie until they are renamed."""
        return self.path / "aside"

    @contextmanager
    def final(self, name: str) -> Iterator[IO[Any]]:
        """A file of the output folder, written whole and then put in place."""
        with atomic_write(self.path.parent / name, "wb", aside=self.aside) as handle:
            yield handle

    def begin(self, fingerprint: Mapping[str, str]) -> str:
        """Sweep what is not of use, and say what was found: empty when there was nothing to go on with.

        Complete shards stay when all parts of `fingerprint` are those under which they were made.
        """
        with usable(self.path.parent):
            return self._begin(fingerprint)

    def _begin(self, fingerprint: Mapping[str, str]) -> str:
        before = _read(self.path / FINGERPRINT)
        differing = sorted(
            name
            for name in fingerprint.keys() | (before or {}).keys()
            if before is None or name not in before or before[name] != fingerprint.get(name, "")
        )
        shutil.rmtree(self.aside, ignore_errors=True)
        if before is None or differing:
            shutil.rmtree(self.shards, ignore_errors=True)
        for folder in (self.shards, self.aside):
            folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path / FINGERPRINT, orjson.dumps(fingerprint))
        if before is None:
            return ""
        if differing:
            return f"an unfinished conversion is begun anew, since it differs in: {', '.join(differing)}"
        return "an unfinished conversion of the same input goes on"

    def remove(self) -> None:
        """The end: everything here goes."""
        with usable(self.path.parent):
            shutil.rmtree(self.path)


def is_begun(output: Path) -> bool:
    """Whether a conversion into `output` was begun and has not ended."""
    return (output / WORK / FINGERPRINT).is_file()


def _read(path: Path) -> dict[str, str] | None:
    """A fingerprint as it was written; None when there is none."""
    if not path.is_file():
        return None
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return {}
    return {str(name): str(value) for name, value in found.items()}


@contextmanager
def usable(output: Path) -> Iterator[None]:
    """What the system refuses in the output folder comes as `DataError`."""
    try:
        yield
    except OSError as error:
        raise DataError.say(
            f"the output folder {output} cannot be used: {error.strerror or error}",
            remedy="check the path, permissions and free space, then run the same command again",
        ) from error


@contextmanager
def claimed(output: Path) -> Iterator[WorkFolder]:
    """The work folder of `output`, held by this process alone.

    `DataError` when another conversion holds it. Workers of a killed one get some seconds to notice and end.
    """
    folder = WorkFolder(output / WORK)
    with usable(output):
        folder.path.mkdir(parents=True, exist_ok=True)
        main = (folder.path / "lock").open("wb")
    with main:
        if not _locked(main, 0.0):
            raise DataError.say(
                f"another conversion is writing into {output}",
                remedy="wait for it, or choose another output folder",
            )
        with workers_lock(folder).open("wb") as workers:
            if not _locked(workers, ORPHANS_SECONDS):
                raise DataError.say(
                    f"worker processes of a killed conversion still write into {output}",
                    remedy="end them, then run the same command again",
                )
        yield folder


def workers_lock(folder: WorkFolder) -> Path:
    """The file on which every worker process holds a shared lock while it lives."""
    return folder.path / "workers"


def _locked(handle: IO[bytes], patience_s: float) -> bool:
    """Whether the exclusive lock could be had in time; it goes when the file is closed."""
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        except OSError as error:
            raise DataError.say(
                f"the output's file system does not lock files: {error.strerror or error}",
                remedy="choose an output folder on another file system",
            ) from error
        else:
            return True
