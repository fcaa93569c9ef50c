"""When an answer repeats itself: a model that lost its way writes the same object until the limit of new tokens.

Independent of the answer format: the text is looked at with its coordinates masked, and a run is the same masked text several
times on end, each time with almost the same numbers. Labels must be equal to the letter, their digits too; running numbers in
JSON keys and what stands behind keys (a score) do not count. A cycle of a few objects is a run of a longer unit.

A good answer may hold many equal objects side by side, such as the screws of a tray, and must never be ended. So "almost equal"
is at most half of the object itself, in each direction: neighbours that do not overlap are always further apart.

Cost: about 0.5 ms for 1,000 characters, so callers look only after a closing bracket.
"""

from __future__ import annotations

import math
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from src.generation.types import GenerationOptions, GenerationResult, TokenScore

CLOSING = "}])>"
TOLERANCE = 0.02
"""Numbers are almost equal within this share of the run's own largest coordinate; numbers before the run have no say."""
LEAST_TOLERANCE = 3.0  # units of the grid, for runs near its origin
OF_OBJECT = 0.5
"""... and never further apart than this share of their object's width or height."""
MAX_UNIT = 2_000  # characters of one repeated unit: a polygon of some 200 vertices
FEWEST_NUMBERS = 4  # two points; less is no object
_SEPARATORS = " ,;\n\t\r"
_NUMBER, _KEY_NUMBER = "\x00", "\x01"
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
# Of a numbered key; other digits of keys are labels.
_COUNTER = re.compile(r'(?<=_)\d+(?="\s*:\s*$)')
_LETTER = re.compile(r"[^\W\d_]")
_GROUP = re.compile(r"[\[(][^\[\](){}]*[\])]")
_FIGURE = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_PIECE = re.compile(r'"(?:[^"\\\n]|\\.)*"(\s*:\s*)?|(?<![\w.])-?\d+(?:\.\d+)?')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Masked:
    """A text with every coordinate, every counter in a key and every number behind a key as one character.

    `places` and `values` are the coordinates, by their offset in `skeleton`. `steps` are offsets (skeleton, text) after each
    masked piece.
    """

    skeleton: str
    places: list[int]
    values: list[float]
    steps: list[tuple[int, int]]

    def text_offset(self, end: int) -> int:
        """The text's offset for the skeleton's."""
        count = bisect_right(self.steps, (end, sys.maxsize))
        skeleton, text = self.steps[count - 1] if count else (0, 0)
        return text + end - skeleton


def _mask(text: str) -> _Masked:
    """Where an answer has coordinates in brackets, those are all; other digits are of labels, scores and markup."""
    is_coordinate = _coordinate_test(text)
    is_behind_key = False
    pieces: list[str] = []
    places: list[int] = []
    values: list[float] = []
    steps: list[tuple[int, int]] = []
    length = position = 0
    for match in _PIECE.finditer(text):
        between, found = text[position : match.start()], match.group()
        length += len(between)
        if found[0] != '"':
            if is_coordinate(match.start()):
                places.append(length)
                values.append(float(found))
                found = _NUMBER
            elif is_behind_key and not between:
                found = _KEY_NUMBER
        elif match.group(1) is not None:
            found = _COUNTER.sub(_KEY_NUMBER, found)
        is_behind_key = match.group(1) is not None
        pieces += (between, found)
        length += len(found)
        position = match.end()
        steps.append((length, position))
    pieces.append(text[position:])
    return _Masked(skeleton="".join(pieces), places=places, values=values, steps=steps)


def _coordinate_test(text: str) -> Callable[[int], bool]:
    """Whether the number at an offset is a coordinate: by the innermost brackets with nothing but some numbers and strings."""
    bare = _STRING.sub(lambda match: " " * len(match.group()), text)
    spans = [
        match.span()
        for match in _GROUP.finditer(bare)
        if len(_FIGURE.findall(match.group())) >= 2 and not _LETTER.search(match.group())
    ]
    if not spans:
        return lambda offset: True
    begins = [begin for begin, _ in spans]

    def is_inside(offset: int) -> bool:
        index = bisect_right(begins, offset) - 1
        return index >= 0 and offset < spans[index][1]

    return is_inside


def _is_whole(unit: str) -> bool:
    """Whether a unit is an object from its first bracket to its last: no part of one beside a part of the next."""
    is_labelled = any(character.isalpha() for character in unit)
    # Objects below a common label have none of their own; the points of a polygon are in brackets of two numbers.
    if not is_labelled and not any(
        group.count(_NUMBER) >= FEWEST_NUMBERS for group in _GROUP.findall(unit)
    ):
        return False
    depth = 0
    for character in _STRING.sub("", unit):
        depth += (character in "{[(") - (character in "}])")
        if depth < 0:
            return False
    return depth == 0


def _ends_a_run(masked: _Masked, end: int, times: int) -> bool:
    """Whether the skeleton up to `end`, a closing bracket's end, finishes a unit for the `times`-th time in a row."""
    skeleton = masked.skeleton
    close = skeleton[end - 1]
    position = end - 1
    lowest = max(0, end - MAX_UNIT)
    while (position := skeleton.rfind(close, lowest, position)) >= 0:
        unit = skeleton[position + 1 : end]
        # The first of a run has no separator before it.
        core = unit.lstrip(_SEPARATORS)
        first = end - (times - 1) * len(unit) - len(core)
        if first < 0:
            return False
        if (
            skeleton.startswith(core, first)
            and skeleton[first + len(core) : end] == unit * (times - 1)
            and _almost_equal(masked, first, end, times)
            and _is_whole(core)
        ):
            return True
    return False


def _almost_equal(masked: _Masked, first: int, end: int, times: int) -> bool:
    begin, stop = bisect_left(masked.places, first), bisect_left(masked.places, end)
    count = (stop - begin) // times
    if count < FEWEST_NUMBERS:
        return False
    last = masked.values[stop - count : stop]
    tolerance = max(LEAST_TOLERANCE, TOLERANCE * max(map(abs, last)))
    run = range(begin, stop - count)
    # The cheap question first: most good answers go no further.
    return _is_within(masked.values, run, last, [tolerance] * count) and _is_within(
        masked.values, run, last, _object_bounds(masked, stop - count, stop)
    )


def _is_within(
    values: Sequence[float], run: range, unit: Sequence[float], bounds: Sequence[float]
) -> bool:
    """Whether each value of a run of units is as near to the same one of `unit` as its bound says."""
    count = len(unit)
    return all(
        abs(values[place] - unit[index % count]) <= bounds[index % count]
        for index, place in enumerate(run)
    )


def _object_bounds(masked: _Masked, begin: int, stop: int) -> list[float]:
    """How far each coordinate of a unit may be from the same one of another: by the extent of its object along its axis."""
    starts = [begin]
    in_group = 1
    for index in range(begin + 1, stop):
        between = masked.skeleton[masked.places[index - 1] + 1 : masked.places[index]]
        is_closed = "]" in between or ")" in between
        # Points of a polygon may be in brackets of their own, two numbers each.
        if _LETTER.search(between) or (is_closed and in_group >= FEWEST_NUMBERS):
            starts.append(index)
        in_group = 1 if is_closed else in_group + 1
    bounds = []
    for first, after in pairwise([*starts, stop]):
        numbers = masked.values[first:after]
        # A last odd one is a score.
        points = numbers[: len(numbers) // 2 * 2]
        extents = [max(axis) - min(axis) if axis else 0.0 for axis in (points[::2], points[1::2])]
        bounds += [OF_OBJECT * extents[place % 2] for place in range(len(points))]
        bounds += [math.inf] * (len(numbers) - len(points))
    return bounds


def is_repeating(text: str, times: int) -> bool:
    """Whether the text, up to its last closing bracket, ends with an almost equal object `times` (>= 2) times in a row."""
    assert times >= 2, times
    masked = _mask(text)
    end = max(masked.skeleton.rfind(bracket) for bracket in CLOSING) + 1
    return end > 0 and _ends_a_run(masked, end, times)


def repetition_end(text: str, times: int) -> int | None:
    """Where an answer first repeats an almost equal object `times` (>= 2) times in a row: the offset after the last of them.

    For backends that cannot stop on their own: cutting there gives what `is_repeating` would have stopped at.
    """
    assert times >= 2, times
    masked = _mask(text)
    for closing in re.finditer(r"[}\])>]", masked.skeleton):
        end = closing.end()
        if _ends_a_run(masked, end, times):
            return masked.text_offset(end)
    return None


def stopped_at_repetition(result: GenerationResult, options: GenerationOptions) -> GenerationResult:
    """The result cut where a stopper in the backend would have ended it; unchanged where nothing repeats."""
    if options.max_repeats is None:
        return result
    end = repetition_end(result.text, options.max_repeats)
    if end is None:
        return result
    tokens: list[TokenScore] | None = None
    if result.tokens is not None:
        tokens, length = [], 0
        for token in result.tokens:
            if length >= end:
                break
            tokens.append(TokenScore(token.text[: end - length], token.logprob))
            length += len(token.text)
    return replace(
        result,
        text=result.text[:end],
        finish_reason="repetition",
        tokens=None if tokens is None else tuple(tokens),
    )
