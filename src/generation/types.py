"""One request, one result, one engine interface for every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from src.contract.predictions import FinishReason
from src.datasets.builders.conversation import Conversation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GenerationRequest:
    """What to answer; the conversation's last assistant turn, if any, is left out. `key` names the item."""

    key: str
    conversation: Conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """How to decode. Temperature 0 is greedy; above it each item draws from a seed of its own, made of `seed` and its key.

    Sampling is from the whole distribution: no top-k, top-p or penalty. `max_repeats` ends an answer that describes an almost
    equal object so many times in a row, at least 2 (None: never). `grammar` is a GBNF text that a backend which offers
    constrained decoding must follow; the others refuse it.
    """

    max_new_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    logprobs: bool = False
    max_repeats: int | None = None
    grammar: str | None = None


@dataclass(frozen=True, slots=True)
class TokenScore:
    """One generated token's text and its log probability (natural logarithm)."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """The answer's text without special tokens. `tokens` spell the text, in order; None when `logprobs` was not asked for."""

    text: str
    finish_reason: FinishReason
    num_tokens: int
    tokens: tuple[TokenScore, ...] | None = None


class Engine(Protocol):
    """A backend. Results come in the order of the requests; after `close` it answers no more."""

    def generate(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]: ...

    def close(self) -> None:
        """Let go of the weights, so that another engine finds their memory free."""


@dataclass(frozen=True, slots=True)
class ScriptedEngine:
    """Answers from a table by request key: for tests and dry runs without a model.

    A text stands for a certain answer of one token a character that ended by itself; a whole result is given as it is, its
    tokens only when they are asked for.
    """

    answers: Mapping[str, str | GenerationResult]

    def generate(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]:
        found = [_result(self.answers[request.key]) for request in requests]
        return found if options.logprobs else [replace(item, tokens=None) for item in found]

    def close(self) -> None:
        """Nothing is held."""


def _result(answer: str | GenerationResult) -> GenerationResult:
    if isinstance(answer, GenerationResult):
        return answer
    tokens = tuple(TokenScore(character, 0.0) for character in answer)
    return GenerationResult(
        text=answer, finish_reason="stop", num_tokens=len(answer), tokens=tokens
    )
