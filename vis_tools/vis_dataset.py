"""`python -m vis_tools.vis_dataset --jsonl FILE --out FILE.html`: records as they are, drawn on their pictures.

Meant for data as found: a record that breaks the contract or whose picture cannot be read is listed with its reasons, and the
others are shown. Cost: each picture is decoded twice, once to see that it can be; about 5 ms of a core for 1024x768.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.records import Record
from src.errors import DataError, ImageError, Issue, RecordError, UsageError
from src.images import read_header
from src.report.page import MetricTable, ReportSample, truth_sample, write_report
from src.report.thumbnails import decoded
from src.rng import generator
from src.utils.cli import parser, run
from src.utils.progress import progress

MOST_LISTED = 200


def main(argv: Sequence[str]) -> int:
    options = parser(
        "python -m vis_tools.vis_dataset", "Show the records of a JSONL with their pictures."
    )
    options.add_argument("--jsonl", required=True, type=Path, help="contract records")
    options.add_argument("--out", required=True, type=Path, help="HTML file to write")
    options.add_argument("--limit", type=int, help="show so many records, drawn by the seed")
    options.add_argument("--seed", type=int, default=17, help="seed of the choice")
    options.add_argument(
        "--root", action="append", default=[], type=Path, help="further folder for images"
    )
    chosen = options.parse_args(argv)
    if chosen.limit is not None and chosen.limit < 1:
        raise UsageError.say("--limit must be at least 1", got=str(chosen.limit))
    index = JsonlIndex.open(chosen.jsonl)
    rows = chosen_rows(len(index), chosen.limit, chosen.seed)
    samples, problems = read_samples(
        index, rows, ImageResolver(chosen.jsonl.parent, tuple(chosen.root))
    )
    if not samples:
        raise DataError(
            Issue(message=f"no record of {chosen.jsonl} can be shown", where=str(chosen.jsonl)),
            *problems[:3],
        )
    write_report(
        chosen.out,
        samples,
        tables(samples, problems),
        title=f"Records of {chosen.jsonl.name}",
        facts=(
            ("file", str(chosen.jsonl)),
            ("records", str(len(index))),
            ("shown", str(len(samples))),
            ("with problems", str(len({issue.where for issue in problems}))),
        ),
    )
    sys.stdout.write(f"wrote {chosen.out}: {len(samples)} of {len(index)} records\n")
    return 0


def chosen_rows(count: int, limit: int | None, seed: int) -> list[int]:
    """All rows, or `limit` of them drawn by the seed, ascending."""
    if limit is None or limit >= count:
        return list(range(count))
    drawn = generator(seed, "dataset-view").choice(count, size=limit, replace=False)
    return sorted(int(row) for row in drawn)


def read_samples(
    index: JsonlIndex, rows: Sequence[int], resolver: ImageResolver
) -> tuple[list[ReportSample], list[Issue]]:
    """A sample for each record with a picture, and what is wrong with the others. Text-only chats have nothing to draw."""
    samples: list[ReportSample] = []
    problems: list[Issue] = []
    for row in progress(rows, total=len(rows), label="read"):
        try:
            record = index.record(row)
            if record.images:
                samples.append(_sample(record, row, resolver))
        except (RecordError, ImageError) as error:
            problems += error.issues
    return samples, problems


def _sample(record: Record, row: int, resolver: ImageResolver) -> ReportSample:
    picture = resolver.resolve(record.images[0], record.source)
    size = read_header(picture).upright_size
    # A picture that breaks off is known only when it is decoded, and on the page it would cost all the others.
    decoded(picture)
    notes = [f"{record.source.file.rsplit('/', 1)[-1]}, line {record.source.line}"]
    if record.width and size != (record.width, record.height):
        notes.append(f"the picture is {size[0]}x{size[1]}, the record says otherwise")
    if len(record.images) > 1:
        notes.append(f"the first of {len(record.images)} pictures")
    return truth_sample(
        picture,
        record.objects,
        (record.width or size[0], record.height or size[1]),
        name=record.images[0],
        row=row,
        summary=record.summary,
        text="\n".join(f"{turn.role}: {turn.content}" for turn in record.messages),
        notes=tuple(notes),
    )


def tables(samples: Sequence[ReportSample], problems: Sequence[Issue]) -> list[MetricTable]:
    """What is shown, counted; and the problems, where there are any."""
    objects = [item for sample in samples for item in sample.prediction.truth or ()]
    kinds = Counter(item.kind for item in objects)
    negatives = sum(not sample.prediction.truth for sample in samples)
    rows = [("records", str(len(samples))), ("without objects", str(negatives))]
    rows += [("objects", str(len(objects))), *((kind, str(n)) for kind, n in sorted(kinds.items()))]
    found = [MetricTable(title="Shown", header=("", "count"), rows=tuple(rows))]
    if problems:
        listed = tuple((issue.where, issue.rule, issue.message) for issue in problems[:MOST_LISTED])
        title = f"Problems ({len(problems)})"
        found.append(MetricTable(title=title, header=("where", "rule", "problem"), rows=listed))
    return found


if __name__ == "__main__":
    sys.exit(run(main))
