"""Which records the page draws: a few of those that were changed and a few of the others, chosen by the seed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from data_conversion.pipeline.outcome import Outcome
from data_conversion.pipeline.overview import Overview
from src.rng import stable_hash

MOST_CHANGED = 24
MOST_PLAIN = 24
MOST_LISTED = 200
Shown = tuple[Outcome, bytes]
"""An outcome with its JSONL line."""


def draw_shown(found: Overview, seed: int) -> frozenset[str]:
    """The keys of the records to draw; the order of images does not matter."""

    def rank(key: str) -> int:
        return stable_hash(seed, "conversion-page", key)

    plain = (member.key for member in found.members if member.key not in found.changed)
    return frozenset(
        heapq.nsmallest(MOST_CHANGED, found.changed, key=rank)
        + heapq.nsmallest(MOST_PLAIN, plain, key=rank)
    )


@dataclass(slots=True, kw_only=True)
class PageSamples:
    """What the page shows: the drawn records, and `refused`, the first outcomes in quarantine."""

    shown: list[Shown] = field(default_factory=list)
    refused: list[Outcome] = field(default_factory=list)

    def refuse(self, outcomes: Iterable[Outcome]) -> None:
        """Outcomes in quarantine, in order; the first ones are kept."""
        self.refused = [*self.refused, *outcomes][:MOST_LISTED]

    @property
    def changed(self) -> Sequence[Shown]:
        """Records with findings, in key order."""
        return [pair for pair in self._by_key() if pair[0].findings]

    @property
    def plain(self) -> Sequence[Shown]:
        """Records without, in key order."""
        return [pair for pair in self._by_key() if not pair[0].findings]

    def _by_key(self) -> list[Shown]:
        return sorted(self.shown, key=lambda pair: pair[0].key)
