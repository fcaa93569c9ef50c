"""What the writers of annotation formats share: which records they can hold, and what these say beside their shapes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import count
from pathlib import PurePosixPath
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from data_conversion.pipeline.raw import Attribute
from data_conversion.pipeline.writing import Written
from src.contract.records import Record
from src.errors import RecordError

_POSITIVE = re.compile("[1-9][0-9]{0,8}")  # ASCII digits, within the 32 bits that tools store
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


BOOKKEEPING = ("format", "annotation", "row", "prompt")
"""Metadata that says where a record came from; no format keeps it, and it is no loss."""
ATTRIBUTES, GROUPS = "attributes", "groups"


def dense_records(
    records: Iterable[Record],
    written: Written,
    *,
    keeps_summary: bool = False,
    keeps_groups: bool = False,
) -> Iterator[Record]:
    """The records of one annotated picture, negatives included, counted in `written`; the others are counted as lost.

    So are a summary, unless `keeps_summary`, and all metadata but the objects' attributes, and groups if `keeps_groups`: these
    the writer asks for by `attributes_of` or `count_attributes` and `groups_of`. `RecordError` for a picture's path that
    leads out of the folder.
    """
    for record in records:
        if record.is_chat:
            written.losses["chat records"] += 1
            continue
        is_summary_alone = record.summary is not None and not record.objects
        if len(record.images) != 1 or (is_summary_alone and not keeps_summary):
            written.losses["records that are a summary without annotated objects"] += 1
            continue
        if record.summary is not None and not keeps_summary:
            written.losses["summary texts"] += 1
        count_metadata(
            record, written, kept=(ATTRIBUTES, GROUPS) if keeps_groups else (ATTRIBUTES,)
        )
        _check_path(record)
        written.num_images += 1
        yield record


def count_metadata(record: Record, written: Written, *, kept: Collection[str]) -> None:
    """Count as lost each entry of the metadata that is neither `kept` nor bookkeeping (`BOOKKEEPING`)."""
    for name, value in record.metadata.items():
        if name not in kept and name not in BOOKKEEPING and value not in (None, [], {}, ""):
            written.losses[f"records whose metadata.{name} is left out"] += 1


def groups_of(record: Record, written: Written) -> list[int | None]:
    """The group of each object as a positive number; None without one.

    A name that is such a number keeps it; any other gets the lowest that is free in its picture, which is counted.
    """
    given = record.metadata.get(GROUPS)
    if given is None:
        return [None] * len(record.objects)
    if (
        not isinstance(given, list | tuple)
        or len(given) != len(record.objects)
        or not all(isinstance(name, str) for name in given)
    ):
        written.losses["groups that are not one name an object"] += 1
        return [None] * len(record.objects)
    numbers = {name: int(name) for name in given if _POSITIVE.fullmatch(name)}
    taken = set(numbers.values())
    free = (number for number in count(1) if number not in taken)
    for name in given:
        if name and name not in numbers:
            numbers[name] = next(free)
            written.losses["groups whose names became numbers"] += 1
    return [numbers[name] if name else None for name in given]


def attributes_of(record: Record, written: Written) -> list[dict[str, Attribute]]:
    """The attributes of each object; what is no plain value, or does not belong to the objects, is counted as lost."""
    given = record.metadata.get(ATTRIBUTES)
    nothing: list[dict[str, Attribute]] = [{} for _ in record.objects]
    if given is None:
        return nothing
    if not isinstance(given, list | tuple) or len(given) != len(record.objects):
        written.losses["attributes that are not one entry an object"] += 1
        return nothing
    return [_attributes(entry, written) for entry in given]


def count_attributes(record: Record, written: Written) -> None:
    """Count the objects whose attributes a format without a place for them loses."""
    told = sum(map(bool, attributes_of(record, written)))
    if told:
        written.losses["objects with attributes that are left out"] += told


def _attributes(entry: Any, written: Written) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    if not isinstance(entry, Mapping):
        written.losses["attributes that are not one entry an object"] += 1
        return found
    for name, value in entry.items():
        if isinstance(value, bool | int | float | str):
            found[name] = value
        elif isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            found[name] = tuple(value)
        else:
            written.losses["attributes that are no plain value"] += 1
    return found


def number_text(value: float) -> str:
    """The shortest decimal text of exactly this number; whole numbers without a fraction."""
    return str(int(value)) if value.is_integer() else repr(value)


def xml_text(text: str, written: Written) -> str:
    """Text as the content of an XML element."""
    return escape(_allowed(text, written))


def xml_value(text: str, written: Written) -> str:
    """Text as the value of an XML attribute, quotes included."""
    return quoteattr(_allowed(text, written))


def _allowed(text: str, written: Written) -> str:
    kept, count = _NO_XML.subn("\ufffd", text)
    if count:
        written.losses["characters of a label or attribute that XML has no place for"] += count
    return kept


def _check_path(record: Record) -> None:
    image = record.images[0]
    path = PurePosixPath(image)
    if path.is_absolute() or ".." in path.parts or "\\" in image or not path.name:
        raise RecordError.say(
            "the picture's path leads out of the data set's folder",
            where=str(record.source),
            rule="image-path",
            got=image,
            remedy="put the pictures below the JSONL's folder",
        )
