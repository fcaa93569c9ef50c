"""Each token of a batched generation, seen before it is written: sampled, scored, or replaced by the end of the answer.

ms-swift's engine ignores a seed, and transformers draws all rows from one generator, so an answer would depend on its neighbours.
Here each row draws from a stream of its own. Scores are taken one step at a time: kept logits of a whole answer of 1,000 tokens
and 16 rows would be 10 GB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from transformers import LogitsProcessor

from src.generation.repetition import CLOSING, is_repeating
from src.generation.types import GenerationOptions
from src.rng import Stream

Decode = Callable[[Sequence[int]], str]


@dataclass(slots=True)
class Row:
    """One request's generation: its draws, its tokens' log probabilities so far, and whether it was ended for repeating."""

    draws: Stream
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    is_repeating: bool = False


class Steering(LogitsProcessor):  # type: ignore[misc]
    """For greedy `generate` of one batch: where it chooses, only the chosen token is left with a finite score.

    `end` is the token that ends an answer, `special` are those that no answer holds.

    Sampling inverts the cumulative distribution at one uniform number a token, of the stream (seed, "sample", key): equal in
    every batch as far as the logits are. Cost a step: one copy of the chosen tokens from the device; a decoded answer for each
    closing bracket when repetition is watched.
    """

    def __init__(
        self,
        keys: Sequence[str],
        options: GenerationOptions,
        *,
        end: int,
        special: Sequence[int],
        decode: Decode,
    ) -> None:
        self.options = options
        self.end = end
        self.decode = decode
        self.rows = [Row(draws=Stream(options.seed, "sample", key)) for key in keys]
        self._start: int | None = None
        # Special tokens have brackets in their names, and stand at the end of every row that has ended.
        self._closes = dict.fromkeys(special, False)

    @property
    def is_needed(self) -> bool:
        """Greedy answers without scores and without a stopper need no look at their tokens."""
        options = self.options
        return options.temperature > 0 or options.logprobs or options.max_repeats is not None

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """`input_ids` (rows, prompt + generated), `scores` (rows, vocabulary): logits."""
        if self._start is None:
            self._start = input_ids.shape[1]
        if self.options.max_repeats is not None:
            self._watch(input_ids, self.options.max_repeats)
        chosen = self._sample(scores) if self.options.temperature > 0 else scores.argmax(dim=-1)
        ended = [index for index, row in enumerate(self.rows) if row.is_repeating]
        chosen[ended] = self.end
        if self.options.logprobs:
            chances = torch.log_softmax(scores.float(), dim=-1).gather(1, chosen[:, None])
            taken = zip(self.rows, chosen.tolist(), chances[:, 0].tolist(), strict=True)
            for row, token, chance in taken:
                row.ids.append(token)
                row.logprobs.append(chance)
        if not ended and self.options.temperature <= 0:
            return scores
        steered = torch.full_like(scores, -torch.inf)
        return steered.scatter_(1, chosen[:, None], 0.0)  # type: ignore[return-value]

    def _sample(self, scores: torch.Tensor) -> torch.Tensor:
        # Double precision: the last of 150,000 summands must not drown.
        chances = torch.softmax(scores.double() / self.options.temperature, dim=-1).cumsum(dim=-1)
        numbers = [row.draws.uniform(1)[0] for row in self.rows]
        drawn = torch.tensor(numbers, dtype=chances.dtype, device=chances.device)[:, None]
        # The sum is 1 but for rounding; scaling the draw keeps it below the last token's.
        chosen = torch.searchsorted(chances, drawn * chances[:, -1:], right=True)
        return chosen[:, 0].clamp_(max=scores.shape[1] - 1)

    def _watch(self, input_ids: torch.Tensor, times: int) -> None:
        if input_ids.shape[1] == self._start:
            return
        for index, token in enumerate(input_ids[:, -1].tolist()):
            row = self.rows[index]
            if row.is_repeating or not self._is_closing(token):
                continue
            row.is_repeating = is_repeating(
                self.decode(input_ids[index, self._start :].tolist()), times
            )

    def _is_closing(self, token: int) -> bool:
        """Whether the token holds a closing bracket; its text is looked up once."""
        if token not in self._closes:
            text = self.decode([token])
            self._closes[token] = any(bracket in text for bracket in CLOSING)
        return self._closes[token]
