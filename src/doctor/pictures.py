"""What the picture files say: sizes and orientations from their headers. Cost: about 0.1 ms a picture, nothing is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.contract.images import ImageResolver
from src.contract.records import Source
from src.doctor.annotations import Annotations, Floats
from src.errors import ImageError
from src.images import read_header
from src.utils.progress import progress


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Headers:
    """Of each record's first picture: `stored` (N, 2) width and height before EXIF, 0 where there is no readable file;
    `orientation` (N,) 1 to 8. `problems` are places and reasons."""

    stored: Floats
    orientation: NDArray[np.int64]
    problems: tuple[str, ...] = ()

    @property
    def upright(self) -> Floats:
        """(N, 2) as the model sees the picture: orientations 5 to 8 exchange the sides."""
        turned = (self.orientation >= 5)[:, None]
        return np.where(turned, self.stored[:, ::-1], self.stored)

    @property
    def num_read(self) -> int:
        return int((self.stored[:, 0] > 0).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Picture files by the records' own (file, image) names, each found once, and what could not be found."""

    paths: Mapping[tuple[int, str], Path]
    problems: Mapping[tuple[int, str], str]


def locate(data: Annotations, roots: Sequence[Path]) -> Located:
    """The files of all pictures; paths are relative to the JSONL's folder, `roots` are further allowed folders."""
    resolvers = [ImageResolver(Path(file).parent, tuple(roots)) for file in data.files]
    paths: dict[tuple[int, str], Path] = {}
    problems: dict[tuple[int, str], str] = {}
    names = ((int(data.file[row]), data.image[row], row) for row in range(data.num_records))
    for file, image, row in progress(names, total=data.num_records, label="find pictures"):
        key = (file, image)
        if not image or key in paths or key in problems:
            continue
        try:
            source = Source(file=data.files[file], line=int(data.line[row]))
            paths[key] = resolvers[file].resolve(image, source)
        except ImageError as error:
            problems[key] = f"{data.place(row)}: {error.issues[0].message}"
    return Located(paths=paths, problems=problems)


def read_headers(data: Annotations, located: Located) -> Headers:
    """Read every found picture's header once."""
    known: dict[tuple[int, str], tuple[int, int, int]] = {}
    problems = list(located.problems.values())
    found = located.paths.items()
    for key, path in progress(found, total=len(found), label="picture headers"):
        try:
            header = read_header(path)
            known[key] = (header.width, header.height, header.orientation)
        except ImageError as error:
            problems.append(f"{data.files[key[0]]}: {error.issues[0].message}: {path.name}")
    table = np.zeros((data.num_records, 3), dtype=np.int64)
    table[:, 2] = 1
    for row in range(data.num_records):
        key = (int(data.file[row]), data.image[row])
        if key in known:
            table[row] = known[key]
    return Headers(
        stored=table[:, :2].astype(np.float64),
        orientation=table[:, 2],
        problems=tuple(problems),
    )
