"""The picture of one item: a file below the image root, or bytes that came inside the annotation.

Only what lies below the root is opened, whatever an annotation says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from data_conversion.pipeline.outcome import FileState, Placed
from data_conversion.pipeline.place_image import link_image, write_image
from data_conversion.pipeline.raw import RawImage
from data_conversion.pipeline.resize import encoded, scaled
from src.contract.images import ImageResolver
from src.contract.records import Source
from src.errors import ImageError, RecordError
from src.images import ImageHeader, load_rgb, read_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An opened picture: its header was checked, its pixels are not decoded. `path` None: `embedded` holds the file."""

    path: Path | None
    embedded: bytes
    name: str
    annotation: str
    header: ImageHeader

    def place(self, target: Path, *, size: tuple[int, int], quality: int, aside: Path) -> Placed:
        """Put it at `target` with `size` (width, height, upright): as it is where it has it, else written anew.

        The pixels are decoded in any case, so that no damaged file passes (`ImageError`). A source file is never replaced.
        """
        if self.path is not None and target.parent.resolve() / target.name == self.path.resolve():
            raise RecordError.say(
                "the picture's place in the output is the source picture itself",
                where=self.annotation,
                rule="output-is-source",
                got=self.name,
                remedy="choose another output folder (a folder in its images/ is a link)",
            )
        with _as_file(self, aside) as path:
            pixels = load_rgb(path)
        if size != self.header.upright_size:
            write_image(encoded(scaled(pixels, size), self.name, quality), target, aside)
            return "resized"
        if self.path is None:
            write_image(self.embedded, target, aside)
            return "embedded"
        link_image(self.path, target, aside)
        return "unchanged"


def picture_state(raw: RawImage, root: Path) -> FileState | None:
    """The picture file as it is now, readable or not; None for embedded bytes. `ImageError` when missing or outside `root`."""
    if raw.embedded is not None:
        return None
    stat = _path(raw, root).stat()
    return FileState(size=stat.st_size, mtime_ns=stat.st_mtime_ns)


def open_picture(raw: RawImage, root: Path, aside: Path) -> Picture:
    """The picture of an image. `ImageError` when it is missing, damaged, or outside `root`."""
    if raw.embedded is not None:
        with _temporary(raw.embedded, raw.image_name, raw.annotation, aside) as file:
            header = read_header(file)
        path = None
    else:
        path = _path(raw, root)
        header = read_header(path)
    return Picture(
        path=path,
        embedded=raw.embedded or b"",
        name=raw.image_name,
        annotation=raw.annotation,
        header=header,
    )


def _path(raw: RawImage, root: Path) -> Path:
    return ImageResolver(base_dir=root).resolve(raw.image, Source(file=raw.annotation, line=1))


@contextmanager
def _as_file(picture: Picture, aside: Path) -> Iterator[Path]:
    if picture.path is not None:
        yield picture.path
        return
    with _temporary(picture.embedded, picture.name, picture.annotation, aside) as path:
        yield path


@contextmanager
def _temporary(data: bytes, name: str, annotation: str, aside: Path) -> Iterator[Path]:
    """The bytes as a file, because the kernel's checks read files; an error names the annotation instead."""
    with tempfile.TemporaryDirectory(dir=aside) as folder:
        path = Path(folder) / f"embedded{Path(name).suffix}"
        path.write_bytes(data)
        try:
            yield path
        except ImageError as error:
            place = f"{annotation} (the picture inside it)"
            raise ImageError(*(replace(issue, where=place) for issue in error.issues)) from error
