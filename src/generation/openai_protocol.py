"""What goes over the wire to an OpenAI-compatible server (`/chat/completions`), and what comes back.

Pictures travel inside the request, fitted to the model's grid here, so that a server that fits them again finds nothing to do.
PNG by default: JPEG would change the pixels that the model was trained on.
"""

from __future__ import annotations

import base64
import io
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from PIL import Image

from src.contract.predictions import FinishReason
from src.datasets.scene import Pixels
from src.errors import EndpointError
from src.generation.spelling import spell_bytes
from src.generation.types import (
    GenerationOptions,
    GenerationRequest,
    GenerationResult,
    TokenScore,
)
from src.rng import stable_hash

PictureFormat = Literal["png", "jpeg"]
GrammarField = Literal["structured_outputs", "guided_grammar", "grammar", "ebnf"]
"""Where servers look for a grammar: vLLM from 0.12 on, vLLM before, llama.cpp, SGLang."""
MAX_SHOWN = 300
JPEG_QUALITY = 95
_SURROGATE = re.compile("[\ud800-\udfff]")


def item_seed(seed: int, key: str) -> int:
    """The seed of one item, 0 <= n < 2**31; of (seed, key) alone."""
    return stable_hash(seed, "sample", key, bits=32) >> 1


def data_url(pixels: Pixels, picture_format: PictureFormat) -> str:
    """RGB uint8 (H, W, 3) as a base64 data URL."""
    buffer = io.BytesIO()
    options = {"quality": JPEG_QUALITY, "subsampling": 0} if picture_format == "jpeg" else {}
    Image.fromarray(pixels).save(buffer, format=picture_format.upper(), **options)
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{picture_format};base64,{content}"


def request_body(
    request: GenerationRequest,
    options: GenerationOptions,
    *,
    model: str,
    picture_format: PictureFormat,
    grammar_field: GrammarField,
    extra: Mapping[str, Any],
) -> bytes:
    """The JSON body of a request; `extra` fields replace those that are made here."""
    body: dict[str, Any] = {
        "model": model,
        "messages": _messages(request, picture_format),
        "max_tokens": options.max_new_tokens,
        "temperature": options.temperature,
        "top_p": 1.0,
        "seed": item_seed(options.seed, request.key),
        "stream": False,
    }
    if options.logprobs:
        body["logprobs"] = True
    if options.grammar is not None:
        grammar = options.grammar
        body[grammar_field] = (
            {"grammar": grammar} if grammar_field == "structured_outputs" else grammar
        )
    return json.dumps(body | dict(extra), ensure_ascii=False).encode()


def _messages(request: GenerationRequest, picture_format: PictureFormat) -> list[dict[str, Any]]:
    """The turns without the answer; the pictures stand before the text of the first user turn."""
    conversation = request.conversation
    turns = list(conversation.turns)
    while turns and turns[-1].role == "assistant":
        turns.pop()
    messages: list[dict[str, Any]] = []
    if conversation.system is not None:
        messages.append({"role": "system", "content": conversation.system})
    pictures = [
        {"type": "image_url", "image_url": {"url": data_url(pixels, picture_format)}}
        for pixels in conversation.pixels
    ]
    for turn in turns:
        if turn.role == "user" and pictures:
            content = [*pictures, {"type": "text", "text": turn.content}]
            messages.append({"role": turn.role, "content": content})
            pictures = []
        else:
            messages.append({"role": turn.role, "content": turn.content})
    return messages


def parse_response(data: bytes, options: GenerationOptions, where: str) -> GenerationResult:
    """The answer in a response body. `EndpointError` when there is none, or no scores that were asked for."""
    try:
        raw = json.loads(data)
        choice = raw["choices"][0]
        text, reason = choice["message"]["content"], choice["finish_reason"]
        num_tokens = raw["usage"]["completion_tokens"]
        if type(text) is not str or type(num_tokens) is not int:
            raise TypeError("content is not text, or completion_tokens no number")
        tokens = _tokens(choice["logprobs"]["content"]) if options.logprobs else None
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise EndpointError.say(
            f"the server's answer is not a chat completion: {error!r}",
            where=where,
            got=shown(data),
            expected="choices[0].message.content, finish_reason, usage.completion_tokens"
            + (", logprobs.content" if options.logprobs else ""),
            remedy="check the URL, and that the server offers logprobs"
            if options.logprobs
            else "check that the URL is that of an OpenAI-compatible server",
        ) from error
    return GenerationResult(
        text=_writable(text),
        finish_reason=_finish_reason(reason, where),
        num_tokens=num_tokens,
        tokens=tokens,
    )


def _writable(text: str) -> str:
    """The text with U+FFFD for each half of a character: JSON may hold a lone surrogate, a UTF-8 file may not."""
    return _SURROGATE.sub("\ufffd", text)


def _tokens(content: list[dict[str, Any]]) -> tuple[TokenScore, ...]:
    """Scores by token; of a token that is part of a character only its `bytes` are exact."""
    parts = [
        bytes(item["bytes"])
        if "bytes" in item and item["bytes"] is not None
        else _writable(item["token"]).encode()
        for item in content
    ]
    logprobs = [float(item["logprob"]) for item in content]
    if not all(math.isfinite(value) for value in logprobs):
        raise ValueError("a log probability is not finite")
    return tuple(map(TokenScore, spell_bytes(parts), logprobs))


def _finish_reason(reason: Any, where: str) -> FinishReason:
    if reason == "stop":
        return "stop"
    if reason == "length":
        return "length"
    raise EndpointError.say(
        "the server ended the answer for another reason",
        where=where,
        got=repr(reason),
        expected="stop or length",
        remedy="look into the server's log; filters and tools must be off",
    )


def shown(data: bytes) -> str:
    """The beginning of a response body, for a message."""
    text = data.decode(errors="replace").strip()
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
