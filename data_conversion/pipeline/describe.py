"""Everything that is done to texts: labels on their way to the `desc` of an object, and the summary of an image.

The seam with domain packs, three pure functions of one image: `describe` runs before the shapes are worked on, `join_groups` and
then `summarise` after it, because groups and summaries are of the objects that are left.
"""

from __future__ import annotations

from dataclasses import replace

from data_conversion.config import SummaryMode
from data_conversion.pipeline.raw import Finding, RawImage, RawObject
from src.domains import summarise as summaries
from src.domains.describe import describe as describe_object
from src.domains.findings import UNMAPPED, TextFinding
from src.domains.groups import number_groups
from src.domains.sanitise import one_line
from src.domains.vocabulary import Vocabulary

__all__ = ["UNMAPPED", "describe", "join_groups", "summarise"]


def describe(raw: RawImage, words: Vocabulary | None) -> tuple[RawImage, tuple[Finding, ...]]:
    """The image with every object's final label, and what was noted on the way; `words` are the domain pack's.

    An object without a label, for which the pack has none either, is dropped. Attributes stay as they were annotated.
    """
    kept: list[RawObject] = []
    findings: list[Finding] = []
    for item in raw.objects:
        desc = one_line(item.label)
        if words is not None:
            described = describe_object(item.label, item.attributes, words)
            desc = described.desc
            findings += [
                _finding(finding, item, item.label or desc) for finding in described.findings
            ]
        if desc:
            kept.append(item if desc == item.label else replace(item, label=desc))
        else:
            findings.append(_unlabelled(item))
    return replace(raw, objects=tuple(kept)), tuple(findings)


def join_groups(raw: RawImage, words: Vocabulary | None) -> tuple[RawImage, tuple[Finding, ...]]:
    """The image with the number of its group before each member's label; groups are numbered from top to bottom."""
    if words is None:
        return raw, ()
    order = sorted(range(len(raw.objects)), key=lambda position: _top_left(raw.objects[position]))
    ordered = [raw.objects[position] for position in order]
    descs, found = number_groups(
        [item.label for item in ordered], [item.group for item in ordered], words.pack
    )
    objects = list(raw.objects)
    for position, desc in zip(order, descs, strict=True):
        objects[position] = replace(objects[position], label=desc)
    findings = tuple(
        _finding(finding, ordered[position], ordered[position].label) for position, finding in found
    )
    return replace(raw, objects=tuple(objects)), findings


def summarise(
    raw: RawImage, words: Vocabulary | None, mode: SummaryMode
) -> tuple[str | None, tuple[Finding, ...]]:
    """The summary of an image whose objects are final; None for none.

    It is the pack's, where the pack has a rule for one, of the objects from top to bottom, so that the order in which they were
    annotated does not show; else an export's first caption is the summary of an image that has no
    objects.
    """
    if mode == "none":
        return None, ()
    if words is not None and raw.objects:
        ordered = sorted(raw.objects, key=lambda item: (_top_left(item)[:2], item.label))
        return summaries.summarise([item.label for item in ordered], words), ()
    if raw.objects or not raw.captions:
        return None, ()
    return one_line(raw.captions[0]), ()


def _top_left(item: RawObject) -> tuple[float, float, int]:
    ys = [value for part in item.parts for value in part[1::2]]
    xs = [value for part in item.parts for value in part[::2]]
    return min(ys), min(xs), item.index


def _finding(finding: TextFinding, item: RawObject, label: str) -> Finding:
    return Finding(
        kind=finding.kind,
        rule=finding.rule,
        message=finding.message,
        object_index=item.index,
        label=label,
        got=finding.got,
        result=finding.result,
    )


def _unlabelled(item: RawObject) -> Finding:
    return Finding(
        kind="dropped",
        rule="label-empty",
        message="the object has no label",
        object_index=item.index,
        got=item.label,
    )
