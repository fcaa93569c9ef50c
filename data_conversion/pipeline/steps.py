"""The steps between a reader and a record, each a pure function of one image. No step sees another image.

read (a reader) -> clean text -> map labels -> place on the upright picture -> fit to the picture -> record.
What a step drops or changes comes back as findings; an image that cannot be used raises a `ProjectError`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from data_conversion.config import ExifMode
from data_conversion.pipeline.raw import Finding, Points, RawImage, RawObject
from src.contract.records import GeometryKind, ObjectAnnotation, Record, Source
from src.errors import RecordError
from src.images import ImageHeader, orientation_points

Findings = tuple[Finding, ...]


def clean_text(raw: RawImage) -> RawImage:
    """Labels in Unicode NFC with single spaces: the same word spelled in two ways must not become two classes."""
    return replace(
        raw,
        objects=tuple(
            replace(item, label=" ".join(unicodedata.normalize("NFC", item.label).split()))
            for item in raw.objects
        ),
    )


def map_labels(raw: RawImage, labels: Mapping[str, str]) -> tuple[RawImage, Findings]:
    """Rename by exact match. With a non-empty mapping, a label that it lacks is noted as unmapped and kept as it is."""
    if not labels:
        return raw, ()
    unmapped = tuple(
        Finding(
            kind="noted",
            rule="label-unmapped",
            message="the domain pack's taxonomy does not know this label",
            object_index=item.index,
            label=item.label,
        )
        for item in raw.objects
        if item.label not in labels
    )
    objects = tuple(
        replace(item, label=labels[item.label]) if item.label in labels else item
        for item in raw.objects
    )
    return replace(raw, objects=objects), unmapped


def place_upright(raw: RawImage, header: ImageHeader, mode: ExifMode) -> tuple[RawImage, Findings]:
    """Move the points into the upright picture, when the annotator saw the stored pixels instead.

    `mode` "raw" or "upright" says which; "auto" decides by the annotated size. Where that fits both, or there is none, a
    rotated picture is undecidable and refused. A size that fits neither is refused: the points then belong to another picture.
    """
    stored = (header.width, header.height)
    if raw.size is not None and raw.size not in (stored, header.upright_size):
        raise _size_error(raw, header)
    if header.orientation == 1:
        return raw, () if raw.size else (_note_size(header),)
    frames = {"raw": stored, "upright": header.upright_size}
    if mode == "auto":
        fitting = [name for name, size in frames.items() if size == raw.size]
        if len(fitting) != 1:
            raise _undecidable(raw, header)
        seen = fitting[0]
    else:
        seen = mode
    if seen == "upright":
        return raw, ()
    note = Finding(
        kind="fixed",
        rule="exif-orientation",
        message="coordinates of the stored pixels were turned with the picture",
        got=f"orientation {header.orientation}",
    )
    objects = tuple(_turned(item, header) for item in raw.objects)
    return replace(raw, objects=objects, size=header.upright_size), (note,)


def fit_to_picture(raw: RawImage, size: tuple[int, int]) -> tuple[RawImage, Findings]:
    """Clip boxes to the picture's edges; what is outside altogether is dropped. Both are counted."""
    kept: list[RawObject] = []
    findings: list[Finding] = []
    limits = (*size, *size)
    for item in raw.objects:
        inside = tuple(
            min(max(value, 0.0), float(limit))
            for value, limit in zip(item.points, limits, strict=True)
        )
        if inside == tuple(item.points):
            kept.append(item)
            continue
        is_gone = inside[0] >= inside[2] or inside[1] >= inside[3]
        findings.append(
            Finding(
                kind="dropped" if is_gone else "fixed",
                rule="outside-picture" if is_gone else "clipped",
                message="the box lies outside the picture"
                if is_gone
                else "the box was clipped to the picture",
                object_index=item.index,
                label=item.label,
                got=_numbers(item.points),
                result="" if is_gone else _numbers(inside),
            )
        )
        if not is_gone:
            kept.append(replace(item, parts=(inside,)))
    return replace(raw, objects=tuple(kept)), tuple(findings)


def to_record(raw: RawImage, size: tuple[int, int], image: str, source_format: str) -> Record:
    """The contract's record. Attributes that the contract has no place for go to `metadata.attributes`, one entry an
    object in the same order, when any object has one."""
    metadata: dict[str, object] = {"format": source_format, "annotation": raw.annotation}
    if any(item.attributes for item in raw.objects):
        metadata["attributes"] = [dict(item.attributes) for item in raw.objects]
    return Record(
        images=(image,),
        width=size[0],
        height=size[1],
        objects=tuple(
            ObjectAnnotation(desc=item.label, kind=item.kind, points=item.points)
            for item in raw.objects
        ),
        metadata=metadata,
        source=Source(file=raw.annotation, line=1),
    )


def _turned(item: RawObject, header: ImageHeader) -> RawObject:
    return replace(item, parts=tuple(_turned_part(part, item.kind, header) for part in item.parts))


def _turned_part(part: Points, kind: GeometryKind, header: ImageHeader) -> Points:
    points = np.asarray(part, dtype=np.float64).reshape(-1, 2)
    moved = orientation_points(points, header.orientation, header.width, header.height)
    if kind == "bbox_2d":
        moved = np.stack([moved.min(axis=0), moved.max(axis=0)])
    return tuple(moved.ravel().tolist())


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _note_size(header: ImageHeader) -> Finding:
    return Finding(
        kind="noted",
        rule="size-missing",
        message="the annotation gives no image size; the image's own was taken",
        result=f"{header.width}x{header.height}",
    )


def _size_error(raw: RawImage, header: ImageHeader) -> RecordError:
    assert raw.size is not None
    return RecordError.say(
        "the annotation and the image disagree about the size",
        where=raw.annotation,
        rule="size-disagrees",
        got=f"annotation {raw.size[0]}x{raw.size[1]}",
        expected=f"image {header.width}x{header.height} ({raw.image})",
        remedy="the points were drawn on another picture: restore it, or correct the size",
    )


def _undecidable(raw: RawImage, header: ImageHeader) -> RecordError:
    return RecordError.say(
        "it cannot be told whether the points refer to the stored or to the upright picture",
        where=raw.annotation,
        rule="exif-undecidable",
        got=f"EXIF orientation {header.orientation}, annotated size {raw.size or '(none)'}",
        expected="a size that only one of the two has",
        remedy="pass exif=raw or exif=upright, or store the picture upright",
    )
