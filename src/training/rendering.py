"""A sample as a person can read it: prompt, answer, and which tokens carry loss."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from src.datasets.builders.conversation import Conversation
from src.datasets.plan import SampleKey

IGNORED = -100


def render_sample(
    key: SampleKey, conversation: Conversation, encoded: dict[str, Any], tokenizer: Any
) -> str:
    """Text of one encoded sample; supervised tokens stand between « and », repeated tokens are counted."""
    ids, labels = (_plain(encoded[name]) for name in ("input_ids", "labels"))
    pieces = []
    for is_target, group in groupby(
        zip(ids, labels, strict=True), key=lambda pair: pair[1] != IGNORED
    ):
        text = _text([token for token, _ in group], tokenizer)
        pieces.append(f"«{text}»" if is_target else text)
    sizes = ", ".join(f"{p.shape[1]}x{p.shape[0]}" for p in conversation.pixels) or "none"
    num_target = sum(label != IGNORED for label in labels)
    head = (
        f"--- {conversation.source} (epoch {key.epoch}, slot {key.slot}) pictures {sizes}, "
        f"{len(ids)} tokens, {num_target} with loss (between « and »)"
    )
    return f"{head}\n{''.join(pieces)}"


def _plain(values: Any) -> list[int]:
    """A list, whether the encoder gave a list (ms-swift's) or a tensor (the fast path's)."""
    return values if isinstance(values, list) else values.tolist()


def _text(ids: list[int], tokenizer: Any) -> str:
    """Decoded tokens, runs of one token written once with their count."""
    parts: list[str] = []
    plain: list[int] = []
    for token, group in groupby(ids):
        count = len(list(group))
        if count < 4:
            plain += [token] * count
            continue
        parts += [tokenizer.decode(plain), f"{tokenizer.decode([token])}[x{count}]"]
        plain = []
    return "".join([*parts, tokenizer.decode(plain)])
