"""What a checkpoint folder is made of, without loading any of it: nothing heavy is imported here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from src.errors import ConfigError

ARGS = "args.json"
ADAPTER = "adapter_config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFiles:
    """A checkpoint folder as its base model and, for an adapter folder, the adapter."""

    base: Path
    adapter: Path | None
    model_type: str


def checkpoint_files(checkpoint: Path, base: Path | None = None) -> CheckpointFiles:
    """Where the weights of a checkpoint folder are; `base` replaces the base model that an adapter names.

    `ConfigError` when there is no model.
    """
    adapter, model = None, checkpoint
    if (checkpoint / ADAPTER).is_file():
        adapter, model = checkpoint, base or _base_of(checkpoint)
    if not (model / "config.json").is_file():
        raise ConfigError.say(
            f"{model} is not a checkpoint folder", remedy="name the folder that holds config.json"
        )
    # Named, because one architecture serves several of ms-swift's model types (chat, embedding, reranker).
    model_type = json.loads((model / "config.json").read_text(encoding="utf-8"))["model_type"]
    return CheckpointFiles(base=model, adapter=adapter, model_type=model_type)


def _base_of(adapter: Path) -> Path:
    """The base model that ms-swift trained the adapter on."""
    path = adapter / ARGS
    if not path.is_file():
        raise ConfigError.say(
            f"{adapter} is an adapter whose base model is unknown",
            expected=f"{ARGS} beside it, as training writes it",
            remedy="name the base model with --base",
        )
    return Path(json.loads(path.read_text(encoding="utf-8"))["model"])


def default_dtype() -> str:
    """The dtype of weights in memory when none is named: float32 on a CPU, bfloat16 elsewhere. Imports torch."""
    import torch

    return "bfloat16" if torch.cuda.is_available() else "float32"
