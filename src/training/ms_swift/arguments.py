"""`TrainingConfig` -> ms-swift's `SftArguments`. Tested with ms-swift 4.6.

The pass-through sections were checked against the same version's fields before this module is imported; here they are only
flattened. What this project decides itself (data, batches, shuffling, network) is set here, in one place.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import torch
from swift.arguments import SftArguments

from src.config.loader import resolve_path
from src.config.passthrough import normalised
from src.config.schema import OWN_TRAINING_KEYS, PASS_THROUGH, TrainingConfig
from src.datasets.batches import BatchGrid

TESTED_WITH = "4.6"
# HF would rotate inside the save, before the new checkpoint is known to be complete.
OURS_TO_APPLY = frozenset({"save_total_limit"})


def _on_cpu() -> bool:
    return not torch.cuda.is_available()


def swift_arguments(config: TrainingConfig, grid: BatchGrid, *, has_eval: bool) -> SftArguments:
    """The argument object of a run; creates its output folder."""
    # ms-swift asks its hub about a local model path unless told not to; nothing here needs a network.
    checkpoint = resolve_path(config.model["model"])
    if checkpoint.is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    names: dict[str, Any] = {
        name: value
        for section in PASS_THROUGH
        for name, value in normalised(getattr(config, section)).items()
        if name not in OWN_TRAINING_KEYS and name not in OURS_TO_APPLY
    }
    if checkpoint.is_dir():
        names["model"] = str(checkpoint)
    if "output_dir" in names:
        names["output_dir"] = str(resolve_path(names["output_dir"]))
    names |= {
        "gradient_accumulation_steps": grid.accumulation_steps,
        # ms-swift refuses an empty data set name; its own data sets are never built.
        "dataset": ["dummy"],
        "val_dataset": ["dummy"] if has_eval else [],
        "split_dataset_ratio": 0.0,
        "truncation_strategy": "delete",
        "dataloader_drop_last": False,
        "check_model": False,
        # A bar where a person looks, plain lines in a log file.
        "disable_tqdm": not sys.stderr.isatty(),
    }
    if config.global_max_length is not None:
        names["max_length"] = config.global_max_length
        names["max_model_len"] = config.global_max_length
    if config.deepspeed is not None and config.deepspeed.enabled:
        names["deepspeed"] = config.deepspeed.config
    if _on_cpu():
        names |= {"use_cpu": True, "dataloader_pin_memory": False}
        if grid.world_size > 1:
            names["ddp_backend"] = "gloo"
    return SftArguments(**names)
