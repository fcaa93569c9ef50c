"""Pictures for the trackers of `training.report_to`; HF's callbacks log numbers alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers.integrations import TensorBoardCallback, WandbCallback


def show_picture(callbacks: Iterable[Any], name: str, pixels: NDArray[np.uint8], step: int) -> None:
    """Send RGB `pixels` (H, W, 3) to TensorBoard and Weights & Biases, where the run reports to them."""
    for callback in callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.tb_writer is not None:
            callback.tb_writer.add_image(name, pixels, step, dataformats="HWC")
            callback.tb_writer.flush()
        elif isinstance(callback, WandbCallback):
            wandb = callback._wandb
            # HF's callback plots over this key rather than over W&B's own count of calls.
            wandb.log({name: wandb.Image(pixels), "train/global_step": step})
