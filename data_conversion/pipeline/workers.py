"""Shards on several processes: forked from a server that has imported everything, given the job once, and gone when the main
process is. A plain fork would inherit the main process's locks.

Only a few shards are handed out ahead, and only their numbers come back, so memory does not grow with the data.
"""

from __future__ import annotations

import fcntl
import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from pathlib import Path

from data_conversion.pipeline.convert_item import Job
from data_conversion.pipeline.shards import Shard, convert_shard
from src.errors import DataError
from src.utils.worker_process import follow_parent

AHEAD = 3
PRELOADED = ("data_conversion.pipeline.shards", "data_conversion.pipeline.readers.registry")

_state: dict[str, Job] = {}


def start_server(workers: int) -> None:
    """Let the server of worker processes import while the main process opens the export (half a second)."""
    if workers > 1:
        multiprocessing.set_forkserver_preload(list(PRELOADED))
        forkserver.ensure_running()


def convert_shards(job: Job, shards: Sequence[Shard], workers: int, lock: Path) -> Iterator[Shard]:
    """Convert the shards; yields each one that is complete, in order.

    `DataError` when a worker process dies: what is complete stays, and the same command goes on.
    """
    if workers == 1 or len(shards) <= 1:
        for shard in shards:
            convert_shard(job, shard)
            yield shard
        return
    pool = ProcessPoolExecutor(
        min(workers, len(shards)),
        mp_context=multiprocessing.get_context("forkserver"),
        initializer=_start,
        initargs=(job, lock),
    )
    try:
        yield from _in_order(pool, shards, AHEAD * workers)
    except BrokenProcessPool as error:
        raise DataError.say(
            "a worker process was killed (the machine may be out of memory)",
            remedy="run the same command again, perhaps with fewer workers: it goes on where it stopped",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, shards: Sequence[Shard], ahead: int) -> Iterator[Shard]:
    waiting: deque[tuple[Shard, Future[None]]] = deque()
    for shard in shards:
        waiting.append((shard, pool.submit(_convert, shard)))
        if len(waiting) > ahead:
            yield _finished(waiting)
    while waiting:
        yield _finished(waiting)


def _finished(waiting: deque[tuple[Shard, Future[None]]]) -> Shard:
    shard, future = waiting.popleft()
    future.result()
    return shard


def _start(job: Job, lock: Path) -> None:
    """Once in every worker."""
    follow_parent()
    # Held, never closed: the next conversion waits until the last worker of this one is gone.
    fcntl.flock(os.open(lock, os.O_RDONLY), fcntl.LOCK_SH)
    _state["job"] = job
    gc.collect()
    gc.freeze()  # the job's lists of items need not be looked at again


def _convert(shard: Shard) -> None:
    convert_shard(_state["job"], shard)
