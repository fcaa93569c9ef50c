"""Progress of long work: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from src.utils.logger import get_logger, rank

T = TypeVar("T")
PLAIN_INTERVAL_S = 10.0

logger = get_logger(__name__)


def progress(items: Iterable[T], *, total: int, label: str, start: int = 0) -> Iterator[T]:
    """Yield `items`, reporting how many of `total` are done; `start` counts work done by an earlier run.

    Ranks other than 0 stay silent.
    """
    if rank() != 0:
        yield from items
        return
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, initial=start, desc=label, file=sys.stderr)
        return
    begun = reported = time.monotonic()
    done = start
    for done, item in enumerate(items, start + 1):
        yield item
        now = time.monotonic()
        if now - reported >= PLAIN_INTERVAL_S:
            reported = now
            speed = (done - start) / (now - begun)
            logger.info("%s: %d/%d (%.1f/s)", label, done, total, speed)
    logger.info("%s: %d/%d in %.1f s", label, done, total, time.monotonic() - begun)
