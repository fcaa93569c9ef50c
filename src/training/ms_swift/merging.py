"""Merging an adapter into its base model, in the base model's own dtype and on the CPU."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from swift.model import get_model_processor, save_checkpoint
from swift.pipelines.export.merge_lora import check_tie_word_embeddings
from swift.tuners import Swift

from src.training.ms_swift.checkpoint_files import checkpoint_files
from src.training.ms_swift.loading import forbid_remote_code


def merge_adapter(checkpoint: Path, out: Path, *, base: Path | None, dtype: str | None) -> None:
    """Write the whole model of an adapter folder to `out`: weights, config, tokenizer and processor.

    `dtype` None keeps the base model's. Needs the model's size in memory; nothing is computed on a GPU, so that the result does
    not depend on one. `ConfigError` when the base model is missing.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    forbid_remote_code()
    files = checkpoint_files(checkpoint, base)
    assert files.adapter is not None, checkpoint
    model, processor = get_model_processor(
        str(files.base),
        torch_dtype=None if dtype is None else getattr(torch, dtype),
        model_type=files.model_type,
        device_map="cpu",
    )
    adapted = Swift.from_pretrained(model, str(files.adapter))
    check_tie_word_embeddings(adapted)
    Swift.merge_and_unload(adapted)
    save_checkpoint(adapted.model, processor, str(out), model_dirs=[str(files.adapter)])
