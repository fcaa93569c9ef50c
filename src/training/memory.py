"""An estimate of the accelerator memory of one training step, from a checkpoint's files; nothing is loaded.

Weights, gradients and Adam's two states are exact for the dtype that the config names. Activations follow Korthikanti et al. 2022
("Reducing Activation Recomputation in Large Transformer Models", equations 2 and 5, without the attention matrix that
flash and SDPA kernels never store): 34 bytes a token, hidden unit and layer; with checkpointing 2 bytes a layer, and one
layer whole. Logits count twice (value and gradient), in float32 once more where tokens carry loss. Not counted: allocator
slack, kernels' workspaces, communication buffers. Expect the truth within some 30 % above it; it was never held against a device.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

from src.config.schema import TrainingConfig

BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}
VISION_PREFIXES = ("model.visual.", "visual.")
PATCHES_PER_TOKEN = 4
FULL_LAYER = 34
CHECKPOINT = 2
GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """One transformer: parameters, width and depth."""

    parameters: int
    hidden: int
    layers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """What the estimate needs to know of a checkpoint; `lora_width` is the sum of in + out over its text linears."""

    text: Tower
    vision: Tower
    vocab: int
    lora_width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Bytes of one device."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits

    def line(self) -> str:
        parts = (
            ("weights", self.weights),
            ("gradients", self.gradients),
            ("optimizer", self.optimizer),
            ("activations", self.activations),
            ("logits", self.logits),
        )
        told = " + ".join(f"{name} {value / GIB:.2f}" for name, value in parts)
        return f"{self.total / GIB:.2f} GiB a device = {told}"


def read_shape(checkpoint: Path) -> ModelShape | None:
    """The shape of a checkpoint folder; None when it holds no config or no safetensors."""
    config_file = checkpoint / "config.json"
    if not config_file.is_file() or not list(checkpoint.glob("*.safetensors")):
        return None
    config = json.loads(config_file.read_text(encoding="utf-8"))
    text, vision = config["text_config"], config["vision_config"]
    num_text = num_vision = lora = 0
    for name, shape in _tensors(checkpoint):
        if name.startswith(VISION_PREFIXES):
            num_vision += prod(shape)
            continue
        num_text += prod(shape)
        if len(shape) == 2 and "layers." in name:
            lora += sum(shape)
    return ModelShape(
        text=Tower(
            parameters=num_text, hidden=text["hidden_size"], layers=text["num_hidden_layers"]
        ),
        vision=Tower(parameters=num_vision, hidden=vision["hidden_size"], layers=vision["depth"]),
        vocab=text["vocab_size"],
        lora_width=lora,
    )


def _tensors(checkpoint: Path) -> Iterator[tuple[str, list[int]]]:
    """(name, shape) of every tensor, from the headers of the safetensors files."""
    for path in sorted(checkpoint.glob("*.safetensors")):
        with path.open("rb") as handle:
            (size,) = struct.unpack("<Q", handle.read(8))
            header = json.loads(handle.read(size))
        for name, entry in header.items():
            if name != "__metadata__":
                yield name, entry["shape"]


def estimate(
    config: TrainingConfig, shape: ModelShape, *, padded_tokens: int, image_tokens: int
) -> MemoryEstimate:
    """Memory of the largest micro-batch: `padded_tokens` in all, `image_tokens` of them from pictures."""
    width = BYTES[config.model.get("torch_dtype") or "bfloat16"]
    text, vision = shape.text, shape.vision
    trainable = _trainable(config, shape)
    patches = image_tokens * PATCHES_PER_TOKEN
    is_checkpointed = config.training.get("gradient_checkpointing", True) is not False
    scale = width // 2
    activations = sum(
        _activations(tokens, tower, is_checkpointed) * scale
        for tokens, tower in ((padded_tokens, text), (patches, vision))
    )
    answers = max(0, padded_tokens - image_tokens)
    return MemoryEstimate(
        weights=(text.parameters + vision.parameters) * width,
        gradients=trainable * width,
        optimizer=2 * trainable * width,
        activations=activations,
        logits=2 * padded_tokens * shape.vocab * width + 2 * answers * shape.vocab * 4,
    )


def _activations(tokens: int, tower: Tower, is_checkpointed: bool) -> int:
    layer = FULL_LAYER * tokens * tower.hidden
    if not is_checkpointed:
        return layer * tower.layers
    return CHECKPOINT * tokens * tower.hidden * tower.layers + layer


def _trainable(config: TrainingConfig, shape: ModelShape) -> int:
    tuner = config.tuner
    if (tuner.get("tuner_type") or "lora") != "full":
        return int(tuner.get("lora_rank") or 8) * shape.lora_width
    frozen_vision = tuner.get("freeze_vit", True) is not False
    frozen_text = bool(tuner.get("freeze_llm", False))
    return (0 if frozen_vision else shape.vision.parameters) + (
        0 if frozen_text else shape.text.parameters
    )
