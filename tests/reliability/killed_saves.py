"""Many saves of one checkpoint by the real trainer, each killed at another point; run through `forked_training`.

A run of one step leaves a complete `checkpoint-1`. Its trainer, with weights moved on, then saves `checkpoint-2` in a fork for
each point, in a copy of the run folder. Points are file operations (open for writing, fsync, rename, mkdir, remove, seen by an
audit hook) before which the fork dies by SIGKILL, and files that are cut to a share of their bytes before it does.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

OPERATIONS = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink"})
CUT_FILES = ("model.safetensors", "optimizer.pt", "rng_state.pth", "training_args.bin")
CUT_SHARES = (0.02, 0.5, 0.99)


class Operations:
    """Counts the file operations of this process from now on; calls `at` before each with its number."""

    def __init__(self, at: Callable[[int], None]) -> None:
        self.count = 0
        self.at = at
        sync = os.fsync

        def fsync(descriptor: int) -> None:
            self._next()
            sync(descriptor)

        os.fsync = fsync
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or event in OPERATIONS:
            self._next()

    def _next(self) -> None:
        self.at(self.count)
        self.count += 1


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_before(operation: int) -> None:
    Operations(lambda number: die() if number == operation else None)


def kill_inside(name: str, share: float) -> None:
    """Die in the middle of writing a file: it is there, cut to a share of its bytes."""
    import torch
    import transformers.modeling_utils as weights

    def cut(path: Path) -> None:
        if path.name == name:
            os.truncate(path, int(path.stat().st_size * share))
            die()

    plain_torch, plain_weights = torch.save, weights.safe_save_file

    def save(value: Any, file: Any, *args: Any, **kwargs: Any) -> None:
        plain_torch(value, file, *args, **kwargs)
        cut(Path(file))

    def save_weights(tensors: Any, file: Any, *args: Any, **kwargs: Any) -> None:
        plain_weights(tensors, file, *args, **kwargs)
        cut(Path(file))

    torch.save, weights.safe_save_file = save, save_weights


def trained(config: str) -> Any:
    """The trainer after one step with its `checkpoint-1`, and moved on to step 2."""
    import torch

    from src.config.loader import load_config
    from src.training.run import TrainingRun
    from src.training.signals import StopSignals

    run = TrainingRun(load_config(config).config)
    run.train(StopSignals())
    trainer = run.trainer
    assert trainer is not None
    trainer.state.global_step = 2
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.add_(0.001)
    return trainer


def in_fork(trainer: Any, run_dir: Path, prepare: Callable[[], Any]) -> int:
    """Save in a fork after `prepare`; its exit status."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            trainer.args.output_dir = str(run_dir)
            prepare()
            trainer._save_checkpoint(trainer.model, None)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(argv: Sequence[str]) -> int:
    """CONFIG FOLDER NUM_OPERATIONS: a run folder a point below FOLDER, `whole` for the save that nobody kills."""
    from transformers.trainer_utils import get_last_checkpoint

    config, folder, num_points = argv[0], Path(argv[1]), int(argv[2])
    trainer = trained(config)
    first = Path(trainer.args.output_dir)
    whole = folder / "whole"
    shutil.copytree(first, whole, symlinks=True)
    counted = folder / "operations"

    def count() -> None:
        operations = Operations(lambda number: os.write(descriptor, b"."))
        assert operations.count == 0

    descriptor = os.open(counted, os.O_WRONLY | os.O_CREAT)
    assert in_fork(trainer, whole, count) == 0
    os.close(descriptor)
    total = counted.stat().st_size
    spread = sorted({round(n * (total - 1) / (num_points - 1)) for n in range(num_points)})
    points: list[tuple[str, Callable[[], Any]]] = [
        (f"operation {n} of {total}", lambda n=n: kill_before(n)) for n in spread
    ]
    cuts = [(name, share) for name in CUT_FILES for share in CUT_SHARES][
        : 10 if num_points > 10 else 3
    ]
    points += [
        (f"{name} cut at {share:.0%}", lambda name=name, share=share: kill_inside(name, share))
        for name, share in cuts
    ]
    results = []
    for number, (what, prepare) in enumerate(points):
        run_dir = folder / f"point-{number}"
        shutil.copytree(first, run_dir, symlinks=True)
        status = in_fork(trainer, run_dir, prepare)
        results.append(
            {
                "what": what,
                "run_dir": str(run_dir),
                "status": status,
                "transformers_picks": Path(get_last_checkpoint(str(run_dir))).name,
            }
        )
    (folder / "results.json").write_text(json.dumps(results))
    return 0
