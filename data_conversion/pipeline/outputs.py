"""Complete shards become the files of the output folder, streamed in item order, each put in place whole.

What the split needs is gathered as shards are completed; then each shard is counted where it was converted, and written here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import IO, Any

import orjson

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.convert_item import GROUPED
from data_conversion.pipeline.count_shard import ALL, Counted, Decisions, count_shard
from data_conversion.pipeline.overview import Overview
from data_conversion.pipeline.page_samples import PageSamples, draw_shown
from data_conversion.pipeline.raw import Listing, SplitName
from data_conversion.pipeline.shards import Shard
from data_conversion.pipeline.split import (
    Member,
    draw_split,
    draw_tiny,
    largest_deviation,
    parted_groups,
    val_share,
)
from data_conversion.pipeline.tally import Tally
from data_conversion.pipeline.work_folder import WorkFolder
from data_conversion.pipeline.workers import ShardPool
from src.errors import DataError
from src.utils.logger import get_logger

NUM_TINY: Mapping[SplitName, int] = {"train": 20, "val": 8}
QUARANTINE, FINDINGS, VOCABULARY = "quarantine.jsonl", "findings.jsonl", "label_vocabulary.json"
FILES = (
    *(f"{name}.jsonl" for name in (ALL, *NUM_TINY, *(f"{side}_tiny" for side in NUM_TINY))),
    QUARANTINE,
    FINDINGS,
)
SEEDED = "seeded"
BUFFER_BYTES = 1 << 20
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
logger = get_logger(__name__)


def choose_split(
    found: Overview, listing: Listing, config: ConversionConfig
) -> tuple[Mapping[str, SplitName], dict[str, Any]]:
    """Sides by key, and what the report says of them."""
    split = listing.split if config.split == "auto" else None
    source = listing.split_source
    if split is None:
        split, source = draw_split(found.members, config.val_ratio, config.seed), SEEDED
    worst = largest_deviation(found.members, split)
    num_alone = _without_group(found.members, config.group_by)
    share = val_share(found.members, split)
    if (
        config.group_by
        and source == SEEDED
        and abs(share - config.val_ratio) > config.val_ratio / 2
    ):
        logger.warning(
            "validation has %.1f %% of the images, not %.1f %%: the groups are too large or too few",
            100 * share,
            100 * config.val_ratio,
        )
    return split, {
        "source": source,
        "val_ratio": config.val_ratio,
        "seed": config.seed,
        "group_by": config.group_by,
        "val_share": round(share, 6),
        "images_without_group": num_alone,
        "num_groups": len({member.group for member in found.members}),
        "groups_on_both_sides": parted_groups(found.members, split),
        "largest_label_deviation": None
        if worst is None
        else {
            "label": found.label(worst.label),
            "images": worst.num_images,
            "val": worst.num_val,
            "deviation": round(worst.deviation, 6),
        },
    }


def _without_group(members: Sequence[Member], group_by: str | None) -> int | None:
    """Images for which `group_by` found no group; `DataError` when it found none at all."""
    if group_by is None:
        return None
    alone = sum(not member.group.startswith(GROUPED) for member in members)
    if members and alone == len(members):
        raise DataError.say(
            "group_by found no group for any image",
            got=group_by,
            expected="an expression that matches paths of pictures, or key:NAME of an attribute of theirs",
            remedy=f"a path is matched as in {members[0].group.removeprefix('/')}; attributes are in metadata.image",
        )
    return alone


def write_outputs(
    work: WorkFolder,
    shards: Sequence[Shard],
    found: Overview,
    split: Mapping[str, SplitName],
    config: ConversionConfig,
    pool: ShardPool,
) -> tuple[Tally, PageSamples]:
    """Every JSONL file and the vocabulary; counts, and what the page draws, come back."""
    decisions = Decisions(
        split=split,
        tiny=_tiny_keys(found, split, config.seed),
        shown=draw_shown(found, config.seed),
        clashes=frozenset(found.clashes),
    )
    tally, samples = Tally(), PageSamples()
    with ExitStack() as stack:
        handles = {name: stack.enter_context(work.final(name)) for name in FILES}
        writer = stack.enter_context(_writing_behind(handles, samples))
        tasks = ((shard, decisions.about(shard)) for shard in shards)
        for shard, counted in zip(shards, pool.each(count_shard, tasks), strict=True):
            tally.merge(counted.tally)
            samples.refuse(counted.refused)
            writer(shard, counted)
    with work.final(VOCABULARY) as handle:
        handle.write(orjson.dumps(tally.vocabulary(), option=JSON))
    return tally, samples


def _tiny_keys(found: Overview, split: Mapping[str, SplitName], seed: int) -> frozenset[str]:
    sides: dict[SplitName, list[Member]] = {side: [] for side in NUM_TINY}
    for member in found.members:
        if member.key in split:
            sides[split[member.key]].append(member)
    return frozenset().union(
        *(draw_tiny(sides[side], most, seed) for side, most in NUM_TINY.items())
    )


@contextmanager
def _writing_behind(
    handles: Mapping[str, IO[bytes]], samples: PageSamples
) -> Iterator[Callable[[Shard, Counted], None]]:
    """A function that writes what a shard adds, while the next one is waited for; one shard at most is pending.

    `samples` gets the lines of records to draw as they go by: nobody else reads the lines. It is complete at the context's end.
    """
    pending: deque[Future[None]] = deque()

    def write(shard: Shard, counted: Counted) -> None:
        lines: dict[str, list[bytes]] = {name: [] for name in handles}
        with shard.records.open("rb", buffering=BUFFER_BYTES) as records:
            for number, (line, names) in enumerate(zip(records, counted.names, strict=True)):
                for name in names:
                    lines[f"{name}.jsonl"].append(line)
                if number in counted.shown:
                    samples.shown.append((counted.shown[number], line))
        lines[FINDINGS].append(counted.findings)
        lines[QUARANTINE].append(counted.quarantine)
        for name, batch in lines.items():
            # One call a file: each hands the interpreter over, and must wait to get it back.
            handles[name].write(b"".join(batch))

    def submit(shard: Shard, counted: Counted) -> None:
        if pending:
            pending.popleft().result()
        pending.append(thread.submit(write, shard, counted))

    with ThreadPoolExecutor(max_workers=1) as thread:
        yield submit
        if pending:
            pending.popleft().result()
