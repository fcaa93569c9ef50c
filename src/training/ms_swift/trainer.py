"""ms-swift's SFT trainer over this project's batch plan.

Only the data loader is replaced: everything between `training_step` and the optimizer is ms-swift's and HF's. Sample keys ride
along with each batch and are taken out again before the model sees it, so that what was trained on is known, not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import torch
from swift.dataloader import DataLoaderShard

from src.datasets.batches import BatchGrid
from src.datasets.plan import SampleKey
from src.datasets.sampler import PlanBatchSampler
from src.datasets.unified_fusion_dataset import KeyedSample, UnifiedFusionDataset
from src.training.ms_swift.pixels import PixelRestorer
from src.training.ms_swift.saving import CheckpointedTrainer
from src.training.signals import leave_stopping_to_parent
from src.training.torchvision_shim import ensure_torchvision
from src.utils.heap import keep_heap
from src.utils.logger import rank

KEYS = "sample_keys"
DATASETS = "sample_datasets"


def collate(
    samples: Sequence[KeyedSample[dict[str, Any]]], *, pad: Callable[[list[dict[str, Any]]], dict]
) -> dict[str, Any]:
    """A padded batch of the template's own collator, plus `sample_keys`, int64 (batch, 3), and `sample_datasets`, (batch,)."""
    batch = pad([sample.encoded for sample in samples])
    batch[KEYS] = torch.tensor([sample.key for sample in samples], dtype=torch.int64)
    batch[DATASETS] = torch.tensor([sample.dataset for sample in samples], dtype=torch.int64)
    return batch


def start_worker(_worker_id: int) -> None:
    """One thread a worker: the cores belong to the ranks, and spinning threads would take them."""
    leave_stopping_to_parent()
    torch.set_num_threads(1)
    keep_heap()
    ensure_torchvision()


class PlannedTrainer(CheckpointedTrainer):
    """`train_dataset` must be a `UnifiedFusionDataset`; `grid` says how this rank cuts global batches.

    With `key_log` set, each optimizer micro-batch's keys are appended to that file as they are trained on.
    """

    train_dataset: UnifiedFusionDataset[dict[str, Any]]

    def __init__(
        self,
        *args: Any,
        grid: BatchGrid,
        restore: PixelRestorer,
        key_log: Path | None,
        **kwargs: Any,
    ) -> None:
        self.grid = grid
        self.restore = restore
        self.key_log = key_log
        super().__init__(*args, **kwargs)

    def _get_data_collator(self, args: Any, template: Any) -> Callable[..., dict[str, Any]]:
        return partial(collate, pad=super()._get_data_collator(args, template))

    def get_train_dataloader(self, skip_batches: int = 0) -> DataLoaderShard:
        """The loader over the plan, starting `skip_batches` micro-batches into the epoch."""
        args = self.args
        sampler = PlanBatchSampler(self.train_dataset.plan, self.grid, skip_batches=skip_batches)
        workers = args.dataloader_num_workers
        return DataLoaderShard(
            self.train_dataset,
            device=self.accelerator.device,
            batch_sampler=sampler,
            # Starting workers draws a seed: from a generator of its own, or a resume would move the one of dropout.
            generator=torch.Generator(),
            collate_fn=self.data_collator,
            num_workers=workers,
            pin_memory=args.dataloader_pin_memory,
            persistent_workers=args.dataloader_persistent_workers and workers > 0,
            prefetch_factor=args.dataloader_prefetch_factor if workers else None,
            worker_init_fn=start_worker,
            **self._maybe_multiprocessing_context(args),
        )

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.key_log is not None:
            self._log_keys(inputs[KEYS])
        return super().training_step(model, inputs, *args, **kwargs)

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        inputs.pop(KEYS, None)
        inputs.pop(DATASETS, None)
        prepared = super()._prepare_inputs(inputs)
        pixels = prepared.get("pixel_values")
        if pixels is not None and pixels.dtype == torch.uint8:
            prepared["pixel_values"] = self.restore(pixels)
        return prepared

    def _log_keys(self, keys: torch.Tensor) -> None:
        assert self.key_log is not None
        rows = []
        for key in keys.tolist():
            ref = self.train_dataset.plan.locate(SampleKey(*key))
            rows.append((*key, ref.row, ref.dataset))
        line = orjson.dumps({"step": self.state.global_step, "rank": rank(), "keys": rows})
        with self.key_log.open("ab") as handle:
            handle.write(line + b"\n")
