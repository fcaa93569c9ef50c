"""What a JSONL holds: records, objects, kinds, labels, picture sizes, and what its answers cost in each format.

One pass over the file, each line parsed and checked (some thousand records a second); no picture is opened. Formats are
measured on a seeded choice of at most 2,000 records with objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from src.contract.budget import PixelBudget
from src.contract.index import JsonlIndex
from src.contract.records import GEOMETRY_KINDS, Record
from src.contract.validate import parse_counting
from src.datasets.builders.config import BuilderConfig, JsonFormat
from src.datasets.builders.conversation import Prompts
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.render import blank
from src.datasets.scene import open_scene
from src.errors import DataError
from src.rng import generator
from src.utils.progress import progress

MAX_MEASURED = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Mean, median and limits of a number that each record has."""

    least: float
    mean: float
    median: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatCost:
    """What an object costs in one format: the length of the answers over their objects; `ratio` is to `standard`."""

    name: JsonFormat
    per_object: float
    per_answer: float
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Figures of one file. `modes` counts records by what they hold; a Spread is None where no record has such a number.

    Objects per record are those of dense and negative records; picture sizes and image tokens are each record's first picture's.
    """

    num_records: int
    num_invalid: int
    modes: Mapping[str, int]
    num_objects: int
    objects_per_record: Spread | None
    kinds: Mapping[str, int]
    labels: Mapping[str, int]
    width_px: Spread | None
    height_px: Spread | None
    image_tokens: Spread | None


class Tally:
    """Counts records as they come; labels are as many as the file has."""

    def __init__(self, budget: PixelBudget) -> None:
        self.budget = budget
        self.num_invalid = 0
        self.modes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.counts: list[int] = []
        self.sizes: Counter[tuple[int, int]] = Counter()

    def add(self, record: Record) -> None:
        """Count one valid record."""
        mode = _mode(record)
        self.modes[mode] += 1
        if mode in ("dense", "negative"):
            self.counts.append(len(record.objects))
        self.kinds.update(item.kind for item in record.objects)
        self.labels.update(item.desc for item in record.objects)
        if record.width:
            self.sizes[record.width, record.height] += 1

    def survey(self) -> Survey:
        sizes = [size for size, count in self.sizes.items() for _ in range(count)]
        tokens = [
            self.budget.image_tokens(*size)
            for size, count in self.sizes.items()
            for _ in range(count)
        ]
        return Survey(
            num_records=sum(self.modes.values()) + self.num_invalid,
            num_invalid=self.num_invalid,
            modes=dict(self.modes),
            num_objects=sum(self.kinds.values()),
            objects_per_record=spread(self.counts),
            kinds={kind: self.kinds[kind] for kind in GEOMETRY_KINDS if kind in self.kinds},
            labels=dict(self.labels.most_common()),
            width_px=spread([width for width, _ in sizes]),
            height_px=spread([height for _, height in sizes]),
            image_tokens=spread(tokens),
        )


def survey_file(index: JsonlIndex, budget: PixelBudget) -> tuple[Survey, list[int]]:
    """(figures of the file, rows with objects); lines that break the contract are counted and left out.

    `DataError` for a file without a valid record.
    """
    tally = Tally(budget)
    rows = []
    for row, line in progress(index.lines(), total=len(index), label=f"read {index.path.name}"):
        record, _, _ = parse_counting(line, index.source(row), fix=False)
        if record is None:
            tally.num_invalid += 1
            continue
        tally.add(record)
        if record.objects:
            rows.append(row)
    if not tally.modes:
        raise DataError.say(
            f"{index.path} has no valid record",
            remedy=f"run `python -m src.contract check {index.path}`",
        )
    return tally.survey(), rows


def format_costs(
    index: JsonlIndex,
    rows: Sequence[int],
    config: BuilderConfig,
    budget: PixelBudget,
    length_of: Callable[[str], int],
) -> tuple[FormatCost, ...]:
    """What the answers of `rows` (each with objects) cost in every format, under the other settings of `config`."""
    if not rows:
        return ()
    chosen = generator(0, "survey").permutation(np.array(rows))[:MAX_MEASURED]
    scenes = []
    for row in np.sort(chosen).tolist():
        record = index.record(row)
        scenes.append(blank(open_scene(record, [Path(record.images[0])]), budget))
    num_objects = sum(len(scene.objects) for scene in scenes)
    totals: dict[JsonFormat, int] = {}
    for name in FORMATS:
        builder = JsonLinesBuilder(replace(config, json_format=name), Prompts(system=None, user=""))
        totals[name] = sum(length_of(builder.build(scene).target) for scene in scenes)
    return tuple(
        FormatCost(
            name=name,
            per_object=total / num_objects,
            per_answer=total / len(scenes),
            ratio=total / totals["standard"],
        )
        for name, total in totals.items()
    )


def spread(values: Sequence[int]) -> Spread | None:
    """None of no values."""
    if not values:
        return None
    return Spread(
        least=float(min(values)),
        mean=float(np.mean(values)),
        median=float(np.median(values)),
        most=float(max(values)),
    )


def _mode(record: Record) -> str:
    if record.is_chat:
        return "chat"
    if record.objects:
        return "dense"
    return "negative" if record.summary is None else "summary"
