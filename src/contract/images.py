"""Where a record's images may lie: below the JSONL's folder or a configured root, and nowhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from src.contract.records import Record, Source
from src.errors import ImageError, Issue, RecordError
from src.images import read_header

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
MAX_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class ImageResolver:
    """Resolves image strings against `base_dir`; absolute paths and links may also lead into `roots`."""

    base_dir: Path
    roots: tuple[Path, ...] = ()
    _allowed: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        allowed = tuple(os.path.realpath(root) for root in (self.base_dir, *self.roots))
        object.__setattr__(self, "_allowed", allowed)

    def resolve(self, image: str, source: Source) -> Path:
        """The file of an image string. `ImageError` when it is unsafe, outside the allowed folders, or missing.

        Nothing outside the allowed folders is opened; links are followed only to see where they lead.
        """
        reason = unsafe_reason(image)
        if reason:
            raise _refused(image, source, reason)
        if Path(image).is_absolute() and not self.roots:
            raise _refused(image, source, "an absolute path")
        real = os.path.realpath(self.base_dir / image)
        if not any(
            real == root or real.startswith(root.rstrip("/") + "/") for root in self._allowed
        ):
            raise _refused(image, source, "a path that leads outside")
        if not os.path.isfile(real):  # noqa: PTH113 (Path.is_file raises for overlong names)
            raise ImageError.say(
                "the image does not exist", where=str(source), path="images", rule="image-missing",
                got=image, remedy=f"paths are relative to {self.base_dir}",
            )  # fmt: skip
        return Path(real)


def unsafe_reason(image: str) -> str:
    """Why an image string is refused whatever the files are; empty when it is not."""
    if not image or len(image) > MAX_LENGTH:
        return "an empty or overlong path"
    if "\\" in image or not image.isprintable():
        return "a path with a backslash or control character"
    if image.startswith("~"):
        return "a home folder"
    if _SCHEME.match(image):
        return "a URL or drive letter"
    if ".." in image.split("/"):
        return "a path with .."
    return ""


def _refused(image: str, source: Source, reason: str) -> ImageError:
    return ImageError.say(
        f"{reason} is not allowed as an image",
        where=str(source),
        path="images",
        rule="image-path",
        got=ascii(image)[:120],
        expected="a path below the JSONL's folder",
        remedy="move the images below it, or list their folder in custom.image_roots",
    )


def check_image_size(record: Record, paths: Sequence[Path]) -> None:
    """`RecordError` when the first image's upright size is not the record's; headers only."""
    if not paths:
        return
    width, height = read_header(paths[0]).upright_size
    if (width, height) != (record.width, record.height):
        raise RecordError(
            size_issue(record.source, (record.width, record.height), paths[0], (width, height))
        )


def size_issue(source: Source, said: tuple[int, int], path: Path, found: tuple[int, int]) -> Issue:
    """The disagreement of a record's size with its picture's, naming both."""
    return Issue(
        message="the record's size is not the picture's",
        where=str(source),
        path="width, height",
        rule="image-size",
        got=f"record {said[0]}x{said[1]}, {path.name} {found[0]}x{found[1]}",
        expected="the upright size (EXIF orientation applied)",
        remedy="convert again, or correct width and height if the coordinates fit the picture",
    )
