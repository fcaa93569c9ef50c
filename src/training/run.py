"""One training run from a config: open the data, build model and trainer, train, save.

Cost before the first step: the imports of torch, transformers and ms-swift (10 to 20 s), the model, one scan of the JSONL files
and one tokenisation of every record (its length must be known before the plan is made).
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.config.checks import config_warnings
from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.datasets.assembly import (
    OpenedData,
    Split,
    augmentation_pipeline,
    builder_config,
    make_budget,
    make_builder,
    make_prompts,
    measure,
    open_split,
    without_over_long,
)
from src.datasets.augmentation.pipeline import Pipeline
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.fingerprint import plan_fingerprint
from src.datasets.plan import EpochPlan, SampleKey
from src.files import write_text
from src.generation.grounding import grounding_of, write_grounding
from src.training.checkpoints import Checkpoint, put_in_place
from src.training.rendering import render_sample
from src.training.resume import check_plan, take_back
from src.training.signals import StopSignals
from src.training.torchvision_shim import ensure_torchvision
from src.utils.logger import get_logger, rank

if TYPE_CHECKING:
    from src.training.ms_swift.engine import SwiftEngine
    from src.training.ms_swift.saving import SavingPolicy
    from src.training.ms_swift.session import Session
    from src.training.ms_swift.trainer import PlannedTrainer

logger = get_logger(__name__)
Dataset = DenseCaptionDataset[dict[str, Any]]


def _session(config: TrainingConfig, has_eval: bool) -> Session:
    ensure_torchvision()
    from src.training.ms_swift.session import Session

    return Session(config, has_eval=has_eval)


def _quarantine_dir(config: TrainingConfig) -> Path | None:
    """Where quarantined records are written; None when nothing may be quarantined or no folder is named."""
    custom = config.custom
    wanted = "quarantine" in (custom.on_invalid_record, custom.on_over_long)
    folder = config.training.get("output_dir")
    return resolve_path(folder) / "quarantine" if wanted and folder else None


class TrainingRun:
    """A run with its data open and its model loaded; `dry` builds no trainer and writes nothing."""

    def __init__(
        self, config: TrainingConfig, *, dry: bool = False, resumed: Checkpoint | None = None
    ) -> None:
        self.config = config
        self.resumed = resumed
        for warning in config_warnings(config):
            logger.warning("%s", warning)
        self.budget = make_budget(config)
        # Data first: a broken line should be told before minutes of loading.
        self.aside = None if dry or rank() != 0 else _quarantine_dir(config)
        opened = {
            split: open_split(config, split, quarantine_dir=self.aside)
            for split in ("train", "val")
        }
        assert opened["train"] is not None
        self.session = _session(config, has_eval=not dry and self._evaluates())
        self.train_data, self.lengths = self._fitted("train", opened["train"])
        self.val_data = self._fitted("val", opened["val"])[0] if opened["val"] else None
        self.plan = EpochPlan(
            seed=config.custom.seed,
            num_rows=len(self.train_data.source),
            effective_batch_size=self.session.effective_batch_size(),
            shuffle=config.custom.shuffle,
        )
        self.dataset = self._dataset(
            self.train_data, self.plan, augmentation_pipeline(config, self.total_steps)
        )
        self.trainer: PlannedTrainer | None = None
        self._fingerprint: dict[str, str] = {}  # rank 0 alone needs it

    @property
    def run_dir(self) -> Path:
        return self.session.run_dir

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        training = self.session.args.training_args
        if training.max_steps > 0:
            return int(training.max_steps)
        return math.ceil(training.num_train_epochs * self.plan.steps_per_epoch)

    def _evaluates(self) -> bool:
        strategy = self.config.training.get("eval_strategy", "no")
        return self.config.custom.val_jsonl is not None and strategy != "no"

    def _fitted(self, split: Split, data: OpenedData) -> tuple[OpenedData, np.ndarray]:
        """The split without over-long samples, and the lengths of what is left."""
        builder = make_builder(self.config, data.source.name)
        lengths = measure(data, self.budget, builder, self.session.length())
        limit = self.config.global_max_length
        kept = without_over_long(
            data,
            lengths,
            limit,
            self.config.custom.on_over_long,
            quarantine_path=self.aside / f"{split}_over_long.jsonl" if self.aside else None,
        )
        return kept, lengths if limit is None else lengths[lengths <= limit]

    def _dataset(
        self, data: OpenedData, plan: EpochPlan, pipeline: Pipeline | None = None
    ) -> Dataset:
        return DenseCaptionDataset(
            data.source,
            plan,
            self.budget,
            make_builder(self.config, data.source.name),
            self.session.encoder(),
            pipeline,
        )

    def _val_dataset(self) -> Dataset | None:
        if self.val_data is None or not self._evaluates():
            return None
        rows = len(self.val_data.source)
        plan = EpochPlan(seed=0, num_rows=rows, effective_batch_size=1, shuffle=False)
        return self._dataset(self.val_data, plan)

    def fingerprint(self) -> dict[str, str]:
        """What the samples of the run depend on; reads the data file once, so only rank 0 asks."""
        config = self.config
        augmentation = asdict(config.custom.augmentation) if self.dataset.pipeline else None
        if config.custom.augmentation.curriculum:
            augmentation = {"total_steps": self.total_steps, **(augmentation or {})}
        return plan_fingerprint(
            seed=config.custom.seed,
            effective_batch_size=self.plan.effective_batch_size,
            shuffle=config.custom.shuffle,
            sources=[self.train_data.source],
            settings={
                "custom.augmentation": augmentation,
                "pixel budget": asdict(self.budget),
                "text format": asdict(builder_config(config)),
                "prompts": asdict(make_prompts(config)),
                # Only the prefix of an answer may name the data set.
                "data set name": self.train_data.source.name
                if "{dataset}" in (config.custom.assistant_prefix_format or "")
                else None,
            },
        )

    def open_folder(self) -> None:
        """On rank 0, before training: take the folder back to the resumed checkpoint, write fingerprint and first samples.

        `ConfigError` when the checkpoint belongs to another plan; nothing is changed then.
        """
        self._fingerprint = self.fingerprint()
        if self.resumed is not None:
            allowed = self.config.custom.resume.allow_changed
            check_plan(self.resumed, self._fingerprint, allow_changed=allowed)
            take_back(self.resumed)
        text = json.dumps(self._fingerprint, indent=1) + "\n"
        write_text(self.run_dir / "fingerprint.json", text)
        write_text(self.run_dir / "samples.txt", self.samples() + "\n")

    def train(self, stop: StopSignals) -> dict[str, Any]:
        """Train to the end or until `stop` has received a signal; see `stopped_by`."""
        self.trainer = self.session.trainer(
            self.dataset,
            self._val_dataset(),
            saving=self._saving(),
            stop=stop,
        )
        return self.session.train(self.trainer)

    def _saving(self) -> SavingPolicy:
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
            write_grounding(written, grounding_of(self.config))
            put_in_place(written, folder)
        return folder

    def engine(self) -> SwiftEngine:
        """Generation with the weights in memory."""
        return self.session.engine()

    def samples(self) -> str:
        """The first samples of epoch 0 as the model sees them."""
        count = min(self.config.custom.dump_samples, self.plan.effective_batch_size)
        keys = self.plan.global_batch(0, 0)[:count]
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
