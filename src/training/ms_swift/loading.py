"""How ms-swift may load a checkpoint here: weights and settings, never code."""

from __future__ import annotations

from typing import Any

from swift.model import model_meta
from swift.model.register import ModelLoader
from transformers import AutoConfig, PretrainedConfig


class _ConfigWithoutCode:
    """Stands where ms-swift's model detection expects `AutoConfig`, which it calls with code allowed."""

    @staticmethod
    def from_pretrained(folder: str, **options: Any) -> PretrainedConfig:
        return AutoConfig.from_pretrained(folder, **{**options, "trust_remote_code": False})


def forbid_remote_code() -> None:
    """Turn off `trust_remote_code`, which ms-swift switches on by default and hard-codes in its model detection.

    A checkpoint folder may name Python files of its own in `auto_map`; loading it would run them. Qwen3-VL is part of
    transformers and needs none.
    """
    ModelLoader.default_trust_remote_code = False
    model_meta.AutoConfig = _ConfigWithoutCode
