"""What kind of text each supervised token is, from the writer's spans and the tokenizer's offsets. No torch.

The writer of an answer says which characters are descriptions, coordinates or free text; everything else is format. A token's
kind is that of its first character that is not white space (a token of white space alone: of its first character), because
byte-level vocabularies glue a space to the word that follows it. What closes a turn is format.
Cost: some 50 microseconds for 3,000 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from src.datasets.builders.conversation import Span, SpanKind

KINDS: tuple[SpanKind, ...] = ("desc", "coordinate", "format", "text")
CODES: dict[SpanKind, int] = {kind: number for number, kind in enumerate(KINDS, 1)}
NO_KIND = 0  # a token without loss
LAST_SPACE = 32  # code points up to it are white space or control characters

Codes = NDArray[np.int8]
Offsets = NDArray[np.int64]


def answer_kinds(text: str, spans: Sequence[Span], starts: Offsets, ends: Offsets) -> Codes:
    """Codes (N,) of an answer's tokens, which cover characters `starts` to `ends` (exclusive) of `text` and what follows it.

    Tokens that begin after the text close the turn: format.
    """
    length = len(text)
    kinds = np.full(length + 1, CODES["format"], dtype=np.int8)
    for span in spans:
        kinds[span.start : span.end] = CODES[span.kind]
    points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    positions = np.arange(length + 1)
    words = positions.copy()
    words[:length][points <= LAST_SPACE] = length
    # The first position from each one on that is no white space.
    words = np.minimum.accumulate(words[::-1])[::-1]
    first = np.minimum(starts, length)
    word = words[first]
    return kinds[np.where(word < ends, word, first)]


def earlier_kinds(labels: NDArray[np.int64], suffix: NDArray[np.int64], ignored: int) -> Codes:
    """Codes of what stands before the last answer: earlier answers are text, the `suffix` tokens that close them format."""
    kinds = np.where(labels == ignored, NO_KIND, CODES["text"]).astype(np.int8)
    edges = np.flatnonzero(np.diff(kinds.astype(np.int64), append=NO_KIND) < 0) + 1
    for end in edges:
        if np.array_equal(labels[max(end - len(suffix), 0) : end], suffix):
            kinds[end - len(suffix) : end] = CODES["format"]
    return kinds
