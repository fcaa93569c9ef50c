"""A server that speaks the OpenAI protocol (vLLM, SGLang, llama.cpp, a hosted model) as an engine.

Requests of a batch run at once in a few threads. What may pass (429, 5xx, a lost connection, a timeout) is tried again a bounded
number of times, waiting longer each time or as long as the server asks for; what will not pass fails at once, with the server's
own words.
"""

from __future__ import annotations

import http.client
import os
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from src.errors import ConfigError, EndpointError, ProjectError
from src.generation.openai_protocol import (
    GrammarField,
    PictureFormat,
    parse_response,
    request_body,
    shown,
)
from src.generation.repetition import stopped_at_repetition
from src.generation.types import GenerationOptions, GenerationRequest, GenerationResult
from src.rng import Stream
from src.utils.logger import get_logger

logger = get_logger(__name__)
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
REMEDIES = {
    401: "name the environment variable with the key by --api-key-env",
    403: "name the environment variable with the key by --api-key-env",
    404: "check the URL (it ends with /v1) and the model name that the server knows (--model)",
    413: "lower the pixel budget, or raise the server's limit of the request size",
    400: "the server's own words say what it refuses; see docs/inference.md for its start",
    422: "the server's own words say what it refuses; see docs/inference.md for its start",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the server is and how it is spoken to. `url` ends before `/chat/completions`; times in seconds.

    `api_key` None sends none; it is in no message and in no file. `max_retries` come on top of the first try. `extra` are further
    fields of the request's body.
    """

    url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 600.0
    max_retries: int = 5
    concurrency: int = 8
    picture_format: PictureFormat = "png"
    grammar_field: GrammarField = "structured_outputs"
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


def key_from_environment(name: str | None) -> str | None:
    """The API key in the named variable, None without a name; `ConfigError` when the variable is empty."""
    if name is None:
        return None
    if name not in os.environ or not os.environ[name].strip():
        raise ConfigError.say(
            f"the environment variable {name} holds no key", remedy=f"export {name}=..."
        )
    return os.environ[name].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiEngine:
    """`wait` sleeps; tests replace it. Deterministic as far as the server honours `seed`."""

    endpoint: Endpoint
    wait: Callable[[float], None] = time.sleep

    def generate(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]:
        """Answers in the order of the requests; `EndpointError` for the first that fails for good."""
        return in_threads(
            lambda request: self._answer(request, options), requests, self.endpoint.concurrency
        )

    def close(self) -> None:
        """Nothing is held: the weights are the server's."""

    def _answer(self, request: GenerationRequest, options: GenerationOptions) -> GenerationResult:
        endpoint = self.endpoint
        body = request_body(
            request,
            options,
            model=endpoint.model,
            picture_format=endpoint.picture_format,
            grammar_field=endpoint.grammar_field,
            extra=endpoint.extra,
        )
        where = f"{endpoint.url} (item {request.key})"
        result = parse_response(self._send(body, where), options, where)
        return stopped_at_repetition(result, options)

    def _send(self, body: bytes, where: str) -> bytes:
        """The response body, after as many tries as are allowed."""
        jitter = Stream("retry", where)
        for attempt in range(self.endpoint.max_retries + 1):
            try:
                return self._post(body)
            except urllib.error.HTTPError as error:
                reason = self._without_key(f"HTTP {error.code}: {shown(_body(error))}")
                if error.code not in PASSING:
                    raise EndpointError.say(
                        "the server refuses the request",
                        where=where,
                        got=reason,
                        remedy=REMEDIES[error.code]
                        if error.code in REMEDIES
                        else "check the server",
                    ) from error
                asked = error.headers["Retry-After"]
            except (OSError, http.client.HTTPException) as error:
                # URLError, timeouts and lost connections are all of these kinds.
                _refuse_lasting(error, where)
                reason, asked = f"{type(error).__name__}: {error}", None
            if attempt < self.endpoint.max_retries:
                pause = wait_before(attempt, asked, jitter.uniform(1)[0])
                logger.warning("%s: %s; again in %.1f s", where, reason, pause)
                self.wait(pause)
        raise EndpointError.say(
            f"the server did not answer in {self.endpoint.max_retries + 1} tries",
            where=where,
            got=reason,
            remedy="check that it runs and is not overloaded (--concurrency, --timeout), then run the same "
            "command again: it goes on where it stood",
        )

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        if self.endpoint.api_key is not None:
            headers["Authorization"] = f"Bearer {self.endpoint.api_key}"
        url = f"{self.endpoint.url.rstrip('/')}/chat/completions"
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        with _OPENER.open(request, timeout=self.endpoint.timeout_s) as response:
            data: bytes = response.read()
        return data

    def _without_key(self, text: str) -> str:
        """A server may show in its message what it was sent."""
        key = self.endpoint.api_key
        return text if key is None else text.replace(key, "***")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would send the key to another server, and a GET in place of the request."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _refuse_lasting(error: Exception, where: str) -> None:
    """`EndpointError` for what no further try will change: a wrong URL, a certificate that is not trusted."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, http.client.InvalidURL):
        raise EndpointError.say(
            "the server's URL is not valid",
            where=where,
            got=str(cause),
            expected="http://HOST:PORT/v1",
            remedy="correct --endpoint",
        ) from error
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise EndpointError.say(
            "the server's certificate is not trusted",
            where=where,
            got=str(cause),
            remedy="name the host in --endpoint as the certificate does, or put the file of the authority that "
            "signed it into the environment variable SSL_CERT_FILE",
        ) from error


def _body(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read()
    except (OSError, http.client.HTTPException):
        return b""


def wait_before(attempt: int, asked: str | None, jitter: float) -> float:
    """Seconds before the next try: what the server asks for (`Retry-After` in seconds), else doubling, 50 to 100 % of it."""
    if asked is not None and asked.strip().isdigit():
        return min(float(asked), LONGEST_WAIT_S)
    return min(FIRST_WAIT_S * 2.0**attempt, LONGEST_WAIT_S) * (0.5 + 0.5 * jitter)


def in_threads(
    work: Callable[[GenerationRequest], T], items: Sequence[GenerationRequest], count: int
) -> list[T]:
    """`work` of every item in `count` threads, results in order; the first failure is raised and nothing new begins.

    The threads are daemons: an interrupted process ends without waiting for answers that are on their way.
    """
    results: dict[int, T] = {}
    finished: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    is_over = threading.Event()
    for index in range(len(items)):
        waiting.put(index)

    def run() -> None:
        while not is_over.is_set():
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                results[index] = work(items[index])
            except ProjectError as error:
                finished.put(error)
                return
            except BaseException as error:
                # A mistake of the program: its traceback is that of this thread.
                finished.put(error)
                raise
            finished.put(None)

    for _ in range(min(count, len(items))):
        threading.Thread(target=run, daemon=True).start()
    try:
        for _ in items:
            error = finished.get()
            if error is not None:
                raise error
    finally:
        is_over.set()
    return [results[index] for index in range(len(items))]
