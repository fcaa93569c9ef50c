"""The encoder of `custom.pixel_path: fast`: puts a sample together from what ms-swift made of its surroundings once.

Everything before an answer (system, earlier turns, one placeholder a picture) is a function of few distinct texts. ms-swift
encodes each of them once, around a probe; of a sample only the answer is tokenised, and placeholders are repeated to the
picture's cells. The result is ms-swift's own to the value; what this cannot promise (a template with other settings, an answer
with markup in it, a sample that is too long) goes to ms-swift whole.
Cost for 1024x768 with 20 objects (3,000 tokens): about 1 ms (`python -m benchmarks.pixel_path`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from swift.template import MaxLengthError

from src.datasets.builders.conversation import Conversation, Turn
from src.training.kinds import NO_KIND, Codes, answer_kinds, earlier_kinds
from src.training.ms_swift.answers import IGNORED, Ids, PieceTokenizer
from src.training.ms_swift.template import KINDS_KEY, MAX_PROMPTS, SwiftEncoder

PROBE = "x"
# What ms-swift may return for a sample that this knows how to put together.
KNOWN_KEYS = {"input_ids", "labels", "pixel_values", "image_grid_thw", "mm_token_type_ids"}
MARKUP = "<"  # the first character of everything that ms-swift or the tokenizer reads as a command
FrameKey = tuple[str | None, tuple[Turn, ...], int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """What stands before an answer, each array (N,), with one placeholder token a picture at `places`.

    `types` marks the placeholders as ms-swift does; None without pictures.
    """

    ids: Ids
    labels: Ids
    kinds: Codes
    types: Ids | None
    places: NDArray[np.int64]

    def counts(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """How often each token is repeated when picture i has `cells[i]` cells."""
        counts = np.ones(len(self.ids), dtype=np.int64)
        counts[self.places] = cells
        return counts


class FrameEncoder:
    """Conversation -> the tensors that ms-swift's collator takes, and `token_kinds`; picklable.

    `stock` encodes by the template alone; `stock.template` lays pixels out with its image processor.
    """

    def __init__(self, stock: SwiftEncoder) -> None:
        self.stock = stock
        self.layout = stock.template.processor.image_processor
        self.answer = PieceTokenizer(stock.template)
        self._frames: dict[FrameKey, Frame | None] = {}

    def __call__(self, conversation: Conversation) -> dict[str, Any]:
        """`DataError` when the sample is longer than the template's `max_length`: it is never cut or replaced."""
        frame = None if MARKUP in conversation.target else self._frame(conversation)
        if frame is None:
            return self.stock(conversation)
        encoded: dict[str, Any] = {}
        counts = None
        if conversation.pixels:
            pictures = [self.stock.picture(pixels) for pixels in conversation.pixels]
            encoded = self.layout(pictures, return_tensors="pt", do_resize=False)
            merge = self.layout.merge_size**2
            counts = frame.counts(encoded["image_grid_thw"].numpy().prod(axis=1) // merge)
        answer = self.answer(conversation.target)
        kinds = answer_kinds(conversation.target, conversation.spans, answer.starts, answer.ends)
        encoded["input_ids"] = _joined(frame.ids, counts, answer.ids)
        if len(encoded["input_ids"]) > self.stock.template.max_length:
            return self.stock(conversation)  # which says so
        encoded["labels"] = _joined(frame.labels, counts, answer.ids)
        encoded[KINDS_KEY] = _joined(frame.kinds, counts, kinds)
        if frame.types is not None:
            encoded["mm_token_type_ids"] = _joined(frame.types, counts, np.zeros_like(answer.ids))
        return encoded

    def filler(self) -> dict[str, Any]:
        """A short text-only sample without any loss."""
        return self.stock.filler()

    def _frame(self, conversation: Conversation) -> Frame | None:
        turns = conversation.turns
        key = (conversation.system, turns[:-1], len(conversation.pixels))
        if key not in self._frames:
            if len(self._frames) >= MAX_PROMPTS:
                self._frames.clear()
            # Turns of one role in a row are joined by ms-swift, the answer then is no piece of its own.
            is_plain = [turn.role for turn in turns[-2:]] == ["user", "assistant"]
            self._frames[key] = (
                self._probe(conversation) if is_plain and self.answer.is_exact else None
            )
        return self._frames[key]

    def _probe(self, conversation: Conversation) -> Frame | None:
        """The frame, cut out of the encoding of a probe; None unless it is exactly as understood."""
        template = self.stock.template
        side = self.layout.patch_size * self.layout.merge_size
        cell = np.zeros((side, side, 3), dtype=np.uint8)
        probe = replace(
            conversation,
            turns=(*conversation.turns[:-1], Turn("assistant", PROBE)),
            pixels=(cell,) * len(conversation.pixels),
        )
        try:
            encoded = template.encode(self.stock.row(probe))
        except MaxLengthError:
            return None
        tail = self.answer(PROBE).ids
        ids, labels = (np.array(encoded[name], dtype=np.int64) for name in ("input_ids", "labels"))
        begin = len(ids) - len(tail)
        places = np.flatnonzero(ids == template.image_token_id)
        types = encoded["mm_token_type_ids"].numpy() if "mm_token_type_ids" in encoded else None
        is_understood = (
            set(encoded) <= KNOWN_KEYS
            and np.array_equal(ids[begin:], tail)
            and np.array_equal(labels[begin:], tail)
            and labels[begin - 1] == IGNORED
            and len(places) == len(conversation.pixels)
            and (types is not None) == bool(len(places))
            and bool((labels[places] == IGNORED).all())
        )
        if not is_understood:
            return None
        suffix = self.answer("").ids
        return Frame(
            ids=ids[:begin],
            labels=labels[:begin],
            kinds=earlier_kinds(labels[:begin], suffix, IGNORED),
            types=None if types is None else types[:begin],
            places=places,
        )


def _joined(
    frame: NDArray[Any], counts: NDArray[np.int64] | None, answer: NDArray[Any]
) -> torch.Tensor:
    """One tensor of a frame, its placeholders repeated, and the answer."""
    before = frame if counts is None else np.repeat(frame, counts)
    return torch.from_numpy(np.concatenate([before, answer]))


assert NO_KIND == 0, "a batch is padded with zeros"
