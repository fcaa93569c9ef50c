"""What a run tells about itself, from sums and counts. No torch.

Every figure is one division at the end: sums and counts of all micro-batches and ranks are added first, so a rank with few
tokens does not weigh as much as one with many.

| name | what |
| --- | --- |
| `loss/<dataset>`, `token_acc/<dataset>` | mean loss and share of right tokens of a data set |
| `loss/<dataset>/<kind>`, `token_acc/<dataset>/<kind>` | the same for one kind of its tokens |
| `loss_by_kind/<kind>`, `token_acc_by_kind/<kind>` | the same over all data sets |
| `token_acc` | over everything |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.training.kinds import KINDS

Totals = NDArray[np.float64]
LOSS, CORRECT, COUNT = range(3)
NUM_SUMS = 3
NUM_CODES = len(KINDS) + 1  # the first is "no kind"
Logs = dict[str, float]


def token_logs(totals: Totals, names: Sequence[str]) -> Logs:
    """Losses and accuracies from sums (data sets, codes, [loss, right, count]); what has no token is left out."""
    assert totals.shape == (len(names), NUM_CODES, NUM_SUMS)
    logs: Logs = {}
    for number, name in enumerate(names):
        _put(logs, "", f"/{name}", totals[number].sum(axis=0))
        for code, kind in enumerate(KINDS, 1):
            _put(logs, "", f"/{name}/{kind}", totals[number, code])
    for code, kind in enumerate(KINDS, 1):
        _put(logs, "_by_kind", f"/{kind}", totals[:, code].sum(axis=0))
    everything = totals.sum(axis=(0, 1))
    if everything[COUNT]:
        logs["token_acc"] = float(everything[CORRECT] / everything[COUNT])
    return logs


def mean_loss(totals: Totals) -> float | None:
    """The loss over all tokens; None without any."""
    loss, _, count = totals.sum(axis=(0, 1))
    return float(loss / count) if count else None


def _put(logs: Logs, group: str, name: str, sums: Totals) -> None:
    if sums[COUNT]:
        logs[f"loss{group}{name}"] = float(sums[LOSS] / sums[COUNT])
        logs[f"token_acc{group}{name}"] = float(sums[CORRECT] / sums[COUNT])


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What passed through a window of training, added over ranks.

    `slots` are the cells of all batches, `tokens` those that are no padding; `wait_s` is the part of `active_s` in which a
    rank waited for its loader.
    """

    samples: float
    slots: float
    tokens: float
    fillers: float
    wait_s: float
    active_s: float

    def logs(self, world_size: int) -> Logs:
        """Ratios and rates of the whole run; empty when nothing passed."""
        if not self.slots or not self.active_s:
            return {}
        seconds = self.active_s / world_size
        return {
            "padding_ratio": 1.0 - self.tokens / self.slots,
            "data_wait_share": self.wait_s / self.active_s,
            "samples_per_second": self.samples / seconds,
            "tokens_per_second": self.tokens / seconds,
        }
