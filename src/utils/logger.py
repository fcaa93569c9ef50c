"""Rank-aware logging: `get_logger(__name__)` and nothing else.

Rank 0 logs from INFO on, other ranks from WARNING on with their rank in the line. The rank is read from the environment that
torchrun sets, so no process group is needed. Output goes to stderr: stdout belongs to what a command prints.
"""

from __future__ import annotations

import logging
import os
import sys

ROOT_NAME = "dense"


def rank() -> int:
    """This process's global rank as torchrun set it; 0 outside torchrun."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """The number of ranks as torchrun set it; 1 outside torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


class _StderrHandler(logging.Handler):
    """Writes to whatever `sys.stderr` is now, so that a captured or replaced stream is honoured."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()


def get_logger(name: str) -> logging.Logger:
    """The logger for module `name` (pass `__name__`), configured once per process."""
    root = logging.getLogger(ROOT_NAME)
    if not root.handlers:
        handler = _StderrHandler()
        prefix = f"[rank {rank()}] " if world_size() > 1 else ""
        handler.setFormatter(
            logging.Formatter(f"%(asctime)s %(levelname)s {prefix}%(message)s", "%H:%M:%S")
        )
        root.addHandler(handler)
        root.propagate = False
        level = os.environ.get("LOG_LEVEL", "INFO" if rank() == 0 else "WARNING").upper()
        root.setLevel(level)
    return logging.getLogger(f"{ROOT_NAME}.{name.removeprefix('src.')}")


def set_level(level: str) -> None:
    """Log from `level` on, e.g. "DEBUG", in this process."""
    get_logger(ROOT_NAME)
    logging.getLogger(ROOT_NAME).setLevel(level)
