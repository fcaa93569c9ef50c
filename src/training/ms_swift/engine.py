"""ms-swift's transformers engine behind the project's `Engine` interface: batched greedy generation."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from swift.infer_engine import InferRequest, RequestConfig, TransformersEngine
from swift.model import get_model_processor
from swift.template import get_template

from src.errors import ConfigError
from src.generation.types import GenerationOptions, GenerationRequest, GenerationResult
from src.training.ms_swift.loading import forbid_remote_code
from src.training.ms_swift.template import fit_token_ids, to_swift_row

ARGS = "args.json"
ADAPTER = "adapter_config.json"


class SwiftEngine:
    """Generates with a model in this process. One batch is one call: its composition is the caller's."""

    def __init__(self, engine: TransformersEngine) -> None:
        self.engine = engine

    def generate(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]:
        """Answers in the order of the requests; greedy, so equal for equal batches."""
        rows = [to_swift_row(request.conversation, with_target=False) for request in requests]
        config = RequestConfig(
            max_tokens=options.max_new_tokens, temperature=0.0, return_details=True
        )
        self.engine.max_batch_size = len(rows)
        responses = self.engine.infer(
            [InferRequest(messages=row["messages"], images=row["images"]) for row in rows],
            config,
            use_tqdm=False,
        )
        return [self._result(response.choices[0], options) for response in responses]

    def _result(self, choice: Any, options: GenerationOptions) -> GenerationResult:
        tokens = choice.token_ids
        stops = set(_as_list(self.engine.generation_config.eos_token_id))
        ended = bool(tokens) and tokens[-1] in stops
        # ms-swift drops pad tokens, which may be the stop token too: then the answer is shorter than the limit.
        is_cut = not ended and len(tokens) >= options.max_new_tokens
        return GenerationResult(
            text=choice.message.content,
            finish_reason="length" if is_cut else "stop",
            num_tokens=len(tokens),
        )


def _as_list(value: Any) -> list[int]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def load_engine(checkpoint: Path, dtype: str | None = None) -> SwiftEngine:
    """The engine of a checkpoint folder; an adapter folder loads its base model first.

    `dtype` is a torch dtype name; default float32 on a CPU, bfloat16 elsewhere.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    forbid_remote_code()
    chosen = dtype or ("bfloat16" if torch.cuda.is_available() else "float32")
    base, adapters = checkpoint, []
    if (checkpoint / ADAPTER).is_file():
        base = Path(json.loads((checkpoint / ARGS).read_text(encoding="utf-8"))["model"])
        adapters = [str(checkpoint)]
    if not (base / "config.json").is_file():
        raise ConfigError.say(
            f"{base} is not a checkpoint folder", remedy="name the folder that holds config.json"
        )
    # Named, because one architecture serves several of ms-swift's model types (chat, embedding, reranker).
    model_type = json.loads((base / "config.json").read_text(encoding="utf-8"))["model_type"]
    model, processor = get_model_processor(
        str(base), torch_dtype=getattr(torch, chosen), model_type=model_type
    )
    template = get_template(processor)
    fit_token_ids(template)
    return SwiftEngine(TransformersEngine(model, template=template, adapters=adapters))
