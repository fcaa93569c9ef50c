"""ms-swift's transformers engine behind the project's `Engine` interface: batched generation in this process."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from swift.infer_engine import InferRequest, RequestConfig, TransformersEngine
from swift.model import get_model_processor
from swift.template import get_template
from transformers import LogitsProcessorList

from src.contract.predictions import FinishReason
from src.errors import ConfigError
from src.generation.spelling import spell_ids
from src.generation.types import (
    GenerationOptions,
    GenerationRequest,
    GenerationResult,
    TokenScore,
)
from src.training.ms_swift.checkpoint_files import checkpoint_files, default_dtype
from src.training.ms_swift.loading import forbid_remote_code
from src.training.ms_swift.steering import Row, Steering
from src.training.ms_swift.template import fit_token_ids, to_swift_row


class SwiftEngine:
    """Generates with a model in this process. One batch is one call: its composition is the caller's."""

    def __init__(self, engine: TransformersEngine) -> None:
        self.engine = engine

    def generate(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]:
        """Answers in the order of the requests, equal for equal batches; in float32 for any batches.

        `ConfigError` for a grammar, which this engine cannot follow.
        """
        if options.grammar is not None:
            raise ConfigError.say(
                "the transformers backend cannot constrain its answers",
                remedy="leave out --constrain, or use --backend vllm or openai",
            )
        steering = Steering(
            [request.key for request in requests],
            options,
            end=self._stops[0],
            special=self.engine.tokenizer.all_special_ids,
            decode=self.engine.tokenizer.decode,
        )

        def steer(arguments: dict[str, Any]) -> dict[str, Any]:
            # Under ZeRO-3 HF would make ranks decode in step for ever: here each has batches of its own, and whole weights.
            arguments["inputs"]["synced_gpus"] = False
            if steering.is_needed:
                arguments["inputs"]["logits_processor"] = LogitsProcessorList([steering])
            return arguments

        # `infer` has no such hook, and does no more for one batch.
        responses = self.engine._infer(
            [to_infer_request(request) for request in requests],
            # The model's own penalty would punish coordinates that occur twice.
            RequestConfig(
                max_tokens=options.max_new_tokens,
                temperature=0.0,
                repetition_penalty=1.0,
                return_details=True,
            ),
            pre_infer_hook=steer,
        )
        return [
            self._result(response.choices[0], options, row)
            for response, row in zip(responses, steering.rows, strict=True)
        ]

    def close(self) -> None:
        """Free the model's memory, the GPU's too. The template holds the model as well, and both are in cycles."""
        self.engine.model = self.engine.engine = self.engine.template.model = None
        del self.engine
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @property
    def _stops(self) -> list[int]:
        return _as_list(self.engine.generation_config.eos_token_id) or [
            self.engine.tokenizer.eos_token_id
        ]

    def _result(self, choice: Any, options: GenerationOptions, row: Row) -> GenerationResult:
        tokens = choice.token_ids
        ended = bool(tokens) and tokens[-1] in self._stops
        # ms-swift drops pad tokens, which may be the stop token too: then the answer is shorter than the limit.
        is_cut = not ended and len(tokens) >= options.max_new_tokens
        reason: FinishReason = "length" if is_cut else "stop"
        return GenerationResult(
            text=choice.message.content,
            finish_reason="repetition" if row.is_repeating else reason,
            num_tokens=len(tokens),
            tokens=self._scores(tokens, row) if options.logprobs else None,
        )

    def _scores(self, tokens: list[int], row: Row) -> tuple[TokenScore, ...]:
        """The scores of the tokens that the text is made of: no stop tokens."""
        pad = self.engine.tokenizer.pad_token_id
        logprobs = [
            chance for token, chance in zip(row.ids, row.logprobs, strict=True) if token != pad
        ]
        ids = self.engine.template.skip_stop_tokens(tokens)
        pieces = spell_ids(ids, self.engine.tokenizer.decode)
        # The last ones are of stop tokens, or of a row that had ended before the others.
        return tuple(TokenScore(*pair) for pair in zip(pieces, logprobs, strict=False))


def to_infer_request(request: GenerationRequest) -> InferRequest:
    """The request as ms-swift takes it."""
    row = to_swift_row(request.conversation, with_target=False)
    return InferRequest(messages=row["messages"], images=row["images"])


def _as_list(value: Any) -> list[int]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def load_engine(
    checkpoint: Path, dtype: str | None = None, *, base: Path | None = None
) -> SwiftEngine:
    """The engine of a checkpoint folder; an adapter folder loads its base model (`base`, else the one it names) first.

    `dtype` is a torch dtype name; default float32 on a CPU, bfloat16 elsewhere. Under torchrun each process takes its own GPU.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    forbid_remote_code()
    files = checkpoint_files(checkpoint, base)
    model, processor = get_model_processor(
        str(files.base), torch_dtype=torch_dtype(dtype), model_type=files.model_type
    )
    template = get_template(processor)
    fit_token_ids(template)
    adapters = [] if files.adapter is None else [str(files.adapter)]
    return SwiftEngine(TransformersEngine(model, template=template, adapters=adapters))


def torch_dtype(name: str | None) -> torch.dtype:
    """The named dtype; `default_dtype` when there is no name."""
    dtype: torch.dtype = getattr(torch, name or default_dtype())
    return dtype
