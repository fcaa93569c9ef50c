"""One request, one result, one engine interface for every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """Greedy decoding up to `max_new_tokens`."""

    max_new_tokens: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """The answer's text without special tokens; `length` means that it was cut off."""

    text: str
    finish_reason: FinishReason
    num_tokens: int


class Engine(Protocol):
    """A backend. Results come in the order of the requests."""

    def generate(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]: ...


@dataclass(frozen=True, slots=True)
class ScriptedEngine:
    """Answers from a table by request key: for tests and dry runs without a model."""

    answers: Mapping[str, str]

    def generate(
        self, requests: Sequence[GenerationRequest], options: GenerationOptions
    ) -> list[GenerationResult]:
        texts = [self.answers[request.key] for request in requests]
        return [
            GenerationResult(text=text, finish_reason="stop", num_tokens=len(text))
            for text in texts
        ]
