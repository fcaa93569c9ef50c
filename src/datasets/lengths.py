"""Tokens of every usable row, before the first step: measured once, kept beside the JSONL.

`exact` counts a row as it stands (a record with more objects than are described: at its longest); `bound` is never below what
augmentation or a drawn choice of objects can make of it, and equal to `exact` where nothing changes a row. Pixels are never
decoded. Measuring runs on all cores of the machine, one process of a run at a time (a lock beside the file), at some thousand
records a second. The cache is one file a setting, `.NAME.lengths-HASH`, the four newest are kept; its name depends on
everything that a length depends on: the file, the rows, the tokenizer, prompts, text format, picture sizes and augmentation.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.datasets.builders.conversation import Conversation
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.length_bounds import LengthBound
from src.datasets.render import blank
from src.datasets.scene import open_scene
from src.errors import DataError
from src.files import atomic_write
from src.rng import stable_hash
from src.utils.progress import progress

VERSION = 2
CHUNK = 1024
KEPT = 4
HEADER_BYTES = 64


class LengthOf(Protocol):
    """Tokens of a conversation; `fingerprint` names the tokenizer and template behind it."""

    fingerprint: str

    def __call__(self, conversation: Conversation) -> int: ...

    def text_tokens(self, text: str) -> int:
        """Tokens of a text by itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lengths:
    """int32 (rows,) each."""

    exact: NDArray[np.int32]
    bound: NDArray[np.int32]

    def of(self, chosen: NDArray[np.bool_]) -> Lengths:
        """The lengths of some rows."""
        return Lengths(exact=self.exact[chosen], bound=self.bound[chosen])


def measure(
    dataset: DenseCaptionDataset, length_of: LengthOf, bound: LengthBound | None = None
) -> Lengths:
    """Lengths of all usable rows, from the cache or measured now; `bound` where training changes rows."""
    source = dataset.source
    cache = _cache_path(dataset, length_of, bound)
    found = _load(cache, len(source))
    if found is not None:
        return found
    with _alone(cache):
        found = _load(cache, len(source))  # another process of the run was faster
        if found is None:
            found = _measured(dataset, length_of, bound)
            with suppress(DataError):  # a read-only data folder: measured anew next time
                _store(cache, found)
                _prune(cache)
    return found


def row_length(
    dataset: DenseCaptionDataset, row: int, length_of: LengthOf, bound: LengthBound | None
) -> tuple[int, int]:
    """(exact, bound) of one usable row."""
    source = dataset.source
    record = source.record(row)
    # Only the headers of further pictures are read; one picture's size is in its record.
    pictures = source.pictures(record) if len(record.images) > 1 else list(map(Path, record.images))
    scene = open_scene(record, pictures)
    bare = blank(scene, dataset.budget)
    exact = length_of(dataset.builder.build(bare))
    if bound is None:
        return exact, exact
    most = bound.tokens(scene, bare, exact, length_of)
    return min(exact, most), most  # a capped record is never longer than its dearest objects


# Workers are forked and find their task here: a template does not pickle.
_task: tuple[DenseCaptionDataset, LengthOf, LengthBound | None] | None = None


def _chunk(first: int) -> list[tuple[int, int]]:
    assert _task is not None
    dataset, length_of, bound = _task
    stop = min(first + CHUNK, len(dataset))
    return [row_length(dataset, row, length_of, bound) for row in range(first, stop)]


def _measured(
    dataset: DenseCaptionDataset, length_of: LengthOf, bound: LengthBound | None
) -> Lengths:
    global _task
    firsts = range(0, len(dataset), CHUNK)
    cores = len(os.sched_getaffinity(0))
    _task = (dataset, length_of, bound)
    try:
        chunks = _mapped(_chunk, firsts, min(cores, len(firsts)))
        rows = [
            row
            for chunk in progress(chunks, total=len(firsts), label=f"lengths of {dataset.name}")
            for row in chunk
        ]
    finally:
        _task = None
    table = np.array(rows, dtype=np.int32).reshape(-1, 2)
    return Lengths(exact=table[:, 0].copy(), bound=table[:, 1].copy())


def _mapped(
    work: Callable[[int], list[tuple[int, int]]], firsts: Sequence[int], processes: int
) -> Iterator[list[tuple[int, int]]]:
    if processes < 2:
        yield from map(work, firsts)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        yield from pool.map(work, firsts)


def _cache_path(
    dataset: DenseCaptionDataset, length_of: LengthOf, bound: LengthBound | None
) -> Path:
    source = dataset.source
    facts = {
        "version": VERSION,
        "file": source.index.stamp,
        "rows": stable_hash(source.rows.astype("<i8").tobytes().hex()),
        "limits": [] if source.object_limits is None else source.object_limits.tolist(),
        "fix": source.fix,
        "tokenizer": length_of.fingerprint,
        "builder": asdict(dataset.builder.config),
        "prompts": asdict(dataset.builder.prompts),
        "prefix": dataset.builder.prefix,
        "fixed_answer": dataset.builder.fixed_answer,
        "budget": asdict(dataset.budget),
        "bound": None if bound is None else bound.fingerprint,
    }
    digest = stable_hash(json.dumps(facts, sort_keys=True), bits=64)
    path = source.index.path
    return path.with_name(f".{path.name}.lengths-{digest:016x}")


def _header(count: int) -> bytes:
    return f"LENGTHS{VERSION} {count}\n".encode().ljust(HEADER_BYTES)


def _store(cache: Path, lengths: Lengths) -> None:
    with atomic_write(cache, "wb") as handle:
        handle.write(_header(len(lengths.exact)))
        handle.write(lengths.exact.astype("<i4").tobytes())
        handle.write(lengths.bound.astype("<i4").tobytes())


def _load(cache: Path, count: int) -> Lengths | None:
    try:
        data = cache.read_bytes()
    except OSError:
        return None
    if data[:HEADER_BYTES] != _header(count) or len(data) != HEADER_BYTES + 8 * count:
        return None
    values = np.frombuffer(data, dtype="<i4", offset=HEADER_BYTES).astype(np.int32)
    return Lengths(exact=values[:count], bound=values[count:])


def _prune(cache: Path) -> None:
    """Old settings' caches go; another run may have removed one already."""
    stem = cache.name.rsplit("-", 1)[0]
    found = sorted(cache.parent.glob(f"{stem}-*"), key=lambda path: path.stat().st_mtime_ns)
    for path in found[:-KEPT]:
        path.unlink(missing_ok=True)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One process at a time per data file; none waits where no lock can be written."""
    lock = cache.with_name(cache.name.rsplit("-", 1)[0] + ".lock")
    try:
        handle = lock.open("ab")
    except OSError:
        yield
        return
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
