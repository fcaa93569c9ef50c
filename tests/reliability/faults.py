"""Faults that are planted in a run to show that a reliability test sees them."""

from __future__ import annotations


def plant(name: str | None) -> None:
    """Change the code of this process so that it has the named fault."""
    if name is not None:
        {"skip": _skip_one_too_many, "no optimizer": _forget_optimizer, "logs": _keep_logs}[name]()


def _skip_one_too_many() -> None:
    """A resumed epoch begins one optimizer step late."""
    from src.datasets.sampler import PlanBatchSampler

    plain = PlanBatchSampler.__init__

    def faulty(self, plan, grid, *, skip_batches=0):
        extra = grid.accumulation_steps if skip_batches else 0
        plain(self, plan, grid, skip_batches=skip_batches + extra)

    PlanBatchSampler.__init__ = faulty


def _forget_optimizer() -> None:
    """A resumed run starts with an empty optimizer."""
    from src.training.ms_swift.saving import CheckpointedTrainer

    CheckpointedTrainer._load_optimizer_and_scheduler = lambda self, checkpoint: None


def _keep_logs() -> None:
    """Logs are not cut back."""
    from src.training import resume

    resume.cut_logs = lambda run_dir, step: None
