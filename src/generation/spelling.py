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
    """Each token's piece of `decode(ids)`; joined they are that text.

    Cost: a call of `decode` a token; in an answer with damaged characters one more of everything up to each token.
    """
    pieces = _by_characters(ids, decode)
    whole = decode(ids)
    return pieces if "".join(pieces) == whole else _by_prefixes(ids, decode, whole)


def _by_characters(ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> tuple[str, ...]:
    """Pieces between places where a character ends; right as long as the bytes are whole characters."""
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


def _by_prefixes(
    ids: Sequence[int], decode: Callable[[Sequence[int]], str], whole: str
) -> tuple[str, ...]:
    """What each token adds to the part of `whole` that the tokens so far already spell as it stays."""
    pieces = []
    done = 0
    for index in range(len(ids)):
        is_last = index + 1 == len(ids)
        end = len(whole) if is_last else max(done, _agreement(whole, decode(ids[: index + 1])))
        pieces.append(whole[done:end])
        done = end
    return tuple(pieces)


def _agreement(first: str, second: str) -> int:
    """How many characters two texts begin with in common."""
    pairs = zip(first, second, strict=False)
    differing = (index for index, (a, b) in enumerate(pairs) if a != b)
    return next(differing, min(len(first), len(second)))


def spell_bytes(parts: Iterable[bytes]) -> tuple[str, ...]:
    """Each token's piece of the text that the joined bytes spell; damaged bytes become U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    pieces = [decoder.decode(part) for part in parts]
    if pieces:
        pieces[-1] += decoder.decode(b"", True)
    return tuple(pieces)
