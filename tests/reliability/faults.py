"""Faults that are planted in a run to show that a reliability test sees them."""

from __future__ import annotations

import shutil
import signal


def plant(name: str | None) -> None:
    """Change the code of this process so that it has the named fault."""
    if name is not None:
        FAULTS[name]()


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


def _forget_loss_sum() -> None:
    """The loss since the last log line begins anew."""
    from src.training.ms_swift.saving import CheckpointedTrainer

    CheckpointedTrainer.restore_logging_state = lambda self, states: None


def _keep_logs() -> None:
    """Logs are not cut back."""
    from src.training import resume

    resume.cut_logs = lambda run_dir, step: None


def _mark_first() -> None:
    """The marker is written when a save begins."""
    from src.training.checkpoints import Progress, mark_complete
    from src.training.ms_swift import saving

    plain = saving.make_room

    def faulty(folder):
        plain(folder)
        folder.mkdir()
        step = int(folder.name.removeprefix("checkpoint-"))
        mark_complete(folder, Progress(step=step, epoch=0.0, world_size=1), {})

    saving.make_room = faulty


def _rotate_first() -> None:
    """Old checkpoints go before the new one is complete, as HF does it."""
    from src.training.ms_swift import saving

    plain = saving.make_room

    def faulty(folder):
        for old in folder.parent.glob("checkpoint-*"):
            shutil.rmtree(old)
        plain(folder)

    saving.make_room = faulty


def _forget_generators() -> None:
    """A resumed run draws its random numbers anew."""
    from src.training.ms_swift.saving import CheckpointedTrainer

    CheckpointedTrainer._load_rng_state = lambda self, checkpoint: None


def _stop_after_step_8() -> None:
    """Not a fault: SIGTERM arrives in the last moment of step 8."""
    from src.training.ms_swift.saving import CheckpointedTrainer

    plain = CheckpointedTrainer.step_end

    def stopping(self, control):
        if self.state.global_step == 8:
            signal.raise_signal(signal.SIGTERM)
        plain(self, control)

    CheckpointedTrainer.step_end = stopping


def _workers_obey() -> None:
    """Data workers die of a signal that was sent to the whole group."""
    from src.training.ms_swift import trainer

    trainer.leave_stopping_to_parent = lambda: None


def _script_figures() -> None:
    """Not a fault: the evaluation after step 4 finds most, whatever the model answers."""
    from src.training.progress_page import ProgressPage

    plain = ProgressPage.add

    def scripted(self, step, lines):
        return plain(self, step, lines) | {"f1_50": {2: 0.2, 4: 0.9}.get(step, 0.5)}

    ProgressPage.add = scripted


def _raise_loss() -> None:
    """Not a fault: the evaluation loss rises from step to step, so that the first one is the best."""
    from src.training.ms_swift.saving import CheckpointedTrainer

    plain = CheckpointedTrainer.evaluate

    def rising(self, *args, **kwargs):
        return plain(self, *args, **kwargs) | {"eval_loss": float(self.state.global_step)}

    CheckpointedTrainer.evaluate = rising


FAULTS = {
    "loss rises": _raise_loss,
    "scripted figures": _script_figures,
    "workers obey": _workers_obey,
    "no generators": _forget_generators,
    "stop after step 8": _stop_after_step_8,
    "skip": _skip_one_too_many,
    "no optimizer": _forget_optimizer,
    "no loss sum": _forget_loss_sum,
    "logs": _keep_logs,
    "marker first": _mark_first,
    "rotate first": _rotate_first,
}
