"""Which backend answers, and how it is opened. What a backend needs is imported when it is opened, not before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from src.errors import UsageError
from src.generation.openai_endpoint import Endpoint, OpenAiEngine
from src.generation.types import Engine
from src.rng import stable_hash
from src.utils.logger import world_size

BackendName = Literal["transformers", "vllm", "openai"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
CONSTRAINING: frozenset[BackendName] = frozenset({"vllm", "openai"})
WEIGHTS = ("*.safetensors", "*.bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A backend by name with what it needs: `model` is a checkpoint folder, of `openai` the name that the server knows.

    `base` replaces the base model that an adapter folder names; `endpoint` belongs to `openai`; the last two to `vllm`.
    """

    name: BackendName
    model: str
    dtype: str | None = None
    base: Path | None = None
    endpoint: Endpoint | None = None
    gpu_memory_utilization: float = 0.9
    max_model_len: int | None = None

    def identity(self) -> dict[str, Any]:
        """What decides its answers beside the options, by name: a journal is continued by an equal one only.

        An adapter's base model counts, and so does the dtype that this machine takes where none is named (imports torch).
        Values of `--extra-body` may be secret: the journal holds a hash of each. `ConfigError` for a folder without a model.
        """
        if self.endpoint is not None:
            extra = {name: _hidden(value) for name, value in self.endpoint.extra.items()}
            return {
                "name": self.name,
                "endpoint": self.endpoint.url,
                "picture_format": self.endpoint.picture_format,
                "extra_body": extra,
            }
        from src.training.ms_swift.checkpoint_files import checkpoint_files, default_dtype

        files = checkpoint_files(Path(self.model), self.base)
        found = {"name": self.name, "dtype": self.dtype or default_dtype()}
        if files.adapter is not None:
            found |= {"adapter_weights": weights_state(files.adapter), "base": str(files.base)}
        return {**found, "weights": weights_state(files.base)}


def weights_state(folder: Path) -> str:
    """A short hash over name, size and time of a folder's weight files, which are not read."""
    files = sorted(path for pattern in WEIGHTS for path in folder.glob(pattern))
    stats = [(path.name, path.stat()) for path in files]
    parts = [part for name, stat in stats for part in (name, stat.st_size, stat.st_mtime_ns)]
    return f"{stable_hash(*parts, bits=64):016x}"


def _hidden(value: Any) -> str:
    return f"hash {stable_hash(json.dumps(value, sort_keys=True), bits=64):016x}"


def open_engine(backend: Backend) -> Engine:
    """The engine; loads the weights, which takes seconds to minutes. `ConfigError` when it cannot."""
    if backend.endpoint is not None:
        return OpenAiEngine(endpoint=backend.endpoint)
    if backend.name == "vllm" and world_size() > 1:
        raise UsageError.say(
            "vLLM is not run by torchrun",
            remedy="start one process; or start servers and give each its share with --backend openai",
        )
    from src.training.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    if backend.name == "vllm":
        from src.training.ms_swift.vllm import VllmSettings, load_vllm_engine

        settings = VllmSettings(
            gpu_memory_utilization=backend.gpu_memory_utilization,
            max_model_len=backend.max_model_len,
        )
        return load_vllm_engine(
            Path(backend.model), backend.dtype, base=backend.base, settings=settings
        )
    from src.training.ms_swift.engine import load_engine

    return load_engine(Path(backend.model), backend.dtype, base=backend.base)
