"""What happens to records that cannot be used. Standard library only: `src.config` composes it."""

from __future__ import annotations

from typing import Literal

OverLongPolicy = Literal["fail", "quarantine"]
LateFailurePolicy = Literal["stop", "filler"]
PixelPath = Literal["fast", "stock"]
