"""The Qwen3-VL chat template of ms-swift, made to fit any checkpoint, and the encoding of one conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from swift.template import MaxLengthError

from src.contract.records import Source
from src.datasets.builders.conversation import Conversation, Span, Turn
from src.datasets.scene import Pixels
from src.errors import ConfigError, DataError
from src.training.kinds import CODES, NO_KIND, Codes, answer_kinds, earlier_kinds
from src.training.ms_swift.answers import IGNORED, AnswerTokenizer

MAX_PROMPTS = 1000  # remembered; a set of chats has as many prompts as records
KINDS_KEY = "token_kinds"
FILLER = Conversation(
    system=None,
    turns=(Turn("user", "-"), Turn("assistant", "-")),
    pixels=(),
    spans=(),
    source=Source(file="filler", line=0),
)


def fit_token_ids(template: Any) -> None:
    """Set the image and video token ids on the template instance from its tokenizer.

    ms-swift's Qwen3-VL template class hard-codes the ids of the released vocabulary; a checkpoint with a smaller one would
    get placeholders that its model never replaces by image features.
    """
    tokenizer = template.processor.tokenizer
    for attribute, token in (
        ("image_token_id", "<|image_pad|>"),
        ("video_token_id", "<|video_pad|>"),
    ):
        token_id = tokenizer.convert_tokens_to_ids(token)
        if token_id is None or token_id == tokenizer.unk_token_id:
            raise ConfigError.say(
                f"the checkpoint's tokenizer has no {token} token",
                path="model.model",
                remedy="use a Qwen3-VL checkpoint, or make one with "
                "`python -m scripts.make_tiny_model`",
            )
        setattr(template, attribute, token_id)


def messages_of(conversation: Conversation) -> list[dict[str, str]]:
    """The turns as ms-swift takes them."""
    messages = [{"role": turn.role, "content": turn.content} for turn in conversation.turns]
    if conversation.system is not None:
        messages.insert(0, {"role": "system", "content": conversation.system})
    return messages


def to_swift_row(
    conversation: Conversation,
    *,
    with_target: bool,
    picture: Callable[[Pixels], Any] = Image.fromarray,
) -> dict[str, Any]:
    """ms-swift's row: `messages`, and the very same pixels as PIL images or as what else `picture` makes of them.

    `with_target` False leaves out the answer (the last assistant turns), for generation.
    """
    messages = messages_of(conversation)
    if not with_target:
        while messages and messages[-1]["role"] == "assistant":
            messages.pop()
    return {"messages": messages, "images": [picture(p) for p in conversation.pixels]}


@dataclass(frozen=True, slots=True)
class SwiftEncoder:
    """Conversation -> the tensors that ms-swift's collator takes; picklable, so that spawned workers can hold it.

    `token_kinds`, int8 (L,), says what kind each supervised token is (`src.training.kinds`); a collator takes it out again.
    `picture` wraps pixels for the template (`src.training.ms_swift.pixels` has the one of the fast path).
    """

    template: Any
    picture: Callable[[Pixels], Any] = Image.fromarray

    def row(self, conversation: Conversation) -> dict[str, Any]:
        """ms-swift's row of the whole conversation."""
        return to_swift_row(conversation, with_target=True, picture=self.picture)

    def __call__(self, conversation: Conversation) -> dict[str, Any]:
        """`DataError` when the sample is longer than the template's `max_length`: it is never cut or replaced."""
        try:
            encoded: dict[str, Any] = self.template.encode(self.row(conversation))
        except MaxLengthError as error:
            raise DataError.say(
                f"the sample does not fit global_max_length: {error}",
                where=str(conversation.source),
                remedy="raise global_max_length, lower template.max_pixels, or set "
                "custom.on_over_long: quarantine",
            ) from error
        encoded[KINDS_KEY] = torch.from_numpy(self._kinds(conversation, encoded["labels"]))
        return encoded

    def filler(self) -> dict[str, Any]:
        """A short text-only sample without any loss: it takes the place of one that could not be read."""
        encoded = self(FILLER)
        encoded["labels"] = [IGNORED] * len(encoded["labels"])
        encoded[KINDS_KEY] = torch.full_like(encoded[KINDS_KEY], NO_KIND)
        return encoded

    def _kinds(self, conversation: Conversation, labels: list[int]) -> Codes:
        """Codes (L,); under a loss scale that cuts answers into pieces every supervised token counts as text.

        One more tokenisation of the answer, which must give the very tokens that carry loss.
        """
        learned = np.array(labels, dtype=np.int64)
        tokenizer = AnswerTokenizer(self.template)
        if not tokenizer.is_exact:
            return np.where(learned == IGNORED, NO_KIND, CODES["text"]).astype(np.int8)
        text, spans = _joined_answer(conversation)
        answer = tokenizer(text)
        begin = len(learned) - len(answer.ids)
        if (
            begin < 1
            or learned[begin - 1] != IGNORED
            or not np.array_equal(learned[begin:], answer.ids)
        ):
            raise DataError.say(
                "the tokens that carry loss are not those of the answer alone",
                where=str(conversation.source),
                got=conversation.target[:60],
                remedy="remove markup such as <image> from the answer",
            )
        own = answer_kinds(text, spans, answer.starts, answer.ends)
        earlier = earlier_kinds(learned[:begin], tokenizer("").ids, IGNORED)
        return np.concatenate([earlier, own])


def _joined_answer(conversation: Conversation) -> tuple[str, tuple[Span, ...]]:
    """The last answer and its spans; ms-swift makes one text of assistant turns in a row, of which the earlier are text."""
    before = ""
    for turn in reversed(conversation.turns[:-1]):
        if turn.role != "assistant":
            break
        before = turn.content + before
    shift = len(before)
    own = tuple(Span(s.start + shift, s.end + shift, s.kind) for s in conversation.spans)
    return before + conversation.target, (Span(0, shift, "text"), *own)
