"""Which records the page draws: a few of those that were changed and a few of the others, chosen by the seed as they go by."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from data_conversion.pipeline.outcome import Outcome
from src.rng import stable_hash

MOST_CHANGED = 24
MOST_PLAIN = 24
MOST_LISTED = 200
_Ranked = tuple[int, str, Outcome, bytes]


@dataclass(slots=True, kw_only=True)
class PageSamples:
    """Outcomes with their JSONL lines; `refused` are the first ones in quarantine."""

    seed: int
    refused: list[Outcome] = field(default_factory=list)
    _changed: list[_Ranked] = field(default_factory=list)
    _plain: list[_Ranked] = field(default_factory=list)

    def add(self, outcome: Outcome, line: bytes) -> None:
        """Look at one outcome; what is kept does not depend on the order."""
        if outcome.written is None:
            if len(self.refused) < MOST_LISTED:
                self.refused.append(outcome)
            return
        kept, most = (
            (self._changed, MOST_CHANGED) if outcome.findings else (self._plain, MOST_PLAIN)
        )
        rank = -stable_hash(self.seed, "conversion-page", outcome.key)
        if len(kept) < most:
            heapq.heappush(kept, (rank, outcome.key, outcome, line))
        elif rank > kept[0][0]:
            heapq.heapreplace(kept, (rank, outcome.key, outcome, line))

    @property
    def changed(self) -> Sequence[tuple[Outcome, bytes]]:
        """Records with findings, in key order."""
        return _by_key(self._changed)

    @property
    def plain(self) -> Sequence[tuple[Outcome, bytes]]:
        """Records without, in key order."""
        return _by_key(self._plain)


def _by_key(kept: Sequence[_Ranked]) -> list[tuple[Outcome, bytes]]:
    return [(outcome, line) for _, _, outcome, line in sorted(kept, key=lambda entry: entry[1])]
