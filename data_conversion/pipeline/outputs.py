"""Complete shards become the files of the output folder, streamed in item order, each put in place whole.

What the split needs is gathered as shards are completed; one walk over all of them writes. Memory: some 300 bytes an image.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import IO, Any

import orjson

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.convert_item import GROUPED
from data_conversion.pipeline.image_index import may_be_one
from data_conversion.pipeline.outcome import Outcome
from data_conversion.pipeline.page_samples import PageSamples
from data_conversion.pipeline.raw import Listing, SplitName
from data_conversion.pipeline.shards import Shard, read_outcomes, read_results
from data_conversion.pipeline.split import (
    Member,
    draw_split,
    draw_tiny,
    largest_deviation,
    parted_groups,
    val_share,
)
from data_conversion.pipeline.tally import Tally, finding_entry
from data_conversion.pipeline.work_folder import WorkFolder
from src.errors import DataError, Issue
from src.utils.logger import get_logger

NUM_TINY: Mapping[SplitName, int] = {"train": 20, "val": 8}
QUARANTINE, FINDINGS, VOCABULARY = "quarantine.jsonl", "findings.jsonl", "label_vocabulary.json"
SEEDED = "seeded"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
logger = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Overview:
    """What is known of all written images before anything is written; label ids are positions in `names`."""

    members: list[Member] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    clashes: set[str] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        written = outcome.written
        if written is None:
            return
        labels = tuple(
            self.ids.setdefault(label, len(self.ids)) for label in sorted(written.labels)
        )
        self.members.append(Member(key=outcome.key, group=written.group, labels=labels))
        source = outcome.image or f"{outcome.annotation}#{outcome.key}"
        first, named = self.sources.setdefault(written.image, (source, outcome.named))
        if first != source or not may_be_one(named, outcome.named):
            self.clashes.add(written.image)

    def add_shard(self, shard: Shard) -> None:
        """Look at a complete shard; shards come in order, so that label ids are those of any other run."""
        for outcome in read_outcomes(shard):
            self.add(outcome)

    def label(self, number: int) -> str:
        return list(self.ids)[number]


def settled(found: Overview, shards: Sequence[Shard]) -> Overview:
    """The overview of all shards without the images whose places clash (rare: only then the walk is made again)."""
    if found.clashes:
        kept = Overview(clashes=found.clashes)
        for shard in shards:
            for outcome in read_outcomes(shard):
                kept.add(_without_clash(outcome, found.clashes))
        return kept
    return found


def _without_clash(outcome: Outcome, clashes: set[str]) -> Outcome:
    """An image whose place in the output another picture claims too goes to quarantine, whichever came first."""
    if outcome.written is None or outcome.written.image not in clashes:
        return outcome
    issue = Issue(
        message="another picture has the same place in the output, or was found as the same file",
        where=outcome.annotation,
        rule="image-name-taken",
        got=f"{outcome.written.image}, named {outcome.named}"
        if outcome.named
        else outcome.written.image,
        remedy="give the pictures different names, in the folders that the annotations name",
    )
    return replace(outcome, written=None, issues=(issue,))


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
) -> tuple[Tally, PageSamples]:
    """The second walk: every JSONL file and the vocabulary; counts, and what the page draws, come back."""
    tiny = {
        side: draw_tiny(
            [m for m in found.members if m.key in split and split[m.key] == side], most, config.seed
        )
        for side, most in NUM_TINY.items()
    }
    tally, samples = Tally(), PageSamples(seed=config.seed)
    names = ("all_samples", *NUM_TINY, *(f"{side}_tiny" for side in NUM_TINY))
    with ExitStack() as stack:
        files = [*(f"{name}.jsonl" for name in names), QUARANTINE, FINDINGS]
        handles = {name: stack.enter_context(work.final(name)) for name in files}
        writer = stack.enter_context(_writing_behind(handles))
        for shard in shards:
            lines: dict[str, list[bytes]] = {name: [] for name in files}
            for outcome, line in read_results(shard):
                kept = _without_clash(outcome, found.clashes)
                side = split[kept.key] if kept.key in split and kept.written else None
                tally.add(kept, side)
                samples.add(kept, line)
                lines[FINDINGS] += (_line(finding_entry(kept, entry)) for entry in kept.findings)
                if kept.written is None:
                    lines[QUARANTINE].append(_line(_quarantined(kept)))
                    continue
                lines["all_samples.jsonl"].append(line)
                if side is not None:
                    lines[f"{side}.jsonl"].append(line)
                    if kept.key in tiny[side]:
                        lines[f"{side}_tiny.jsonl"].append(line)
            writer(lines)
    with work.final(VOCABULARY) as handle:
        handle.write(orjson.dumps(tally.vocabulary(), option=JSON))
    return tally, samples


@contextmanager
def _writing_behind(
    handles: Mapping[str, IO[bytes]],
) -> Iterator[Callable[[Mapping[str, list[bytes]]], None]]:
    """A function that writes a shard's lines by file, while the next shard is being read.

    Writing gigabytes is the system's work for half of the time; one batch at most waits.
    """
    pending: deque[Future[None]] = deque()

    def write(lines: Mapping[str, list[bytes]]) -> None:
        for name, batch in lines.items():
            # One call a file: each hands the interpreter over, and must wait to get it back.
            handles[name].write(b"".join(batch))

    def submit(lines: Mapping[str, list[bytes]]) -> None:
        if pending:
            pending.popleft().result()
        pending.append(thread.submit(write, lines))

    with ThreadPoolExecutor(max_workers=1) as thread:
        yield submit
        if pending:
            pending.popleft().result()


def _quarantined(outcome: Outcome) -> dict[str, Any]:
    return {
        "key": outcome.key,
        "annotation": outcome.annotation,
        "image": outcome.image,
        "issues": [asdict(issue) for issue in outcome.issues],
    }


def _line(entry: Mapping[str, Any]) -> bytes:
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
