"""How ms-swift may load a checkpoint here: weights and settings, never code."""

from __future__ import annotations

from swift.model.register import ModelLoader


def forbid_remote_code() -> None:
    """Turn off `trust_remote_code`, which ms-swift's loader switches on by default.

    A checkpoint folder may name Python files of its own in `auto_map`; loading it would run them. Qwen3-VL is part of
    transformers and needs none.
    """
    ModelLoader.default_trust_remote_code = False
