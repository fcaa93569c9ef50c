"""Runs of one recipe, and what must be equal between a run that was stopped and one that was not."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.forked_training import Run, Trainings, wait_until

LOGGED = ("loss", "grad_norm", "learning_rate", "token_acc", "eval_loss", "epoch")


def keys_by_step(run_dir: Path) -> dict[int, set[tuple[int, ...]]]:
    """The samples that `training_step` of any rank saw, by optimizer step; none may come twice."""
    steps: dict[int, set[tuple[int, ...]]] = {}
    for path in sorted(run_dir.glob("keys-rank*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            found = steps.setdefault(entry["step"], set())
            for key in entry["keys"]:
                assert tuple(key) not in found, (entry["step"], key)
                found.add(tuple(key))
    return steps


def logged(run_dir: Path) -> list[dict]:
    """What ms-swift logged by step, wall times left out."""
    entries = [json.loads(line) for line in (run_dir / "logging.jsonl").read_text().splitlines()]
    return [
        {"at": entry["global_step/max_steps"]} | {k: entry[k] for k in LOGGED if k in entry}
        for entry in entries
        if "loss" in entry or "eval_loss" in entry
    ]


@dataclass(frozen=True)
class WholeRun:
    """A run that nothing stopped."""

    run_dir: Path

    def unlike(self, other: Path) -> list[str]:
        """What of another run is not bitwise equal: weights, keys in the order of training, log lines."""
        found = []
        for name in ("final/model.safetensors", "keys-rank0.jsonl"):
            if (self.run_dir / name).read_bytes() != (other / name).read_bytes():
                found.append(name)
        if logged(self.run_dir) != logged(other):
            found.append("logging.jsonl")
        return found


@dataclass(frozen=True)
class Recipe:
    """A config and the process that trains it."""

    trainings: Trainings
    config: Path

    def _words(self, run_dir: Path, overrides: tuple[str, ...], resume: str | None) -> list[str]:
        sets = [
            word for o in (f"training.output_dir={run_dir}", *overrides) for word in ("--set", o)
        ]
        return [*sets, *(("--resume", resume) if resume else ())]

    def start(self, run_dir: Path, *overrides: str, resume=None, fault=None) -> Run:
        words = self._words(run_dir, overrides, resume)
        return self.trainings.start(self.config, *words, fault=fault)

    def run(self, run_dir: Path, *overrides: str, resume=None, fault=None, code: int = 0) -> Run:
        words = self._words(run_dir, overrides, resume)
        return self.trainings.run(self.config, *words, fault=fault, code=code)

    def start_ranks(self, count: int, run_dir: Path, *overrides: str, resume=None) -> list[Run]:
        return self.trainings.start_ranks(
            count, self.config, *self._words(run_dir, overrides, resume)
        )

    def wait_for_keys(self, run_dir: Path, step: int) -> None:
        """Until rank 0 is inside an optimizer step."""
        path = run_dir / "keys-rank0.jsonl"
        mark = f'"step":{step},'
        wait_until(lambda: path.exists() and mark in path.read_text())


def copy(run_dir: Path, target: Path) -> Path:
    shutil.copytree(run_dir, target, symlinks=True)
    return target
