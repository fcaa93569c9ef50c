"""What must be known of all images before any file is written: their labels and groups, and places that two of them claim."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from data_conversion.pipeline.image_index import may_be_one
from data_conversion.pipeline.outcome import Outcome
from data_conversion.pipeline.shards import Shard, read_outcomes
from data_conversion.pipeline.split import Member
from src.errors import Issue


@dataclass(slots=True, kw_only=True)
class Overview:
    """Of the written images, some 300 bytes each; label ids are positions in `ids`, `changed` are the keys with findings."""

    members: list[Member] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
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
        if outcome.findings:
            self.changed.add(outcome.key)
        source = outcome.image or f"{outcome.annotation}#{outcome.key}"
        first, named = self.sources.setdefault(written.image, (source, outcome.named))
        is_one = named == outcome.named or may_be_one(named, outcome.named)
        if first != source or not is_one:
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
                kept.add(without_clash(outcome, found.clashes))
        return kept
    return found


def without_clash(outcome: Outcome, clashes: Collection[str]) -> Outcome:
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
