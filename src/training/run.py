"""One training run from a config: open the data, plan, build model and trainer, train, save.

Cost before the first step: the imports of torch, transformers and ms-swift (10 to 20 s), one scan of the JSONL files, the lengths
of their records (cached), and the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.config.checks import config_warnings
from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.datasets.lengths import LengthOf
from src.datasets.plan import SampleKey
from src.datasets.preparation import RunData, evaluation_plan, prepare
from src.datasets.unified_fusion_dataset import UnifiedFusionDataset
from src.files import write_text
from src.generation.grounding import grounding_of, write_grounding
from src.training.rendering import render_sample
from src.training.torchvision_shim import ensure_torchvision
from src.utils.logger import get_logger, rank, world_size

if TYPE_CHECKING:
    from src.training.ms_swift.engine import SwiftEngine
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

    def __init__(self, config: TrainingConfig, *, dry: bool = False) -> None:
        self.config = config
        for warning in config_warnings(config):
            logger.warning("%s", warning)
        # Data first: a broken line should be told before minutes of loading.
        self.data: RunData = prepare(
            config,
            open_lengths(config),
            rank=rank(),
            world_size=world_size(),
            quarantine_dir=None if dry or rank() != 0 else _quarantine_dir(config),
        )
        from src.training.ms_swift.session import Session

        self.evaluates = (
            bool(self.data.val) and not dry and (config.training.get("eval_strategy", "no") != "no")
        )
        self.session = Session(config, self.data.grid, has_eval=self.evaluates)
        self.dataset: Dataset = UnifiedFusionDataset(
            self.data.training_sets(config), self.data.plan, self.session.encoder()
        )
        self.trainer: PlannedTrainer | None = None

    @property
    def run_dir(self) -> Path:
        return self.session.run_dir

    def _val_dataset(self) -> Dataset | None:
        if not self.evaluates:
            return None
        members = tuple(member.dataset for member in self.data.val)
        plan = evaluation_plan(self.data.val)
        return UnifiedFusionDataset(members, plan, self.session.encoder())

    def train(self) -> dict[str, Any]:
        """Train to the end; the run folder gets the rendered first samples."""
        if rank() == 0:
            write_text(self.run_dir / "samples.txt", self.samples() + "\n")
        self.trainer = self.session.trainer(self.dataset, self._val_dataset())
        return self.session.train(self.trainer)

    def save(self) -> Path:
        """Final weights with their `grounding.json` in `run_dir/final`."""
        assert self.trainer is not None, "train first"
        folder = self.run_dir / "final"
        self.session.save(self.trainer, folder)
        if rank() == 0:
            write_grounding(folder, grounding_of(self.config))
        return folder

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
