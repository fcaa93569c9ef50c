"""From an image whose objects are final to the contract's record, with everything that the contract has no place for."""

from __future__ import annotations

from data_conversion.pipeline.raw import RawImage
from src.contract.records import ObjectAnnotation, Record, Source


def to_record(
    raw: RawImage, size: tuple[int, int], image: str, source_format: str, summary: str | None
) -> Record:
    """The record; `image` is its path below the output folder, `size` the (width, height) that the points refer to.

    Metadata: `format`, `annotation`, what the reader gave, `image` (attributes of the picture), and, when any object has one,
    `attributes` and `groups`, one entry an object in the same order. `captions` holds those that are not the summary.
    """
    metadata: dict[str, object] = {
        **raw.metadata,
        "format": source_format,
        "annotation": raw.annotation,
    }
    if raw.attributes:
        metadata["image"] = dict(raw.attributes)
    if any(item.attributes for item in raw.objects):
        metadata["attributes"] = [dict(item.attributes) for item in raw.objects]
    if any(item.group for item in raw.objects):
        metadata["groups"] = [item.group for item in raw.objects]
    if len(raw.captions) > (1 if summary else 0):
        metadata["captions"] = list(raw.captions)
    return Record(
        images=(image,),
        width=size[0],
        height=size[1],
        objects=tuple(
            ObjectAnnotation(desc=item.label, kind=item.kind, points=item.points)
            for item in raw.objects
        ),
        summary=summary,
        metadata=metadata,
        source=Source(file=raw.annotation, line=1),
    )
