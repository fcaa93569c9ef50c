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
from accelerate.data_loader import DataLoaderAdapter
from swift.dataloader import DataLoaderShard
from torch.utils.data import DataLoader

from src.datasets.batches import BatchGrid
from src.datasets.late_failure import FailedSample, LateFailures, WorkerView
from src.datasets.plan import SampleKey
from src.datasets.sampler import PlanBatchSampler
from src.datasets.unified_fusion_dataset import KeyedSample, UnifiedFusionDataset
from src.training.ms_swift.generated import GeneratingTrainer
from src.training.ms_swift.metrics import DATASETS, FAILURE, FILLERS, MeasuredTrainer
from src.training.ms_swift.pixels import PixelRestorer
from src.training.ms_swift.saving import CheckpointedTrainer
from src.training.ms_swift.template import KINDS_KEY
from src.training.signals import leave_stopping_to_parent
from src.training.torchvision_shim import ensure_torchvision
from src.utils.heap import keep_heap
from src.utils.logger import rank

KEYS = "sample_keys"


def collate(
    samples: Sequence[KeyedSample[dict[str, Any]] | FailedSample],
    *,
    pad: Callable[[list[dict[str, Any]]], dict],
) -> dict[str, Any]:
    """A padded batch of the template's own collator, plus what this project knows of its samples.

    `sample_keys` int64 (B, 3), `sample_datasets` int64 (B,), `sample_fillers` bool (B,), `token_kinds` int8 (B, L), padded
    on the side where the tokens are. With a failed sample among them it is only `failure`, the error.
    """
    read = [sample for sample in samples if not isinstance(sample, FailedSample)]
    if len(read) < len(samples):
        return {
            FAILURE: next(sample.error for sample in samples if isinstance(sample, FailedSample))
        }
    kinds = torch.cat([sample.encoded[KINDS_KEY] for sample in read])
    batch = pad([{k: v for k, v in sample.encoded.items() if k != KINDS_KEY} for sample in read])
    batch[KEYS] = torch.tensor([sample.key for sample in read], dtype=torch.int64)
    batch[DATASETS] = torch.tensor([sample.dataset for sample in read], dtype=torch.int64)
    batch[FILLERS] = torch.tensor([sample.is_filler for sample in read])
    mask = batch["attention_mask"].bool()
    batch[KINDS_KEY] = torch.zeros(mask.shape, dtype=torch.int8).masked_scatter_(mask, kinds)
    return batch


def start_worker(_worker_id: int) -> None:
    """One thread a worker: the cores belong to the ranks, and spinning threads would take them."""
    leave_stopping_to_parent()
    torch.set_num_threads(1)
    keep_heap()
    ensure_torchvision()


class PlannedTrainer(CheckpointedTrainer, GeneratingTrainer, MeasuredTrainer):
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
        late: LateFailures[dict[str, Any]],
        **kwargs: Any,
    ) -> None:
        self.grid = grid
        self.restore = restore
        self.key_log = key_log
        self.late = late
        super().__init__(*args, **kwargs)

    def logging_state(self) -> dict[str, Any]:
        return {**super().logging_state(), "measures": self.measures_state()}

    def restore_logging_state(self, states: Sequence[dict[str, Any]]) -> None:
        super().restore_logging_state(states)
        self.restore_measures([state["measures"] for state in states])

    def _get_data_collator(self, args: Any, template: Any) -> Callable[..., dict[str, Any]]:
        return partial(collate, pad=super()._get_data_collator(args, template))

    def get_train_dataloader(self, skip_batches: int = 0) -> DataLoaderShard:
        """The loader over the plan, starting `skip_batches` micro-batches into the epoch."""
        args = self.args
        sampler = PlanBatchSampler(self.train_dataset.plan, self.grid, skip_batches=skip_batches)
        workers = args.dataloader_num_workers
        return DataLoaderShard(
            WorkerView(self.train_dataset, self.late),
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

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """HF's loader; its workers, which live on between evaluations, start as those of training do."""
        view = self.eval_dataset if eval_dataset is None else eval_dataset
        loader = super().get_eval_dataloader(WorkerView(view.dataset, self.late))
        # accelerate's loader is a wrapper; the one inside it starts the workers.
        inner = loader.base_dataloader if isinstance(loader, DataLoaderAdapter) else loader
        inner.worker_init_fn = start_worker
        return loader

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.key_log is not None:
            self._log_keys(inputs[KEYS])
        return super().training_step(model, inputs, *args, **kwargs)

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        inputs.pop(KEYS, None)
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
