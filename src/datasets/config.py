"""What happens to records that cannot be used. Standard library only: `src.config` composes it."""

from __future__ import annotations

from typing import Literal

RecordPolicy = Literal["fail", "quarantine", "fix"]
OverLongPolicy = Literal["fail", "quarantine"]
