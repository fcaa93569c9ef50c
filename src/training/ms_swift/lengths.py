"""Exact lengths of samples by ms-swift's template and the tokenizer, without the model."""

from __future__ import annotations

import inspect
import os
from typing import Any

import swift
from swift.model import get_model_processor
from swift.template import get_template

from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.datasets.builders.conversation import Conversation, Turn
from src.rng import stable_hash
from src.training.ms_swift.answers import PieceTokenizer
from src.training.ms_swift.loading import forbid_remote_code
from src.training.ms_swift.template import MAX_PROMPTS, fit_token_ids, messages_of

RENAMED = {"template": "template_type", "system": "default_system"}


def open_template(config: TrainingConfig) -> Any:
    """The training template of a config over its checkpoint's processor; weights are not read."""
    forbid_remote_code()
    checkpoint = resolve_path(config.model["model"])
    is_local = checkpoint.is_dir()
    if is_local:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    passed = {"model_type": "model_type", "model_revision": "revision", "use_hf": "use_hf"}
    options = {new: config.model[name] for name, new in passed.items() if name in config.model}
    _, processor = get_model_processor(
        str(checkpoint) if is_local else config.model["model"], load_model=False, **options
    )
    known = inspect.signature(get_template).parameters
    named = {RENAMED.get(name, name): value for name, value in config.template.items()}
    named.pop("truncation_strategy", None)
    template = get_template(
        processor,
        truncation_strategy="raise",
        **{name: value for name, value in named.items() if name in known},
    )
    template.set_mode("train")
    fit_token_ids(template)
    return template


class SwiftLength:
    """Conversation -> its exact number of tokens; pixels are not touched, only their size counts.

    ms-swift tokenises the last answer apart from what stands before it, so a prompt (or the earlier turns of a chat) is encoded
    once and each answer alone, from remembered pieces as in training.
    """

    def __init__(self, template: Any) -> None:
        self.template = template
        answer = PieceTokenizer(template)
        # A template whose answers are no single piece of text is asked for the text by itself.
        self.tokens_of = answer if answer.is_exact else answer.whole
        self.num_closing = len(self.tokens_of("").ids)
        tokenizer, image_processor = (
            template.processor.tokenizer,
            template.processor.image_processor,
        )
        self.cell = image_processor.patch_size * image_processor.merge_size
        meta = template.template_meta
        told = (meta.template_type, str(meta.default_system), swift.__version__)
        self.fingerprint = f"{stable_hash(tokenizer.backend_tokenizer.to_str(), *told):032x}"
        self._prompts: dict[tuple[str | None, tuple[Turn, ...]], int] = {}

    def __call__(self, conversation: Conversation) -> int:
        # Each picture adds its grid cells and the two vision markers; markers are tokens of their own, so
        # the text on either side tokenises as it does without them.
        pictures = sum(
            2 + (pixels.shape[1] // self.cell) * (pixels.shape[0] // self.cell)
            for pixels in conversation.pixels
        )
        return self._around(conversation) + self.text_tokens(conversation.target) + pictures

    def text_tokens(self, text: str) -> int:
        """Tokens of a text by itself."""
        return len(self.tokens_of(text).ids) - self.num_closing

    def _around(self, conversation: Conversation) -> int:
        """Tokens of everything but the answer and the pictures."""
        key = (conversation.system, conversation.turns[:-1])
        if key not in self._prompts:
            messages = messages_of(conversation)
            probe = "x"
            messages[-1]["content"] = probe
            length = len(self.template.encode({"messages": messages})["input_ids"])
            if len(self._prompts) > MAX_PROMPTS:
                self._prompts.clear()
            self._prompts[key] = length - self.text_tokens(probe)
        return self._prompts[key]
