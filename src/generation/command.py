"""The words of a command line that name a backend and how it decodes, shared by `src.predict` and `src.parity`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, get_args

from src.config.loader import find_config, load_config
from src.datasets.builders.formats.registry import FORMATS
from src.errors import UsageError
from src.generation.backends import CONSTRAINING, Backend, BackendName
from src.generation.grounding import Grounding, grounding_of_run, read_grounding
from src.generation.openai_endpoint import Endpoint, key_from_environment
from src.generation.openai_protocol import GrammarField, PictureFormat
from src.generation.types import GenerationOptions


def add_backend_words(words: argparse.ArgumentParser) -> None:
    """What the backends need beside their name and model."""
    words.add_argument("--base", type=Path, help="base model of an adapter folder, when it moved")
    words.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"), help="weights in memory"
    )
    server = words.add_argument_group("--backend openai")
    server.add_argument("--endpoint", help="URL of the server, such as http://localhost:8000/v1")
    server.add_argument("--api-key-env", help="environment variable that holds the key")
    server.add_argument("--timeout", type=float, default=600.0, help="seconds for one answer")
    server.add_argument("--max-retries", type=int, default=5, help="further tries of a request")
    server.add_argument("--concurrency", type=int, default=8, help="requests at once")
    server.add_argument(
        "--picture-format", choices=get_args(PictureFormat), default="png", help="as it is sent"
    )
    server.add_argument(
        "--grammar-field",
        choices=get_args(GrammarField),
        default="structured_outputs",
        help="where the server looks for a grammar: vLLM, older vLLM, llama.cpp, SGLang",
    )
    server.add_argument(
        "--extra-body", default="{}", help="JSON object of further fields of each request"
    )
    vllm = words.add_argument_group("--backend vllm")
    vllm.add_argument("--gpu-memory-utilization", type=float, default=0.9, help="share for vLLM")
    vllm.add_argument("--max-model-len", type=int, help="longest prompt and answer, in tokens")


def add_decoding_words(words: argparse.ArgumentParser) -> None:
    """How answers are decoded."""
    group = words.add_argument_group("decoding")
    group.add_argument("--max-new-tokens", type=int, default=1024, help="longest answer")
    group.add_argument("--temperature", type=float, default=0.0, help="0: greedy")
    group.add_argument("--seed", type=int, default=0, help="of the draws above temperature 0")
    group.add_argument(
        "--logprobs", action="store_true", help="score each object by its tokens' probabilities"
    )
    group.add_argument(
        "--max-repeats", type=int, help="end an answer that repeats an object so often in a row"
    )
    group.add_argument(
        "--constrain", action="store_true", help="allow only what the answer format can write"
    )
    group.add_argument(
        "--labels", type=Path, help="allow only these descriptions, one a line; implies --constrain"
    )


def backend_of(name: BackendName, model: str, given: argparse.Namespace) -> Backend:
    """The backend that the words name; `UsageError` for words that make no sense together."""
    _require_range("--timeout", given.timeout, above=0)
    _require_range("--max-retries", given.max_retries, above=-1)
    _require_range("--concurrency", given.concurrency, above=0)
    if (name == "openai") != (given.endpoint is not None):
        raise UsageError.say("--endpoint goes with --backend openai, and only with it")
    endpoint = None
    if name == "openai":
        if not given.endpoint.startswith(("http://", "https://")):
            raise UsageError.say(
                "--endpoint is no URL", got=given.endpoint, expected="http://HOST:PORT/v1"
            )
        endpoint = Endpoint(
            url=given.endpoint,
            model=model,
            api_key=key_from_environment(given.api_key_env),
            timeout_s=given.timeout,
            max_retries=given.max_retries,
            concurrency=given.concurrency,
            picture_format=given.picture_format,
            grammar_field=given.grammar_field,
            extra=_json_object(given.extra_body),
        )
    return Backend(
        name=name,
        model=model,
        dtype=given.dtype,
        base=given.base,
        endpoint=endpoint,
        gpu_memory_utilization=given.gpu_memory_utilization,
        max_model_len=given.max_model_len,
    )


def options_of(
    given: argparse.Namespace, grounding: Grounding, backend: BackendName
) -> GenerationOptions:
    """The decoding that the words ask of a backend."""
    _require_range("--max-new-tokens", given.max_new_tokens, above=0)
    _require_range("--temperature", given.temperature, above=-1e-9)
    if given.max_repeats is not None:
        _require_range("--max-repeats", given.max_repeats, above=1)
    grammar = None
    if given.constrain or given.labels is not None:
        if backend not in CONSTRAINING:
            raise UsageError.say(
                f"the {backend} backend cannot constrain its answers",
                remedy=f"leave out --constrain, or use {' or '.join(sorted(CONSTRAINING))}",
            )
        grammar = _grammar(grounding, given.labels)
    return GenerationOptions(
        max_new_tokens=given.max_new_tokens,
        temperature=given.temperature,
        seed=given.seed,
        logprobs=given.logprobs,
        max_repeats=given.max_repeats,
        grammar=grammar,
    )


def grounding_for(model: str, config_name: str | None) -> Grounding:
    """What the model was taught: by the named config, else by its `grounding.json`; never a guess."""
    if config_name is not None:
        return grounding_of_run(load_config(find_config(config_name)).config)
    found = read_grounding(Path(model))
    if found is None:
        raise UsageError.say(
            f"{model} has no grounding.json, so its prompt and coordinate space are unknown",
            remedy="give the training config with --config",
        )
    return found


def _grammar(grounding: Grounding, labels_file: Path | None) -> str:
    builder = grounding.builder
    if builder.use_summary or builder.assistant_prefix_format is not None:
        raise UsageError.say(
            "only dense answers without a prefix have a grammar", remedy="leave out --constrain"
        )
    labels = None
    if labels_file is not None:
        if not labels_file.is_file():
            raise UsageError.say(f"{labels_file} does not exist", remedy="write one label a line")
        lines = labels_file.read_text(encoding="utf-8").splitlines()
        labels = [line.strip() for line in lines if line.strip()]
    return FORMATS[builder.json_format].grammar(builder.emit_norm, labels)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError.say(f"--extra-body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError.say("--extra-body is not a JSON object", got=type(value).__name__)
    return value


def _require_range(word: str, value: float, *, above: float) -> None:
    if not value > above:
        raise UsageError.say(
            f"{word} is too small", got=str(value), expected=f"more than {above:g}"
        )
