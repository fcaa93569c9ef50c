"""The answer of a check: a verdict, its evidence in numbers, a sentence and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["ok", "found", "undecided"]
Severity = Literal["error", "advice"]
"""Of what was found: an error makes training wrong; advice is about what is often right as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`cause` names what was found (`norm1000`, `xywh`, ...), empty where nothing was. `records` are examples to draw.

    `evidence` holds numbers and short texts by name, for people and for `--json`.
    """

    name: str
    verdict: Verdict
    sentence: str
    cause: str = ""
    remedy: str = ""
    severity: Severity = "error"
    evidence: Mapping[str, float | int | str] = field(default_factory=dict)
    records: tuple[int, ...] = ()
