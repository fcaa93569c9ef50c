"""Points on the upright picture, by one affine map an image.

Annotators saw either the stored pixels or the upright picture; the annotated size tells which, where the two differ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data_conversion.config import ExifMode
from data_conversion.pipeline.raw import Finding, Points, RawImage
from src.contract.records import GeometryKind
from src.datasets.geometry.affine import Matrix, transform_points, upright
from src.errors import RecordError
from src.images import ImageHeader


def place_upright(
    raw: RawImage, header: ImageHeader, mode: ExifMode
) -> tuple[RawImage, tuple[Finding, ...]]:
    """Move the points into the upright picture, when the annotator saw the stored pixels instead.

    An annotated size that fits one of the two alone tells which, whatever `mode` says. Where it fits both, or there is none,
    `mode` "raw" or "upright" decides, and with "auto" a rotated picture is refused. A size that fits neither is refused:
    the points then belong to another picture.
    """
    if raw.frame == "upright":
        if mode == "raw" and header.orientation != 1:
            raise _contradicted(raw, header)
        return raw, ()
    stored = (header.width, header.height)
    if raw.size is not None and raw.size not in (stored, header.upright_size):
        raise _size_error(raw, header)
    if header.orientation == 1:
        return raw, () if raw.size else (_note_size(header),)
    frames = {"raw": stored, "upright": header.upright_size}
    fitting = [name for name, size in frames.items() if size == raw.size]
    if len(fitting) == 1:
        seen = fitting[0]
    elif mode == "auto":
        raise _undecidable(raw, header)
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
    matrix = upright(header.orientation, header.width, header.height)
    objects = tuple(
        replace(item, parts=tuple(_moved(part, item.kind, matrix) for part in item.parts))
        for item in raw.objects
    )
    return replace(raw, objects=objects, size=header.upright_size), (note,)


def annotated_size(raw: RawImage) -> tuple[int, int]:
    """The size where no picture is opened; `RecordError` when the annotation gives none."""
    if raw.size is None:
        raise RecordError.say(
            "the annotation gives no image size, and pictures are left out",
            where=raw.annotation,
            rule="size-missing",
            remedy="convert with images=true, so that the pictures say it",
        )
    return raw.size


def _moved(part: Points, kind: GeometryKind, matrix: Matrix) -> Points:
    moved = transform_points(np.asarray(part, dtype=np.float64).reshape(-1, 2), matrix)
    if kind == "bbox_2d":
        moved = np.stack([moved.min(axis=0), moved.max(axis=0)])
    return tuple(moved.ravel().tolist())


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
        expected=f"image {header.width}x{header.height} ({raw.image or raw.image_name})",
        remedy="the points were drawn on another picture: restore it, or correct the size",
    )


def _contradicted(raw: RawImage, header: ImageHeader) -> RecordError:
    return RecordError.say(
        "the format's coordinates refer to the upright picture, not to the stored one",
        where=raw.annotation or raw.image,
        rule="exif-contradicted",
        got=f"exif=raw, EXIF orientation {header.orientation}",
        remedy="leave exif=raw out, or store the picture the way that the annotator saw it, without the tag",
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
