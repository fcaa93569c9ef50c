"""ms-swift's trainer with checkpoints that are complete or absent, an orderly stop, and saves that start late.

HF keeps the state of a run (weights, optimizer, scheduler, generators, trainer state); this adds what it leaves out: the loss
summed since the last log line, what a step still had to do after its save, and a marker. Rotation is taken from HF, which would
delete a good checkpoint before the new one is known to be complete.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from swift.metrics import MeanMetric
from swift.trainers import Seq2SeqTrainer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import SaveStrategy, TrainOutput

from src.files import write_text
from src.training.checkpoints import (
    Checkpoint,
    Progress,
    checkpoint_dir,
    make_room,
    mark_complete,
    rotate,
)
from src.training.signals import StopSignals

EVALUATE, EPOCH_END = "evaluate", "epoch_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingPolicy:
    """When checkpoints are written, how many stay, and what plan they belong to.

    Delays of 0 or less are off. `resumed` is the checkpoint that this run continues.
    """

    save_total_limit: int | None = None
    delay_steps: int = 0
    delay_epochs: float = 0.0
    fingerprint: Mapping[str, str]
    resumed: Checkpoint | None = None

    def delays(self, state: TrainerState) -> bool:
        """Whether the run has not yet come to where saving begins."""
        return state.global_step < self.delay_steps or float(state.epoch or 0) < self.delay_epochs


class _Watch(TrainerCallback):
    """Lets the trainer see each step's end; called after HF's own callbacks, so its word is the last."""

    def __init__(self, trainer: CheckpointedTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.trainer.begin(args)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.trainer.epoch_end_is_done = False

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.trainer.step_end(control)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.trainer.epoch_end(control)


class CheckpointedTrainer(Seq2SeqTrainer):
    """`stop` is looked at after each optimizer step; all ranks stop after the same one. `stopped_by` is the signal, or 0."""

    def __init__(self, *args: Any, saving: SavingPolicy, stop: StopSignals, **kwargs: Any) -> None:
        self.saving = saving
        self.stop = stop
        self.stopped_by = 0
        self.epoch_end_is_done = False
        self._left: tuple[str, ...] = ()
        self._group: dist.ProcessGroup | None = None
        super().__init__(*args, **kwargs)
        self.add_callback(_Watch(self))

    # --- the run's way, as `_Watch` tells it ---

    def begin(self, args: TrainingArguments) -> None:
        """Before the first step: the group for the stop signal, and what the resumed checkpoint left to do."""
        if dist.is_initialized() and dist.get_world_size() > 1:
            # A group of its own on the CPU: the default one may be NCCL, and must not wait for a GPU stream.
            self._group = dist.new_group(backend="gloo")
        resumed = self.saving.resumed
        if resumed is None:
            return
        # HF keeps the intervals of the first start; those of this one count.
        self.state.compute_steps(args, self.state.max_steps)
        self.restore_logging_state(self._saved_logging_states(resumed))
        if resumed.progress.left:
            self._catch_up(resumed)

    def step_end(self, control: TrainerControl) -> None:
        if self.state.global_step >= self.state.max_steps and self.args.eval_strategy == "steps":
            # HF saves the last step but does not evaluate it, so that it could never be the best.
            control.should_evaluate = True
        number = self._agreed_signal()
        if number:
            self.stopped_by = number
            self._left = (EVALUATE,) if control.should_evaluate else ()
            control.should_evaluate = False
            control.should_save = True
            control.should_training_stop = True
        elif self.saving.delays(self.state):
            control.should_save = False

    def epoch_end(self, control: TrainerControl) -> None:
        self.epoch_end_is_done = True
        if self.stopped_by:
            # HF comes here although the epoch is not over; what belongs here is done after the resume.
            control.should_save = control.should_evaluate = control.should_log = False
        elif self.saving.delays(self.state):
            control.should_save = False

    def _agreed_signal(self) -> int:
        """The signal that any rank has received, the same on all ranks; about 0.1 ms with several ranks on one machine."""
        if self._group is None:
            return self.stop.received
        flag = torch.tensor(self.stop.received)
        dist.all_reduce(flag, op=dist.ReduceOp.MAX, group=self._group)
        return int(flag)

    def _run_epoch(self, **kwargs: Any) -> None:
        # HF looks at max_steps after a step only, and so trains one too many when nothing was left to do.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return
        super()._run_epoch(**kwargs)

    def _finalize_training(self, *args: Any, **kwargs: Any) -> TrainOutput:
        if not self.stopped_by:
            return super()._finalize_training(*args, **kwargs)
        # Not the end of the training: no best model, no summary.
        self.control = self.callback_handler.on_train_end(self.args, self.state, self.control)
        self.is_in_train = False
        return TrainOutput(self.state.global_step, 0.0, {})

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        # A best from before the first save would have no checkpoint, and might never be beaten.
        if self.saving.delays(self.state):
            return False
        # Nor would one of a step that is not saved: the report would name its figure beside another's weights.
        if self.args.load_best_model_at_end and not self._is_saved_now():
            return False
        return bool(super()._determine_best_metric(metrics=metrics, trial=trial))

    def _is_saved_now(self) -> bool:
        """Whether this step has a checkpoint, or gets one with the evaluation that goes on."""
        if self.args.save_strategy == SaveStrategy.BEST:
            return True
        return self.control.should_save or self._own_checkpoint().is_dir()

    def _own_checkpoint(self) -> Path:
        return checkpoint_dir(Path(self.args.output_dir), self.state.global_step)

    # --- saving ---

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        folder = self._own_checkpoint()
        if self.args.should_save:
            make_room(folder)
        self.wait_for_all()
        without_state = self.args.save_only_model
        # A run that is stopped must be resumable, whatever its other checkpoints hold.
        self.args.save_only_model = without_state and not self.stopped_by
        super()._save_checkpoint(*args, **kwargs)
        resumable = not self.args.save_only_model
        self.args.save_only_model = without_state
        name = f"logging-rank{self.args.process_index}.json"
        write_text(folder / name, json.dumps(self.logging_state()))
        self.wait_for_all()
        if self.args.should_save:
            mark_complete(folder, self._progress(resumable), self.saving.fingerprint)
            super()._update_last_checkpoint_symlink(barrier=False)
            best = self.state.best_model_checkpoint
            rotate(folder.parent, self.saving.save_total_limit, Path(best) if best else None)
        self.wait_for_all()

    def _update_last_checkpoint_symlink(self, barrier: bool = True) -> None:
        """ms-swift calls this before the marker is written; `_save_checkpoint` does it after."""

    def _progress(self, resumable: bool) -> Progress:
        epoch = float(self.state.epoch or 0)
        owes_epoch_end = epoch.is_integer() and not self.epoch_end_is_done
        return Progress(
            step=self.state.global_step,
            epoch=epoch,
            world_size=self.args.world_size,
            left=(*self._left, *((EPOCH_END,) if owes_epoch_end else ())),
            resumable=resumable,
        )

    def wait_for_all(self) -> None:
        """Return when every rank has come here."""
        if self._group is not None:
            dist.barrier(group=self._group)

    # --- what HF does not keep ---

    def logging_state(self) -> dict[str, Any]:
        """What has been summed up on this rank since the last log line; JSON."""
        return {
            "loss": float(self._tr_loss),
            "last_logged": self._globalstep_last_logged,
            "means": {
                name: [float(metric.state), int(metric.count)]
                for name, metric in self.custom_metrics["train"].items()
                if isinstance(metric, MeanMetric)
            },
        }

    def restore_logging_state(self, states: Sequence[dict[str, Any]]) -> None:
        """Take up the sums of the ranks that saved (one dictionary each); another number of ranks shares them out."""
        own = self.args.process_index
        is_same_world = len(states) == self.args.world_size
        losses = [state["loss"] for state in states]
        # The logged loss is the mean over ranks, so each new rank may stand for the mean of the old ones.
        self._tr_loss.fill_(losses[own] if is_same_world else sum(losses) / len(losses))
        self._globalstep_last_logged = states[0]["last_logged"]
        mine = [states[own]] if is_same_world else list(states) if own == 0 else []
        for state in mine:
            for name, (total, count) in state["means"].items():
                metric = self.custom_metrics["train"][name]
                metric.state += total
                metric.count += count

    def _saved_logging_states(self, resumed: Checkpoint) -> list[dict[str, Any]]:
        ranks = range(resumed.progress.world_size)
        paths = [resumed.path / f"logging-rank{number}.json" for number in ranks]
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def _catch_up(self, resumed: Checkpoint) -> None:
        """Do what the uninterrupted run did between the resumed save and its next step."""
        self.control.should_log = self.control.should_evaluate = self.control.should_save = False
        for left in resumed.progress.left:
            if left == EVALUATE:
                self.control.should_evaluate = True
            else:
                self.control = self.callback_handler.on_epoch_end(
                    self.args, self.state, self.control
                )
            epoch = int(self.state.epoch or 0)
            self._maybe_log_save_evaluate(
                self._tr_loss, None, self.model_wrapped, None, epoch, None, time.time()
            )
        # HF names the best checkpoint when it saves; the one of this step was saved before it was evaluated.
        if (
            self.state.best_global_step == self.state.global_step
            and self._own_checkpoint().is_dir()
        ):
            self.state.best_model_checkpoint = str(self._own_checkpoint())

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """HF's evaluation, which leaves the generator of the training where it was.

        A data loader draws a seed from it when its workers start: once a process, so again after a resume.
        """
        before = torch.get_rng_state()
        metrics: dict[str, float] = super().evaluate(*args, **kwargs)
        torch.set_rng_state(before)
        return metrics
