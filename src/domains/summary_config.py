"""How the objects of a picture become its summary, and what groups of objects look like: the schema. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedSummary:
    """`desc×count` items, equal descs counted once; shorter descs first, those of one length as they come.

    Types in `without_one` are written without the sign when there is one of them.
    """

    count_sign: str = "×"
    separator: str = ", "
    without_one: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.count_sign.strip() or not self.separator.strip():
            raise ValueError("count_sign and separator are more than white space")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSummary:
    """The keys of a JSON summary: `{counts: [{category, number, <attribute>: {<answer>: n}}], remarks: [...], groups: {...}}`.

    `remarks` and `groups` are left out where there are none.
    """

    counts: str = "counts"
    category: str = "category"
    number: str = "number"
    remarks: str = "remarks"
    groups: str = "groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRules:
    """A summary for every picture with objects: a list of counts, or JSON."""

    form: Literal["counted", "json"]
    counted: CountedSummary = field(default_factory=CountedSummary)
    json: JsonSummary = field(default_factory=JsonSummary)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Objects that the annotator put together. `template` holds `{n}`, which numbers a picture's groups from 1.

    It is put before the desc; in `form: key_value` it is the value of a first pair called `key`. A group with one member is none:
    the object stays, without the prefix, and a finding says so.
    """

    template: str
    key: str | None = None
