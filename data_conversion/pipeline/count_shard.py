"""What a complete shard adds to the outputs once all shards are known: counts, findings, and the files that its lines go to.

The second function that worker processes run. Counts of shards add up to those of all, in shard order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from data_conversion.pipeline.convert_item import Job
from data_conversion.pipeline.outcome import Outcome
from data_conversion.pipeline.overview import without_clash
from data_conversion.pipeline.page_samples import MOST_LISTED
from data_conversion.pipeline.raw import SplitName
from data_conversion.pipeline.shards import Shard, read_outcomes
from data_conversion.pipeline.tally import Tally, finding_entry

ALL = "all_samples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What was decided about the images: sides by key, keys of the tiny sets and of the page, places that clash."""

    split: Mapping[str, SplitName]
    tiny: frozenset[str]
    shown: frozenset[str]
    clashes: frozenset[str]

    def about(self, shard: Shard) -> Decisions:
        """Those that a shard needs."""
        keys = {item.key for item in shard.items}
        return Decisions(
            split={key: self.split[key] for key in keys if key in self.split},
            tiny=self.tiny & keys,
            shown=self.shown & keys,
            clashes=self.clashes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """`names` are, for each line of the shard's records, the JSONL files that it goes to; `shown` belong to some of these lines,
    by position; `refused` are the first in quarantine.
    """

    tally: Tally
    names: Sequence[tuple[str, ...]]
    findings: bytes
    quarantine: bytes
    shown: Mapping[int, Outcome]
    refused: Sequence[Outcome]


def count_shard(job: Job, shard: Shard, decisions: Decisions) -> Counted:
    """Go through a shard's outcomes. The pool hands `job` to every function; nothing of it is needed here."""
    tally = Tally()
    names: list[tuple[str, ...]] = []
    findings: list[bytes] = []
    quarantine: list[bytes] = []
    shown: dict[int, Outcome] = {}
    refused: list[Outcome] = []
    for outcome in read_outcomes(shard):
        kept = without_clash(outcome, decisions.clashes)
        side = decisions.split.get(kept.key) if kept.written else None
        tally.add(kept, side)
        findings += (_line(finding_entry(kept, finding)) for finding in kept.findings)
        if kept.written is None:
            quarantine.append(_line(_quarantined(kept)))
            if len(refused) < MOST_LISTED:
                refused.append(kept)
        elif kept.key in decisions.shown:
            shown[len(names)] = kept
        if outcome.written is not None:
            names.append(_files(kept, side, decisions))
    return Counted(
        tally=tally,
        names=names,
        findings=b"".join(findings),
        quarantine=b"".join(quarantine),
        shown=shown,
        refused=refused,
    )


def _files(outcome: Outcome, side: SplitName | None, decisions: Decisions) -> tuple[str, ...]:
    if outcome.written is None:
        return ()
    if side is None:
        return (ALL,)
    return (ALL, side, f"{side}_tiny") if outcome.key in decisions.tiny else (ALL, side)


def _quarantined(outcome: Outcome) -> dict[str, Any]:
    return {
        "key": outcome.key,
        "annotation": outcome.annotation,
        "image": outcome.image,
        "issues": [asdict(issue) for issue in outcome.issues],
    }


def _line(entry: Mapping[str, Any]) -> bytes:
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
