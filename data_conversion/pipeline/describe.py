"""Everything that is done to texts: labels on their way to the `desc` of an object, and the summary of an image.

The seam with domain packs: `describe` runs before the shapes are worked on, `summarise` after it, because a summary speaks of
the objects that are left. Both are pure functions of one image.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from data_conversion.config import SummaryMode
from data_conversion.pipeline.raw import Finding, RawImage
from src.domains.config import DomainPack

UNMAPPED = "-unmapped"
"""Rules that end like this say that the pack lacks a word; `unmapped=quarantine` keeps such images back."""


def describe(raw: RawImage, pack: DomainPack | None) -> tuple[RawImage, tuple[Finding, ...]]:
    """The image with every object's final label, and what was noted on the way."""
    cleaned = _clean(raw)
    return (cleaned, ()) if pack is None else _mapped(cleaned, pack.taxonomy.labels)


def summarise(
    raw: RawImage, pack: DomainPack | None, mode: SummaryMode
) -> tuple[str | None, tuple[Finding, ...]]:
    """The summary of an image whose objects are final; None for none.

    Without a summary rule in the pack an export's first caption is the summary of an image that has no objects.
    """
    if mode == "none" or raw.objects or not raw.captions:
        return None, ()
    return _one_line(raw.captions[0]), ()


def _one_line(text: str) -> str:
    """Unicode NFC with single spaces: the same word spelled in two ways must not become two classes."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _clean(raw: RawImage) -> RawImage:
    objects = tuple(replace(item, label=_one_line(item.label)) for item in raw.objects)
    return replace(raw, objects=objects)


def _mapped(raw: RawImage, labels: Mapping[str, str]) -> tuple[RawImage, tuple[Finding, ...]]:
    """Renamed by exact match. With a non-empty mapping, a label that it lacks is noted and kept as it is."""
    if not labels:
        return raw, ()
    unmapped = tuple(
        Finding(
            kind="noted",
            rule=f"label{UNMAPPED}",
            message="the domain pack's taxonomy does not know this label",
            object_index=item.index,
            label=item.label,
            got=item.label,
        )
        for item in raw.objects
        if item.label not in labels
    )
    objects = tuple(
        replace(item, label=labels[item.label]) if item.label in labels else item
        for item in raw.objects
    )
    return replace(raw, objects=objects), unmapped
