"""A record and its picture at another size: the function that worker processes run, and what it makes of a record.

Sizes are those that the model would get (`PixelBudget`), so that a picture is scaled once, here, and not again in training.
Points move by one affine: x * new width / old width, likewise y.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from data_conversion.pipeline.place_image import link_image, write_image
from data_conversion.pipeline.resize import encoded, scaled
from src.contract.budget import PixelBudget
from src.contract.images import ImageResolver
from src.contract.records import ObjectAnnotation, Record, Source
from src.errors import Issue, ProjectError
from src.images import ImageHeader, load_rgb, read_header

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureJob:
    """What is the same for every picture; sent to the workers once.

    `folders` are the outputs, in the order of `budgets`; unfinished files lie in `aside`.
    """

    root: Path
    folders: tuple[Path, ...]
    aside: Path
    budgets: tuple[PixelBudget, ...]
    quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescaled:
    """One picture: its upright size and its size at each budget; or the issues for which it cannot be used.

    `num_kept` of its copies were there from an earlier run.
    """

    size: Size = (0, 0)
    sizes: tuple[Size, ...] = ()
    num_kept: int = 0
    issues: tuple[Issue, ...] = ()


def rescale_picture(job: PictureJob, image: str, source: Source) -> Rescaled:
    """Put the picture into every folder at its size there. A bad picture never raises: it comes back as issues."""
    try:
        path = ImageResolver(job.root).resolve(image, source)
        header = read_header(path)
        sizes = tuple(budget.fit(*header.upright_size) for budget in job.budgets)
        targets = [folder / image for folder in job.folders]
        missing = [
            (target, size)
            for target, size in zip(targets, sizes, strict=True)
            if not _is_made(target, size, path)
        ]
        if missing:
            _make(path, header, missing, job)
    except ProjectError as error:
        return Rescaled(issues=error.issues)
    return Rescaled(size=header.upright_size, sizes=sizes, num_kept=len(sizes) - len(missing))


def rescale_record(record: Record, size: Size) -> Record:
    """The record for its first picture at `size`."""
    if not record.width:
        return record  # a chat without a picture
    old = (record.width, record.height)
    objects = tuple(_scaled(item, old, size) for item in record.objects)
    return replace(record, width=size[0], height=size[1], objects=objects)


def _scaled(item: ObjectAnnotation, old: Size, new: Size) -> ObjectAnnotation:
    # In this order an edge stays an edge to the last bit: x * (new / old) may pass it.
    points = tuple(
        value * new[place % 2] / old[place % 2] for place, value in enumerate(item.points)
    )
    return replace(item, points=points)


def _is_made(target: Path, size: Size, source: Path) -> bool:
    """Whether an earlier run of the same settings made this picture; what is there is whole, as it was renamed into place."""
    if not target.is_file() or target.stat().st_mtime_ns < source.stat().st_mtime_ns:
        return False
    return read_header(target).upright_size == size


def _make(
    path: Path, header: ImageHeader, missing: list[tuple[Path, Size]], job: PictureJob
) -> None:
    pixels = load_rgb(path)  # also where nothing is scaled: a damaged picture must not pass
    for target, size in missing:
        if size == header.upright_size and header.orientation == 1:
            link_image(path, target, job.aside)
        else:
            write_image(encoded(scaled(pixels, size), target.name, job.quality), target, job.aside)
