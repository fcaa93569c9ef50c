"""One training run from a config: open the data, plan, build model and trainer, train, save.

Cost before the first step: the imports of torch, transformers and ms-swift (10 to 20 s), one scan of the JSONL files, the lengths
of their records (cached), and the model.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.config.checks import config_warnings
from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.datasets.fingerprint import fingerprint_of
from src.datasets.lengths import LengthOf
from src.datasets.plan import SampleKey
from src.datasets.preparation import RunData, evaluation_plan, prepare
from src.datasets.run_record import write_record
from src.datasets.unified_fusion_dataset import UnifiedFusionDataset
from src.errors import ProjectError
from src.files import write_text
from src.generation.grounding import grounding_of_run, write_grounding
from src.generation.held_out import HeldOutSet, batches_of, held_out_sets, section_rules
from src.generation.types import GenerationOptions
from src.training.best_metric import check_best_metric, figure_names
from src.training.checkpoints import Checkpoint, put_in_place
from src.training.progress_page import ProgressPage
from src.training.rendering import render_sample
from src.training.resume import check_plan, take_back
from src.training.signals import StopSignals
from src.training.torchvision_shim import ensure_torchvision
from src.utils.logger import get_logger, rank, world_size

if TYPE_CHECKING:
    from src.training.ms_swift.engine import SwiftEngine
    from src.training.ms_swift.generated import GeneratedEvaluation
    from src.training.ms_swift.saving import SavingPolicy
    from src.training.ms_swift.trainer import PlannedTrainer

logger = get_logger(__name__)
Dataset = UnifiedFusionDataset[dict[str, Any]]


def open_lengths(config: TrainingConfig) -> LengthOf:
    """How long samples are for the config's checkpoint; no weights are read."""
    ensure_torchvision()
    from src.training.ms_swift.lengths import SwiftLength, open_template

    return SwiftLength(open_template(config))


def _quarantine_dir(config: TrainingConfig) -> Path | None:
    """Where quarantined records are written; None when nothing may be quarantined or no folder is named."""
    custom = config.custom
    wanted = "quarantine" in (custom.on_invalid_record, custom.on_over_long)
    folder = config.training.get("output_dir")
    return resolve_path(folder) / "quarantine" if wanted and folder else None


class TrainingRun:
    """A run with its data planned and its model loaded; `dry` builds no trainer and writes nothing."""

    def __init__(
        self, config: TrainingConfig, *, dry: bool = False, resumed: Checkpoint | None = None
    ) -> None:
        self.config = config
        self.resumed = resumed
        for warning in config_warnings(config):
            logger.warning("%s", warning)
        # Data first: a broken line should be told before minutes of loading.
        self.data: RunData = prepare(
            config,
            lambda: open_lengths(config),
            rank=rank(),
            world_size=world_size(),
            quarantine_dir=None if dry or rank() != 0 else _quarantine_dir(config),
        )
        evaluates = bool(self.data.val) and config.training.get("eval_strategy", "no") != "no"
        self._rules = {m.name: section_rules(m.opened.spec) for m in self.data.val}
        self._held_out: tuple[HeldOutSet, ...] = ()
        if evaluates and config.custom.evaluation.enabled:
            self._held_out = held_out_sets(config, self.data.val)
        if evaluates:
            check_best_metric(config, list(self._rules), figure_names(self._held_out, self._rules))
        from src.training.ms_swift.session import Session

        self.evaluates = evaluates and not dry
        self.session = Session(config, self.data.grid, has_eval=self.evaluates)
        self.dataset: Dataset = UnifiedFusionDataset(
            self.data.training_sets(config), self.data.plan, self.session.encoder()
        )
        self.generated = self._generated()
        self.trainer: PlannedTrainer | None = None
        self._fingerprint: dict[str, str] = {}  # rank 0 alone needs it

    @property
    def run_dir(self) -> Path:
        return self.session.run_dir

    def _val_dataset(self) -> Dataset | None:
        if not self.evaluates:
            return None
        members = tuple(member.dataset for member in self.data.val)
        plan = evaluation_plan(self.data.val)
        return UnifiedFusionDataset(members, plan, self.session.encoder())

    def open_folder(self) -> None:
        """On rank 0, before training: take the folder back to the resumed checkpoint, write fingerprint, plan and first samples.

        `ConfigError` when the checkpoint belongs to another plan; nothing is changed then.
        """
        self._fingerprint = fingerprint_of(self.config, self.data)
        if self.resumed is not None:
            allowed = self.config.custom.resume.allow_changed
            check_plan(self.resumed, self._fingerprint, allow_changed=allowed)
        take_back(self.run_dir, self.resumed.step if self.resumed else 0)
        text = json.dumps(self._fingerprint, indent=1) + "\n"
        write_text(self.run_dir / "fingerprint.json", text)
        write_record(self.run_dir, self.data)
        write_text(self.run_dir / "samples.txt", self.samples() + "\n")

    def train(self, stop: StopSignals) -> dict[str, Any]:
        """Train to the end or until `stop` has received a signal; see `stopped_by`."""
        self.trainer = self.session.trainer(
            self.dataset,
            self._val_dataset(),
            saving=self.saving(),
            stop=stop,
            generated=self.generated,
        )
        return self.session.train(self.trainer)

    def _generated(self) -> GeneratedEvaluation | None:
        """What is generated at each evaluation; None when the config asks for nothing."""
        from src.training.ms_swift.generated import GeneratedEvaluation

        wanted = self.config.custom.evaluation
        if not wanted.enabled or not self.evaluates:
            return None
        return GeneratedEvaluation(
            batches=batches_of(self._held_out, wanted.batch_size),
            options=GenerationOptions(
                max_new_tokens=wanted.max_new_tokens, max_repeats=wanted.max_repeats
            ),
            page=ProgressPage(self.run_dir, num_pictures=wanted.pictures, rules=self._rules),
            skips_unreadable=self.config.custom.on_late_failure == "filler",
        )

    def saving(self) -> SavingPolicy:
        """When checkpoints are written, and what they say of the run."""
        from src.training.ms_swift.saving import SavingPolicy

        training = self.config.training
        return SavingPolicy(
            save_total_limit=training.get("save_total_limit"),
            delay_steps=training.get("save_delay_steps") or 0,
            delay_epochs=training.get("save_delay_epochs") or 0.0,
            fingerprint=self._fingerprint,
            resumed=self.resumed,
        )

    @property
    def stopped_by(self) -> int:
        """The signal that ended training before its end; 0 when none did."""
        return 0 if self.trainer is None else self.trainer.stopped_by

    @property
    def weights(self) -> str:
        """Which step's weights the trained model has: the last one's, or the best one's when the config loads that."""
        assert self.trainer is not None, "train first"
        state, args = self.trainer.state, self.trainer.args
        if args.load_best_model_at_end and state.best_model_checkpoint is not None:
            figure = f"{args.metric_for_best_model} {state.best_metric:.4g}"
            return f"step {state.best_global_step} of {state.global_step}, the best: {figure}"
        return f"step {state.global_step}, the last"

    def save(self) -> Path:
        """Final weights with their `grounding.json` in `run_dir/final`, complete or absent, outside `save_total_limit`."""
        assert self.trainer is not None, "train first"
        folder, written = self.run_dir / "final", self.run_dir / "final.partial"
        if rank() == 0:
            shutil.rmtree(written, ignore_errors=True)
        self.trainer.wait_for_all()
        self.session.save(self.trainer, written)
        self.trainer.wait_for_all()
        if rank() == 0:
            write_grounding(written, grounding_of_run(self.config))
            put_in_place(written, folder)
            self._finish_page()
        return folder

    def _finish_page(self) -> None:
        """The progress page once more, with the losses that were logged since the last evaluation."""
        if self.generated is None:
            return
        try:
            self.generated.page.write()
        except ProjectError as error:
            logger.warning("%s is not up to date: %s", self.generated.page.path, error)

    def engine(self) -> SwiftEngine:
        """Generation with the weights in memory."""
        return self.session.engine()

    def samples(self) -> str:
        """The first samples of epoch 0 as the model sees them."""
        plan = self.data.plan
        keys = plan.global_batch(0, 0)[: self.config.custom.dump_samples]
        return "\n\n".join(self._rendered(key) for key in keys)

    def _rendered(self, key: SampleKey) -> str:
        sample = self.dataset[key]
        return render_sample(
            key, self.dataset.conversation(key), sample.encoded, self.session.tokenizer
        )

    def summary(self) -> str:
        """One screen: records, tokens, steps, parameters and rates, and one rendered sample."""
        from src.training.summary import summarise

        return summarise(self)
