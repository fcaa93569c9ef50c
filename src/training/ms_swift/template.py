"""The Qwen3-VL chat template of ms-swift, made to fit any checkpoint, and the encoding of one conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image
from swift.template import MaxLengthError

from src.datasets.builders.conversation import Conversation
from src.datasets.scene import Pixels
from src.errors import ConfigError, DataError


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

    `picture` wraps pixels for the template (`src.training.ms_swift.pixels` has the one of the fast path).
    """

    template: Any
    picture: Callable[[Pixels], Any] = Image.fromarray

    def __call__(self, conversation: Conversation) -> dict[str, Any]:
        """`DataError` when the sample is longer than the template's `max_length`: it is never cut or replaced."""
        try:
            row = to_swift_row(conversation, with_target=True, picture=self.picture)
            return self.template.encode(row)
        except MaxLengthError as error:
            raise DataError.say(
                f"the sample does not fit global_max_length: {error}",
                where=str(conversation.source),
                remedy="raise global_max_length, lower template.max_pixels, or set "
                "custom.on_over_long: quarantine",
            ) from error
