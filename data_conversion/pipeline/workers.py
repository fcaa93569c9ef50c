"""Shards on several processes: forked from a server that has imported everything, given the job once, and gone when the main
process is. A plain fork would inherit the main process's locks.

Only a few shards are handed out ahead, and no records come back, so memory does not grow with the data.
"""

from __future__ import annotations

import fcntl
import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, Self, TypeVar

from data_conversion.pipeline.convert_item import Job
from src.errors import DataError
from src.utils.worker_process import follow_parent

AHEAD = 3
PRELOADED = ("data_conversion.pipeline.count_shard", "data_conversion.pipeline.readers.registry")

Result = TypeVar("Result")

_state: dict[str, Job] = {}


def start_server(workers: int) -> None:
    """Let the server of worker processes import while the main process opens the export (half a second)."""
    if workers > 1:
        multiprocessing.set_forkserver_preload(list(PRELOADED))
        forkserver.ensure_running()


class ShardPool:
    """Runs functions of (job, shard, ...) on all shards, in `workers` processes, or here with one; use it as a context.

    Processes start with the first shards and serve until the end of the context.
    """

    def __init__(self, job: Job, workers: int, lock: Path) -> None:
        self._job = job
        self._ahead = AHEAD * workers
        self._pool = None
        if workers > 1:
            self._pool = ProcessPoolExecutor(
                workers,
                mp_context=multiprocessing.get_context("forkserver"),
                initializer=_start,
                initargs=(job, lock),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def each(
        self, function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]]
    ) -> Iterator[Result]:
        """`function(job, *task)` for each task, in order; `function` is one of a module.

        `DataError` when a worker process dies: what is complete stays, and the same command goes on.
        """
        if self._pool is None:
            for task in tasks:
                yield function(self._job, *task)
            return
        try:
            waiting: deque[Future[Result]] = deque()
            for task in tasks:
                waiting.append(self._pool.submit(_run, function, task))
                if len(waiting) > self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise DataError.say(
                "a worker process was killed (the machine may be out of memory)",
                remedy="run the same command again, perhaps with fewer workers: it goes on where it stopped",
            ) from error


def _start(job: Job, lock: Path) -> None:
    """Once in every worker."""
    follow_parent()
    # Held, never closed: the next conversion waits until the last worker of this one is gone.
    fcntl.flock(os.open(lock, os.O_RDONLY), fcntl.LOCK_SH)
    _state["job"] = job
    gc.collect()
    gc.freeze()  # the job's lists of items need not be looked at again


def _run(function: Callable[..., Any], task: tuple[Any, ...]) -> Any:
    return function(_state["job"], *task)
