"""Opening a JSONL under a declared policy: which rows are usable, which are quarantined and why.

fail: any bad line stops. quarantine: bad lines are left out, counted and written aside with their reasons. fix: the declared
fix (clamp up to one pixel) is applied and counted; what it cannot mend stops. Always: read = used + quarantined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from src.contract.images import ImageResolver, size_issue
from src.contract.index import JsonlIndex
from src.contract.records import Record, RecordPolicy
from src.contract.validate import parse_counting
from src.errors import DataError, Issue, ProjectError, RecordError
from src.files import atomic_write
from src.images import load_rgb
from src.utils.progress import progress

MAX_SHOWN_LINES = 20
Check = Callable[[Record], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """What a scan found; `rows` are the usable rows, ascending."""

    rows: NDArray[np.int64]
    num_read: int
    num_quarantined: int
    num_fixed: int
    by_rule: Mapping[str, int]
    shown: tuple[Issue, ...]

    def __post_init__(self) -> None:
        assert self.num_read == len(self.rows) + self.num_quarantined


def scan(
    index: JsonlIndex,
    policy: RecordPolicy,
    *,
    fix: bool | None = None,
    check: Check | None = None,
    quarantine_path: Path | None = None,
) -> ScanReport:
    """Validate every line, in one pass over the file.

    `fix` applies the clamping fix (default: under policy fix). `check` adds rules beyond the text
    (images, lengths) by raising a `ProjectError`. Bad lines and their reasons go to
    `quarantine_path`, whatever the policy.

    With policy fail or fix, `RecordError` lists the issues of the first bad lines and counts the rest.
    """
    fix = policy == "fix" if fix is None else fix
    rows: list[int] = []
    rules: Counter[str] = Counter()
    shown: list[Issue] = []
    bad = fixed = 0
    with ExitStack() as stack:
        aside = (
            stack.enter_context(atomic_write(quarantine_path, "wb")) if quarantine_path else None
        )
        for row, line in progress(
            index.lines(), total=len(index), label=f"check {index.path.name}"
        ):
            record, issues, clamped = parse_counting(line, index.source(row), fix=fix)
            if record is not None and check is not None:
                issues = _checked(record, check)
            fixed += clamped > 0
            if not issues:
                rows.append(row)
                continue
            bad += 1
            rules.update(issue.rule for issue in issues)
            if bad <= MAX_SHOWN_LINES:
                shown += issues
            if aside is not None:
                aside.write(quarantine_line(row, line, issues))
    if bad and policy != "quarantine":
        raise RecordError(*shown, *_rest(index.path, bad))
    return ScanReport(
        rows=np.array(rows, dtype=np.int64),
        num_read=len(rows) + bad,
        num_quarantined=bad,
        num_fixed=fixed,
        by_rule=dict(sorted(rules.items())),
        shown=tuple(shown),
    )


def _checked(record: Record, check: Check) -> tuple[Issue, ...]:
    try:
        check(record)
    except ProjectError as error:
        return error.issues
    return ()


def _rest(path: Path, bad: int) -> tuple[Issue, ...]:
    if bad <= MAX_SHOWN_LINES:
        return ()
    return (
        Issue(
            message=f"{bad - MAX_SHOWN_LINES} more bad lines",
            where=str(path),
            remedy=f"run `python -m src.contract check {path}`",
        ),
    )


def quarantine_line(row: int, line: bytes, issues: tuple[Issue, ...]) -> bytes:
    return orjson.dumps(
        {
            "line": row + 1,
            "issues": [asdict(issue) for issue in issues],
            "text": line.decode("utf-8", errors="backslashreplace"),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def image_check(resolver: ImageResolver) -> Check:
    """Adds: every image is where it may be, decodes completely, and the first has the record's size."""

    def check(record: Record) -> None:
        for position, image in enumerate(record.images):
            path = resolver.resolve(image, record.source)
            try:
                height, width = load_rgb(path).shape[:2]
            except ProjectError as error:
                raise DataError(
                    *(
                        Issue(**{**asdict(i), "where": f"{record.source} {i.where}"})
                        for i in error.issues
                    )
                ) from error
            if position == 0 and record.width and (width, height) != (record.width, record.height):
                said = (record.width, record.height)
                raise RecordError(size_issue(record.source, said, path, (width, height)))

    return check
