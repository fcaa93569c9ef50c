"""Work on many items by several processes, results in the order of the items.

One worker means this process, which spares the start of another (about a second of imports).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Protocol, TypeVar

from src.errors import DataError
from src.utils.worker_process import follow_parent

T = TypeVar("T")
R = TypeVar("R")


class OrderedMap(Protocol):
    """`map`, whose items go to the workers `chunksize` at a time; `work` and its results are picklable."""

    def __call__(
        self, work: Callable[[T], R], items: Iterable[T], chunksize: int
    ) -> Iterator[R]: ...


@contextmanager
def ordered_map(workers: int) -> Iterator[OrderedMap]:
    """A map over `workers` spawned processes, which end with the context, or with this process when it is killed.

    `DataError` when one of them is killed (a `multiprocessing.Pool` would wait for it for ever).
    """
    if workers == 1:
        yield _here
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=follow_parent)

    def there(work: Callable[[T], R], items: Iterable[T], chunksize: int) -> Iterator[R]:
        return pool.map(work, items, chunksize=chunksize)

    try:
        yield there
    except BrokenProcessPool as error:
        raise DataError.say(
            "a worker process was killed (the machine may be out of memory)",
            remedy="run the same command again, perhaps with fewer --workers",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _here(work: Callable[[T], R], items: Iterable[T], chunksize: int) -> Iterator[R]:
    del chunksize
    return map(work, items)
