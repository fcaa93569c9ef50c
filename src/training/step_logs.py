"""Logs of a run folder that have one line a step, cut back to a checkpoint so that a resumed run's logs are contiguous.

Files are any `*.jsonl` of the folder whose lines hold `step` (optimizer steps done when the line was written), the key logs,
whose `step` is the 0-based step being trained, and ms-swift's `logging.jsonl`. TensorBoard's event files are left as they are.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from src.files import atomic_write
from src.utils.logger import get_logger

logger = get_logger(__name__)
TRAINER_LOG = "logging.jsonl"
SUMMARY_KEYS = ("log_history", "train_runtime")
UNREADABLE = -1
ALWAYS_CUT = 1 << 62


def cut_logs(run_dir: Path, step: int) -> None:
    """Drop every line that belongs to an optimizer step after the first `step`; a half-written last line goes too.

    Step 0 is another run's start: its logs are renamed, not emptied.
    """
    for path in sorted(run_dir.glob("*.jsonl")):
        _cut(path, step)


def _cut(path: Path, step: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    steps = [_steps_done(path.name, line) for line in lines]
    if all(done is None or done == UNREADABLE for done in steps):
        return
    kept = [
        line for line, done in zip(lines, steps, strict=True) if done is None or 0 <= done <= step
    ]
    if len(kept) == len(lines):
        return
    if step == 0:
        path.replace(path.with_name(f"{path.name}.replaced-{time.time_ns()}"))
        logger.info("%s was of an earlier start; renamed", path.name)
        return
    logger.info("%s: %d lines after step %d cut", path.name, len(lines) - len(kept), step)
    with atomic_write(path, "wb") as handle:
        handle.writelines(kept)


def _steps_done(name: str, line: bytes) -> int | None:
    """How many optimizer steps must be done for the line to stand; None when it tells no step."""
    if not line.endswith(b"\n"):
        return UNREADABLE
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return UNREADABLE
    if not isinstance(entry, dict):
        return None
    if name == TRAINER_LOG:
        if any(key in entry for key in SUMMARY_KEYS):
            return ALWAYS_CUT
        key = "global_step/max_steps"
        return int(str(entry[key]).split("/")[0]) if key in entry else None
    if "step" not in entry or not isinstance(entry["step"], int):
        return None
    return entry["step"] + 1 if name.startswith("keys-rank") else entry["step"]
