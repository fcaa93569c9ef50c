"""How sure a model was of an object: the geometric mean of the probabilities of its label's and coordinates' tokens.

Brackets, keys and commas are nearly certain in any answer and would only dilute the mean. What counts: the label, where it stands
with the object, and the numbers inside brackets (of a format without brackets, all numbers).
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from src.contract.predictions import ParsedAnswer, Scores
from src.errors import DataError
from src.generation.types import TokenScore

_KEY = re.compile(r'"(?:[^"\\\n]|\\.)*"\s*:')
_MARK = re.compile(r"<[^<>]*>")  # markup and special tokens
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)+)"')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_BRACKETED = re.compile(r"[\[(][^\[\](){}]*[\])]")


def object_scores(answer: ParsedAnswer, text: str, tokens: Sequence[TokenScore]) -> Scores:
    """A score in [0, 1] for each object of `answer`, which was parsed from `text`.

    None where no token lies on the object. `DataError` when the tokens do not spell the text.
    """
    spelled = "".join(token.text for token in tokens)
    shift = spelled.find(text)
    if shift < 0:
        raise DataError.say(
            "the token scores do not spell the answer",
            got=spelled[:60],
            expected=text[:60],
            remedy="predict without --logprobs, or with another backend",
        )
    starts = [-shift]
    for token in tokens:
        starts.append(starts[-1] + len(token.text))
    ends = starts[1:]
    scores = []
    for item, (begin, end) in zip(answer.objects, answer.spans, strict=True):
        chosen: set[int] = set()
        for first, last in content_ranges(text[begin:end], item.desc):
            # Tokens that overlap the characters: the first that ends behind their begin to the last that begins before their end.
            low = bisect_right(ends, begin + first)
            high = bisect_left(starts, begin + last)
            chosen |= {index for index in range(low, min(high, len(tokens))) if tokens[index].text}
        mean = [tokens[index].logprob for index in chosen]
        scores.append(min(1.0, math.exp(sum(mean) / len(mean))) if mean else None)
    return tuple(scores)


def content_ranges(piece: str, desc: str) -> list[tuple[int, int]]:
    """Offsets (start, end) of an object's label and coordinates in its text."""
    bare = _blanked(_KEY, piece)
    written = {json.dumps(desc, ensure_ascii=False)[1:-1], json.dumps(desc)[1:-1]}
    strings = list(_STRING.finditer(bare))
    # Other strings name a kind of geometry; of a list below a common label the label stands elsewhere.
    found = [match.span(1) for match in strings if match.group(1) in written]
    bare = _blanked(_STRING, bare)
    if not strings and (place := piece.find(desc)) >= 0:
        found = [(place, place + len(desc))]
        bare = _blanked(_MARK, bare[:place] + " " * len(desc) + bare[place + len(desc) :])
    bracketed = [match.span() for match in _BRACKETED.finditer(bare)]
    numbers = [match.span() for match in _NUMBER.finditer(bare)]
    if bracketed:
        numbers = [n for n in numbers if any(b[0] < n[0] and n[1] < b[1] for b in bracketed)]
    return found + numbers


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """The text with every match replaced by spaces: offsets stay."""
    return pattern.sub(lambda match: " " * len(match.group()), text)
