"""What a config may say about resuming. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeConfig:
    """`custom.resume:`"""

    allow_changed: bool = field(
        default=False,
        metadata={
            "help": "resume although data or plan differ from the checkpoint's: the run is then no longer "
            "the one that was never stopped"
        },
    )
