"""What a run ran on, written beside its config: package versions, torch build, code revision, command line."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from src.config.loader import ROOT
from src.files import write_text
from src.utils.logger import world_size

FILE = "environment.json"
FORMAT = 1
PACKAGES = (
    "torch", "torchvision", "transformers", "ms-swift", "peft", "accelerate", "deepspeed", "safetensors", "tokenizers",
    "numpy", "pillow", "opencv-python-headless", "simplejpeg", "orjson", "qwen-vl-utils", "tensorboard",
)  # fmt: skip
"""Those of the lock that can change a result, and the optional ones."""


def record_start(run_dir: Path, resumed_after_step: int | None) -> None:
    """Append this start to `environment.json`: a run that was resumed lists each start, the first one first."""
    path = run_dir / FILE
    starts = json.loads(path.read_text(encoding="utf-8"))["starts"] if path.is_file() else []
    if resumed_after_step is None:
        starts = []
    starts.append(_this_start(resumed_after_step))
    write_text(path, json.dumps({"format": FORMAT, "starts": starts}, indent=1) + "\n")


def _this_start(resumed_after_step: int | None) -> dict[str, Any]:
    return {
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "resumed_after_step": resumed_after_step,
        "command": [sys.executable, *sys.orig_argv[1:]],
        "world_size": world_size(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name)) is not None},
        "torch_build": {
            "version": torch.__version__,
            "cuda": torch.version.cuda,
            "threads": torch.get_num_threads(),
            "devices": [
                torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
            ],
        },
        "git": _git(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Revision of the project's code, and whether files differ from it; None outside a repository."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(ROOT), *words],
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    revision = ask("rev-parse", "HEAD")
    if revision is None:
        return None
    return {"revision": revision, "dirty": bool(ask("status", "--porcelain"))}
