"""ms-swift's trainer with answers generated and scored at each evaluation.

Each rank generates whole batches of a list that is the same for every number of ranks; rank 0 gathers, scores, and tells the
figures to all, so that every rank chooses the same best checkpoint. The figures join HF's own metrics before they are logged:
`metric_for_best_model` and callbacks see them as they see `eval_loss`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch.distributed as dist
from swift.infer_engine import TransformersEngine
from swift.trainers import Seq2SeqTrainer
from swift.utils import unwrap_model_for_generation
from transformers.trainer_utils import EvalLoopOutput

from src.contract.predictions import Prediction, prediction_to_line
from src.errors import ProjectError
from src.generation.held_out import HeldOutBatch, predict_share
from src.generation.types import GenerationOptions
from src.report.sheet import sheet_pixels
from src.training.ms_swift.engine import SwiftEngine
from src.training.ms_swift.trackers import show_picture
from src.training.progress_page import Figures, ProgressPage
from src.utils.logger import get_logger, rank, world_size

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedEvaluation:
    """What to generate at each evaluation, and where it goes. `skips_unreadable`: a picture that is gone does not end the run."""

    batches: Sequence[HeldOutBatch]
    options: GenerationOptions
    page: ProgressPage
    skips_unreadable: bool


class GeneratingTrainer(Seq2SeqTrainer):
    """`generated` None: only what HF evaluates."""

    def __init__(self, *args: Any, generated: GeneratedEvaluation | None, **kwargs: Any) -> None:
        self.generated = generated
        super().__init__(*args, **kwargs)

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        output = super().evaluation_loop(*args, **kwargs)
        if self.generated is not None:
            figures = self._generate_and_score(self.generated)
            output.metrics.update({f"eval_{name}": value for name, value in figures.items()})
        return output

    def _generate_and_score(self, wanted: GeneratedEvaluation) -> Figures:
        began = time.perf_counter()
        share = self._generate(wanted)
        lines = {
            number: [prediction_to_line(item) for item in found] for number, found in share.items()
        }
        tokens = sum(item.num_tokens for found in share.values() for item in found)
        everything = _gathered((lines, tokens))
        figures: Figures = {}
        if rank() == 0:
            merged = {number: batch for own, _ in everything for number, batch in own.items()}
            in_order = [line for number in sorted(merged) for line in merged[number]]
            figures = wanted.page.add(self.state.global_step, in_order)
            figures["generated_samples"] = len(in_order)
            figures["generated_tokens"] = sum(count for _, count in everything)
            figures["generation_seconds"] = time.perf_counter() - began
            self._show(wanted.page)
        return _told(figures)

    def _generate(self, wanted: GeneratedEvaluation) -> dict[int, list[Prediction]]:
        """This rank's answers by batch."""
        context = unwrap_model_for_generation(
            self.model_wrapped, self.accelerator, gather_deepspeed3_params=True
        )
        with context as model, self.template.generate_context():
            engine = SwiftEngine(TransformersEngine(model, template=self.template))
            return predict_share(
                wanted.batches,
                engine,
                wanted.options,
                wanted.page.folder,
                rank=rank(),
                world_size=world_size(),
                skips_unreadable=wanted.skips_unreadable,
            )

    def _show(self, page: ProgressPage) -> None:
        step = self.state.global_step
        try:
            logger.info("predictions after step %d: %s", step, page.write())
            samples = page.samples(step)
            if samples:
                pixels = sheet_pixels(samples)
                show_picture(self.callback_handler.callbacks, "predictions", pixels, step)
        except ProjectError as error:
            # A picture that is gone or a full disk: the figures are known, and the training is worth more than its page.
            logger.warning("the pictures of step %d are not shown: %s", step, error)


def _gathered(mine: Any) -> list[Any]:
    """`mine` of every rank, by rank; on all ranks."""
    if world_size() == 1:
        return [mine]
    everyone: list[Any] = [None] * world_size()
    dist.all_gather_object(everyone, mine)
    return everyone


def _told(figures: Figures) -> Figures:
    """Rank 0's figures, on all ranks."""
    if world_size() == 1:
        return figures
    box = [figures]
    dist.broadcast_object_list(box, src=0)
    return box[0]
