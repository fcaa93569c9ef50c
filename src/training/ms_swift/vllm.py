"""ms-swift's vLLM engine behind the project's `Engine` interface: fast batched generation on GPUs.

vLLM schedules requests itself, so a batch may be large; each request has a seed of its own. vLLM is installed apart
(`docs/inference.md`), and nothing here imports it before an engine is loaded.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from swift.infer_engine import RequestConfig
from swift.model import get_model_processor
from swift.template import get_template

from src.errors import ConfigError, DataError
from src.generation.openai_protocol import item_seed
from src.generation.repetition import stopped_at_repetition
from src.generation.spelling import spell_ids
from src.generation.types import (
    GenerationOptions,
    GenerationRequest,
    GenerationResult,
    TokenScore,
)
from src.training.ms_swift.checkpoint_files import checkpoint_files
from src.training.ms_swift.engine import to_infer_request, torch_dtype
from src.training.ms_swift.loading import forbid_remote_code
from src.training.ms_swift.template import fit_token_ids

INSTALL = "pip install 'vllm>=0.12'"
MAX_LORA_RANK = 256
CODE_KEY = "auto_map"
CODE_FILES = ("config.json", "tokenizer_config.json", "processor_config.json")
MakeGrammar = Callable[[Any, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmSettings:
    """`max_model_len` None: the model's own; tokens of prompt and answer together."""

    gpu_memory_utilization: float = 0.9
    max_model_len: int | None = None
    tensor_parallel_size: int = 1


class VllmSwiftEngine:
    """`engine` is an asynchronous `swift.infer_engine.VllmEngine`; `set_grammar` puts a GBNF text into vLLM's parameters.

    One event loop serves all batches: vLLM's background task lives on the first one it sees.
    """

    def __init__(self, engine: Any, set_grammar: MakeGrammar) -> None:
        self.engine = engine
        self.set_grammar = set_grammar
        self.loop = asyncio.new_event_loop()

    def generate(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]:
        """Answers in the order of the requests; a repetition is cut off afterwards."""
        return self.loop.run_until_complete(self._all(requests, options))

    def close(self) -> None:
        """Shut vLLM's processes down, which hold the GPU's memory; and what this process holds of them."""
        inner = self.engine.engine
        # Engines of vLLM before its version 1 offer no shutdown: they end with their last reference.
        if hasattr(inner, "shutdown"):
            inner.shutdown()
        self.loop.close()
        del self.engine, inner
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    async def _all(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]:
        return list(await asyncio.gather(*(self._one(request, options) for request in requests)))

    def _one(
        self, request: GenerationRequest, options: GenerationOptions
    ) -> Coroutine[Any, Any, GenerationResult]:
        config = RequestConfig(
            max_tokens=options.max_new_tokens,
            temperature=options.temperature,
            top_p=1.0,
            top_k=-1,
            min_p=0.0,
            repetition_penalty=1.0,
            seed=item_seed(options.seed, request.key),
            logprobs=options.logprobs,
            return_details=True,
        )

        def constrain(arguments: dict[str, Any]) -> dict[str, Any]:
            if options.grammar is not None:
                self.set_grammar(arguments["generation_config"], options.grammar)
            return arguments

        async def answer() -> GenerationResult:
            response = await self.engine.infer_async(
                to_infer_request(request), config, pre_infer_hook=constrain
            )
            result = self._result(response.choices[0], options, request.key)
            return stopped_at_repetition(result, options)

        return answer()

    def _result(self, choice: Any, options: GenerationOptions, key: str) -> GenerationResult:
        if choice.finish_reason not in ("stop", "length"):
            raise DataError.say(
                "vLLM ended the answer for another reason",
                where=f"item {key}",
                got=repr(choice.finish_reason),
                expected="stop or length",
                remedy="look into vLLM's log",
            )
        return GenerationResult(
            text=choice.message.content,
            finish_reason=choice.finish_reason,
            num_tokens=len(choice.token_ids),
            tokens=self._scores(choice) if options.logprobs else None,
        )

    def _scores(self, choice: Any) -> tuple[TokenScore, ...]:
        """The scores of the tokens that the text is made of: no stop tokens."""
        ids = self.engine.template.skip_stop_tokens(list(choice.token_ids))
        pieces = spell_ids(ids, self.engine.tokenizer.decode)
        logprobs = [entry["logprob"] for entry in choice.logprobs["content"]]
        return tuple(TokenScore(*pair) for pair in zip(pieces, logprobs, strict=False))


def load_vllm_engine(
    checkpoint: Path,
    dtype: str | None = None,
    *,
    base: Path | None = None,
    settings: VllmSettings,
) -> VllmSwiftEngine:
    """The engine of a checkpoint folder; an adapter is loaded as LoRA over its base model.

    `ConfigError` without vLLM, and for a checkpoint with code of its own, which vLLM as ms-swift starts it would run.
    """
    if importlib.util.find_spec("vllm") is None:
        raise ConfigError.say(
            "vLLM is not installed",
            remedy=f"{INSTALL} (into an environment of its own when it asks for another torch), "
            "or use --backend transformers, or --backend openai with a vLLM server",
        )
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    files = checkpoint_files(checkpoint, base)
    refuse_code(files.base)
    forbid_remote_code()
    from swift.infer_engine import VllmEngine

    _, processor = get_model_processor(
        str(files.base),
        torch_dtype=torch_dtype(dtype),
        model_type=files.model_type,
        load_model=False,
    )
    template = get_template(processor)
    fit_token_ids(template)
    engine = VllmEngine(
        str(files.base),
        template=template,
        adapters=None if files.adapter is None else [str(files.adapter)],
        max_lora_rank=MAX_LORA_RANK,
        use_async_engine=True,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        max_model_len=settings.max_model_len,
        tensor_parallel_size=settings.tensor_parallel_size,
    )
    return VllmSwiftEngine(engine, _set_grammar)


def refuse_code(folder: Path) -> None:
    """`ConfigError` when a checkpoint folder names Python code of its own."""
    for name in CODE_FILES:
        path = folder / name
        if path.is_file() and CODE_KEY in json.loads(path.read_text(encoding="utf-8")):
            raise ConfigError.say(
                "the checkpoint brings code of its own, which would be run",
                where=str(path),
                path=CODE_KEY,
                remedy="remove the key; Qwen3-VL needs no such code",
            )


def _set_grammar(parameters: Any, grammar: str) -> None:
    """Put a grammar into vLLM's `SamplingParams` (the names of vLLM 0.12 and later)."""
    from vllm.sampling_params import StructuredOutputsParams

    parameters.structured_outputs = StructuredOutputsParams(grammar=grammar)
