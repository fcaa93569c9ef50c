"""Shards: runs of consecutive items, converted as a whole and written as a whole, so that memory stays bounded.

A shard is two files: `00012.records` (the JSONL lines) and then `00012.done` (a header line and one outcome an item), whose
presence marks it complete. How items are cut depends on their number alone, never on the workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson

from data_conversion.pipeline.convert_item import Job, convert_item
from data_conversion.pipeline.outcome import FileState, Outcome, outcome_of_line, outcome_to_line
from data_conversion.pipeline.raw import Item
from src.errors import RecordError
from src.files import atomic_write

FEWEST, MOST, WANTED = 8, 256, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Some consecutive items; `folder` holds its files."""

    number: int
    items: tuple[Item, ...]
    folder: Path

    @property
    def records(self) -> Path:
        return self.folder / f"{self.number:06d}.records"

    @property
    def done(self) -> Path:
        return self.folder / f"{self.number:06d}.done"


def cut(items: Sequence[Item], folder: Path) -> list[Shard]:
    """The items in shards of 8 to 256, about 64 shards where that fits."""
    size = min(MOST, max(FEWEST, len(items) // WANTED))
    return [
        Shard(number=number, items=tuple(items[start : start + size]), folder=folder)
        for number, start in enumerate(range(0, len(items), size))
    ]


def convert_shard(job: Job, shard: Shard) -> None:
    """Convert every item and write the shard; pictures are in place before it is marked complete.

    With `fail_fast` the first item that cannot be used raises its `RecordError`.
    """
    outcomes: list[bytes] = []
    num_bytes = 0
    with atomic_write(shard.records, "wb", aside=job.aside) as handle:
        for item in shard.items:
            outcome, line = convert_item(job, item)
            refuse_issues(job, outcome)
            outcomes.append(outcome_to_line(outcome))
            num_bytes += handle.write(line)
    header = {"number": shard.number, "num_items": len(shard.items), "num_bytes": num_bytes}
    with atomic_write(shard.done, "wb", aside=job.aside) as handle:
        handle.write(orjson.dumps(header, option=orjson.OPT_APPEND_NEWLINE))
        handle.writelines(outcomes)


def refuse_issues(job: Job, outcome: Outcome) -> None:
    """`RecordError` for an item in quarantine where the job is to stop at it."""
    if job.fail_fast and outcome.issues:
        raise RecordError(*outcome.issues)


def read_outcomes(shard: Shard) -> Iterator[Outcome]:
    """The outcomes of a complete shard, in item order."""
    with shard.done.open("rb") as handle:
        for line in islice(handle, 1, None):
            yield outcome_of_line(line)


def is_complete(job: Job, shard: Shard) -> bool:
    """Whether an earlier run finished the shard, and its pictures are still what they were then."""
    if not shard.done.is_file() or not shard.records.is_file():
        return False
    with shard.done.open("rb") as handle:
        header = orjson.loads(handle.readline())
    expected = {"number": shard.number, "num_items": len(shard.items)}
    if header != expected | {"num_bytes": shard.records.stat().st_size}:
        return False
    for outcome in read_outcomes(shard):
        if not _is_current(job, outcome):
            return False
        refuse_issues(job, outcome)
    return True


def _is_current(job: Job, outcome: Outcome) -> bool:
    if _may_be_repaired(outcome) and job.image_root is not None:
        return False
    if outcome.picture is not None and job.image_root is not None:
        path = job.image_root / outcome.image
        if not path.is_file():
            return False
        stat = path.stat()
        if outcome.picture != FileState(size=stat.st_size, mtime_ns=stat.st_mtime_ns):
            return False
    written = outcome.written
    is_placed = written is None or written.placed == "none"
    return is_placed or (written is not None and (job.output / written.image).is_file())


def _may_be_repaired(outcome: Outcome) -> bool:
    """In quarantine for a picture that was not there or a file that could not be read; annotations are in the fingerprint."""
    is_missing = bool(outcome.issues) and bool(outcome.image) and outcome.picture is None
    return is_missing or any(issue.rule == "file-error" for issue in outcome.issues)
