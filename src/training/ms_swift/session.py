"""A model, its template and its trainer, built by ms-swift from a `TrainingConfig`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swift.infer_engine import TransformersEngine
from swift.optimizers.multimodal import get_param_startswith
from swift.pipelines.train.sft import SwiftSft

from src.config.schema import TrainingConfig
from src.datasets.batches import BatchGrid
from src.datasets.late_failure import LateFailures
from src.datasets.unified_fusion_dataset import SequentialView, UnifiedFusionDataset
from src.training.ms_swift.arguments import swift_arguments
from src.training.ms_swift.encoding import FrameEncoder
from src.training.ms_swift.engine import SwiftEngine
from src.training.ms_swift.generated import GeneratedEvaluation
from src.training.ms_swift.loading import forbid_remote_code
from src.training.ms_swift.pixels import fast_encoder, restorer_of
from src.training.ms_swift.saving import SavingPolicy
from src.training.ms_swift.template import SwiftEncoder, fit_token_ids
from src.training.ms_swift.trainer import PlannedTrainer
from src.training.ms_swift.vision import keep_vision_in_graph
from src.training.signals import StopSignals
from src.utils.logger import rank


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleGroup:
    """One group of the optimizer: its parameters and learning rate, for the summary."""

    name: str
    num_trainable: int
    num_total: int
    learning_rate: float


class Session:
    """The model and template of one run; `trainer` and `train` come after the data are open."""

    def __init__(self, config: TrainingConfig, grid: BatchGrid, *, has_eval: bool) -> None:
        forbid_remote_code()
        self.config = config
        self.grid = grid
        self.args = swift_arguments(config, grid, has_eval=has_eval)
        self.pipeline = SwiftSft(self.args)
        self.template = self.pipeline.template
        fit_token_ids(self.template)
        self.model = self.pipeline.prepare_model(
            self.args, self.pipeline.model, template=self.template, train_dataset=None
        )
        self.pipeline.model = self.model
        keep_vision_in_graph(self.template.get_base_model(self.model))

    @property
    def run_dir(self) -> Path:
        return Path(self.args.output_dir)

    def encoder(self) -> SwiftEncoder | FrameEncoder:
        if self.config.custom.pixel_path == "stock":
            return SwiftEncoder(self.template)
        return fast_encoder(self.template)

    def trainer(
        self,
        train: UnifiedFusionDataset[dict[str, Any]],
        val: UnifiedFusionDataset[dict[str, Any]] | None,
        *,
        saving: SavingPolicy,
        stop: StopSignals,
        generated: GeneratedEvaluation | None = None,
    ) -> PlannedTrainer:
        """The trainer over the plan of `train`."""
        return PlannedTrainer(
            model=self.model,
            args=self.args.training_args,
            template=self.template,
            train_dataset=train,
            eval_dataset=None if val is None else SequentialView(val),
            grid=self.grid,
            saving=saving,
            stop=stop,
            generated=generated,
            restore=restorer_of(self.template.processor.image_processor),
            key_log=self.run_dir / f"keys-rank{rank()}.jsonl"
            if self.config.custom.log_sample_keys
            else None,
            dataset_names={"train": train.names, "eval": () if val is None else val.names},
            metrics_file=self.run_dir / "metrics.jsonl",
            quarantined=sum(member.source.quarantined for member in train.members),
            late=LateFailures(
                policy=self.config.custom.on_late_failure,
                make_filler=self.encoder().filler,
                log=self.run_dir / "quarantine" / "late.jsonl",
            ),
        )

    def train(self, trainer: PlannedTrainer) -> dict[str, Any]:
        """Run ms-swift's training loop; returns its message (log history, last checkpoint, ...)."""
        self.args.save_args()
        return self.pipeline.train(trainer)

    def save(self, trainer: PlannedTrainer, folder: Path) -> None:
        """Weights, tokenizer and processor into `folder` (all ranks call it; rank 0 writes)."""
        trainer.save_model(str(folder))

    @property
    def tokenizer(self) -> Any:
        return self.template.processor.tokenizer

    def engine(self) -> SwiftEngine:
        """Greedy generation with the weights in memory; training is over when this is called."""
        engine = TransformersEngine(self.model, template=self.template)
        return SwiftEngine(engine)

    def module_groups(self) -> list[ModuleGroup]:
        """Vision tower, aligner and language model with the rates that the optimizer gives them."""
        base = self.model
        arch = base.model_meta.model_arch
        training = self.args.training_args
        trainable = {name: p for name, p in base.named_parameters() if p.requires_grad}
        aligner = {id(p) for _, p in get_param_startswith(base, arch.aligner)}
        vision = {id(p) for _, p in get_param_startswith(base, arch.vision_tower, arch.aligner)}
        rates = {
            "vision tower": training.vit_lr,
            "aligner": training.aligner_lr,
            "language model": None,
        }
        if training.optimizer != "multimodal":
            rates = dict.fromkeys(rates)
        groups = []
        for name, ids in (("vision tower", vision), ("aligner", aligner), ("language model", None)):
            chosen = [
                p
                for p in trainable.values()
                if (id(p) in ids if ids is not None else id(p) not in aligner | vision)
            ]
            groups.append(
                ModuleGroup(
                    name=name,
                    num_trainable=sum(p.numel() for p in chosen),
                    num_total=_total(base, name, arch),
                    learning_rate=rates[name]
                    if rates[name] is not None
                    else training.learning_rate,
                )
            )
        return groups


def _total(model: Any, name: str, arch: Any) -> int:
    """All parameters of a module group, frozen ones included."""
    counts = {"vision tower": 0, "aligner": 0, "language model": 0}
    for path, parameter in model.named_parameters():
        if any(part in path for part in arch.aligner):
            counts["aligner"] += parameter.numel()
        elif any(part in path for part in arch.vision_tower):
            counts["vision tower"] += parameter.numel()
        else:
            counts["language model"] += parameter.numel()
    return counts[name]
