"""Collect the objects of one array while its file is read in pieces: where each lies, and whole numbers that it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson

from data_conversion.pipeline.readers.coco.json_numbers import whole_numbers
from data_conversion.pipeline.readers.coco.json_tokens import Positions, Tokens

_BETWEEN = re.compile(rb"\s*,\s*")
_SPACE = b" \t\r\n"
MOST_BETWEEN = 16


class JsonFault(Exception):
    """Broken JSON at a byte of the file; becomes a `DataError` where file and line are known."""

    def __init__(self, byte: int, message: str, got: str = "") -> None:
        super().__init__(message)
        self.byte, self.message, self.got = byte, message, got


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """Objects of one array in file order: int64 byte offsets, int32 lengths, int64 values of the fields asked for."""

    offsets: Positions
    lengths: np.ndarray
    fields: Mapping[str, Positions]

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """`text[begin:end]` lies inside the array, at `base` of the file; `starts` and `ends` are those of the objects in it."""

    text: bytes
    tokens: Tokens
    base: int
    begin: int
    end: int
    starts: Positions
    ends: Positions


@dataclass(slots=True, kw_only=True)
class Collector:
    """What was found so far of the array `key`; `names` are the numbers that every object must hold."""

    key: str
    names: tuple[str, ...]
    num_objects: int = 0
    offsets: list[Positions] = field(default_factory=list)
    lengths: list[Positions] = field(default_factory=list)
    values: dict[str, list[Positions]] = field(default_factory=dict)

    def add(self, stretch: Stretch) -> None:
        """Take the objects of the next stretch; `JsonFault` for anything between them but commas, or a missing number."""
        self._check_between(stretch)
        self.offsets.append(stretch.starts + stretch.base)
        self.lengths.append(stretch.ends - stretch.starts)
        self.num_objects += len(stretch.starts)
        if len(stretch.starts):
            for name in self.names:
                self.values.setdefault(name, []).append(self._numbers(stretch, name))

    def elements(self) -> Elements:
        """All of them."""
        empty = np.empty(0, np.int64)
        return Elements(
            offsets=np.concatenate([empty, *self.offsets]),
            lengths=np.concatenate([empty, *self.lengths]).astype(np.int32),
            fields={
                name: np.concatenate([empty, *self.values.get(name, ())]) for name in self.names
            },
        )

    def _check_between(self, stretch: Stretch) -> None:
        text = stretch.text
        froms = [stretch.begin, *stretch.ends.tolist()]
        tos = [*stretch.starts.tolist(), stretch.end]
        has_objects = len(stretch.starts) > 0
        before = b"," if self.num_objects and has_objects else b""
        middle = list(zip(froms[1:-1], tos[1:-1], strict=True))
        if _are_alike(text, stretch.ends[:-1], stretch.starts[1:]):
            middle = middle[:1]
        bad = None
        if text[froms[0] : tos[0]].strip(_SPACE) != before:
            bad = froms[0]
        elif not all(map(_BETWEEN.fullmatch, {text[a:b] for a, b in middle})):
            bad = next(a for a, b in middle if not _BETWEEN.fullmatch(text[a:b]))
        elif has_objects and text[froms[-1] : tos[-1]].strip(_SPACE):
            bad = froms[-1]
        if bad is not None:
            raise JsonFault(
                stretch.base + bad,
                f"{self.key} holds something else than objects with commas between them",
                ascii(text[bad : bad + 40].decode("utf-8", "replace")),
            )

    def _numbers(self, stretch: Stretch, name: str) -> Positions:
        """The number `name` of each object: by pattern where that finds exactly one, else by parsing the object."""
        text, starts, ends = stretch.text, stretch.starts, stretch.ends
        keys = stretch.tokens.strings(text, name.encode())
        keys = keys[(keys > starts[0]) & (keys < ends[-1])]
        keys = keys[stretch.tokens.depth_at(keys) == 3]
        at, values = whole_numbers(text, keys, name)
        owner = np.searchsorted(starts, at, side="right") - 1
        count = np.bincount(owner, minlength=len(starts))
        result = np.zeros(len(starts), np.int64)
        result[owner] = values
        for index in np.flatnonzero(count != 1).tolist():
            start, end = int(starts[index]), int(ends[index])
            result[index] = self._parsed_number(text[start:end], name, stretch.base + start)
        return result

    def _parsed_number(self, text: bytes, name: str, byte: int) -> int:
        try:
            element = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise JsonFault(byte + error.pos, f"not valid JSON: {error.msg}") from error
        if name not in element or type(element[name]) is not int or abs(element[name]) >= 1 << 62:
            raise JsonFault(
                byte,
                f"an entry of {self.key} without a whole number as {name}",
                ascii(element[name])[:80] if name in element else "none",
            )
        return int(element[name])


def _are_alike(text: bytes, froms: Positions, tos: Positions) -> bool:
    """Whether all `text[from:to]` are the same few bytes, as an exporter writes them; one of them then stands for all."""
    if not len(froms):
        return True
    lengths = tos - froms
    if lengths.min() != lengths.max() or lengths[0] > MOST_BETWEEN:
        return False
    found = np.frombuffer(text, np.uint8)[froms[:, np.newaxis] + np.arange(lengths[0])]
    return bool((found == found[0]).all())
