"""The text of each token, such that the pieces joined are the answer: a token may be a part of a character.

A byte-level vocabulary cuts an umlaut or a Chinese character into tokens that mean nothing alone. The whole character goes to
the token that completes it, and the ones before spell nothing.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Sequence

INCOMPLETE = "\ufffd"
LONGEST = 4  # bytes of a UTF-8 character


def spell_ids(ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> tuple[str, ...]:
    """Each token's piece of `decode(ids)`, for a decoder whose text of a whole is the joined text of its parts."""
    pieces = []
    begin = 0
    for index in range(len(ids)):
        text = decode(ids[begin : index + 1])
        is_last = index + 1 == len(ids)
        if text.endswith(INCOMPLETE) and index + 1 - begin < LONGEST and not is_last:
            pieces.append("")
            continue
        pieces.append(text)
        begin = index + 1
    return tuple(pieces)


def spell_bytes(parts: Iterable[bytes]) -> tuple[str, ...]:
    """Each token's piece of the text that the joined bytes spell; damaged bytes become U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    pieces = [decoder.decode(part) for part in parts]
    if pieces:
        pieces[-1] += decoder.decode(b"", True)
    return tuple(pieces)
