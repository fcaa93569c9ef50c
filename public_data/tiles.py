"""`python -m public_data.tiles`: cut the pictures of a contract JSONL into a grid of tiles, each a record of its own.

For models too small for whole pictures: a tile holds fewer objects, and larger ones. Objects are clipped exactly (the largest
part stays); one that shows less of itself than `--min-visible` is left out of the tile. `--stretch` raises the contrast of faint
pictures: each channel, without 1 % of its values at either end, is stretched to 0..255. About 3 ms a tile.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2

from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.records import ObjectAnnotation, Record, Source
from src.contract.write import record_to_line
from src.datasets.augmentation.colour import AutoContrast, Colour, apply_colours
from src.datasets.geometry.clip import (
    Path as Outline,
)
from src.datasets.geometry.clip import (
    Window,
    area_of,
    bounds_of,
    clip_line,
    clip_polygon,
    length_of,
)
from src.errors import UsageError
from src.files import atomic_write, write_text
from src.images import load_rgb
from src.utils.cli import parser, run

JPEG_QUALITY = 95
STRETCH = (AutoContrast(cutoff=1.0),)
MARKER = "tiles.json"


def main(argv: Sequence[str]) -> int:
    arguments = parser("python -m public_data.tiles", (__doc__ or "").split("\n\n")[0])
    add = arguments.add_argument
    add("--jsonl", required=True, nargs="+", type=Path, help="contract JSONL files")
    add("--out", required=True, type=Path, help="folder to write; files keep their names")
    add("--columns", type=int, default=2, help="tiles across")
    add("--rows", type=int, default=2, help="tiles down")
    add("--min-visible", type=float, default=0.4, help="share of an object that a tile must show")
    add("--stretch", action="store_true", help="stretch the contrast of each picture first")
    options = arguments.parse_args(argv)
    if min(options.columns, options.rows) < 1:
        raise UsageError.say("--columns and --rows must be at least 1")
    (options.out / "images").mkdir(parents=True, exist_ok=True)
    (options.out / MARKER).unlink(missing_ok=True)
    grid = (options.columns, options.rows)
    change = STRETCH if options.stretch else ()
    for file in options.jsonl:
        tiles = tiles_of(file, options.out, grid, options.min_visible, change)
        lines = [record_to_line(record) for record in tiles]
        with atomic_write(options.out / file.name, "wb") as handle:
            handle.writelines(lines)
    write_text(options.out / MARKER, f'{{"columns": {options.columns}, "rows": {options.rows}}}\n')
    return 0


def tiles_of(
    file: Path,
    out: Path,
    grid: tuple[int, int],
    min_visible: float,
    colours: Sequence[Colour] = (),
) -> Iterator[Record]:
    """The tiles of every record of one picture, row by row; their pictures are written on the way."""
    index = JsonlIndex.open(file)
    resolver = ImageResolver(file.parent, ())
    for number in range(len(index)):
        record = index.record(number)
        pixels = load_rgb(resolver.resolve(record.images[0], record.source))
        pixels = apply_colours(pixels, colours, None)
        for place, window in enumerate(windows(record.width, record.height, grid)):
            x1, y1, x2, y2 = window
            image = f"images/{file.stem}_{number:06d}_{place}.jpg"
            done, data = cv2.imencode(
                ".jpg",
                pixels[y1:y2, x1:x2, ::-1],
                [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
            )
            assert done
            # Not flushed one by one: the marker, written last, says that the folder is whole.
            (out / image).write_bytes(data.tobytes())
            found = (shown(item, window, min_visible) for item in record.objects)
            yield Record(
                images=(image,),
                width=x2 - x1,
                height=y2 - y1,
                objects=tuple(item for item in found if item is not None),
                source=Source(file=str(file), line=number + 1),
            )


def windows(width: int, height: int, grid: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """(x1, y1, x2, y2) of each tile in whole pixels; together they are the picture."""
    xs = [round(width * column / grid[0]) for column in range(grid[0] + 1)]
    ys = [round(height * row / grid[1]) for row in range(grid[1] + 1)]
    return [
        (xs[column], ys[row], xs[column + 1], ys[row + 1])
        for row in range(grid[1])
        for column in range(grid[0])
    ]


def shown(item: ObjectAnnotation, window: Window, min_visible: float) -> ObjectAnnotation | None:
    """The object on its tile; None when the tile shows too little of it."""
    size: Callable[[Outline], float]
    path: Outline = list(zip(item.points[::2], item.points[1::2], strict=True))
    if item.kind == "line":
        parts, size = clip_line(path, window), length_of
    else:
        if item.kind == "bbox_2d":
            (x1, y1), (x2, y2) = path
            path = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        parts, size = clip_polygon(path, window), area_of
    part = max(parts, key=size, default=None)
    if part is None or size(part) < min_visible * size(path):
        return None
    if item.kind == "bbox_2d":
        x1, y1, x2, y2 = bounds_of(part)
        part = [(x1, y1), (x2, y2)]
    points = tuple(float(v) for x, y in part for v in (x - window[0], y - window[1]))
    return ObjectAnnotation(desc=item.desc, kind=item.kind, points=points)


if __name__ == "__main__":
    sys.exit(run(main))
