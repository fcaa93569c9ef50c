"""Samples drawn side by side as one PNG, for documents and for tools that show pictures only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.contract.records import ObjectAnnotation
from src.files import write_bytes
from src.report.model import ReportSample
from src.report.thumbnails import rgb
from src.utils.opencv import cv2

Colour = tuple[int, int, int]
TRUTH = (18, 161, 80)
MISSED = (240, 140, 0)
HIT = (37, 99, 235)
WRONG = (220, 38, 38)
GONE = (128, 136, 150)
CLASSES = (HIT, (232, 89, 12), TRUTH, (155, 61, 240), WRONG, (12, 147, 168), (194, 37, 92), (160, 106, 0))  # fmt: skip
WHITE = (255, 255, 255)


def contact_sheet(
    path: Path, samples: Sequence[ReportSample], *, columns: int = 4, tile: int = 320
) -> None:
    """Write `sheet_pixels` as a PNG."""
    pixels = sheet_pixels(samples, columns=columns, tile=tile)
    ok, data = cv2.imencode(".png", pixels[..., ::-1])
    assert ok
    write_bytes(path, data.tobytes())


def sheet_pixels(
    samples: Sequence[ReportSample], *, columns: int = 4, tile: int = 320
) -> NDArray[np.uint8]:
    """The samples side by side, RGB: truth green (missed: orange), right predictions blue, wrong ones red.

    Where nothing was predicted the truth is drawn by class; objects that are gone are grey. `tile`: pixels a side.
    """
    classes = sorted({item.desc for sample in samples for item in sample.prediction.truth or ()})
    by_class = {desc: CLASSES[index % len(CLASSES)] for index, desc in enumerate(classes)}
    tiles = [_tile(sample, tile, by_class) for sample in samples]
    tiles += [np.full((tile, tile, 3), 255, np.uint8)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _tile(sample: ReportSample, side: int, by_class: dict[str, Colour]) -> NDArray[np.uint8]:
    pixels = rgb(sample.picture)
    scale = side / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    canvas = np.full((side, side, 3), 255, np.uint8)
    # The few pixels beside the picture keep neighbours apart.
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=how)
    factors = (size[0] / sample.prediction.width, size[1] / sample.prediction.height)
    for item, colour, has_label in _drawn(sample, by_class):
        _draw(canvas, item, factors, colour, has_label=has_label)
    return canvas


def _drawn(
    sample: ReportSample, by_class: dict[str, Colour]
) -> Iterator[tuple[ObjectAnnotation, Colour, bool]]:
    """Each shape with its colour, and whether its description is written."""
    for gone in sample.gone:
        yield gone.item, GONE, False
    truths = sample.prediction.truth or ()
    if sample.matches is None:
        for item in truths:
            yield item, by_class[item.desc], False
        return
    missed = set(sample.matches.missed)
    for index, item in enumerate(truths):
        yield item, MISSED if index in missed else TRUTH, not sample.prediction.objects
    hits = {pair.predicted for pair in sample.matches.pairs}
    for index, item in enumerate(sample.prediction.objects):
        yield item, HIT if index in hits else WRONG, True


def _draw(
    canvas: NDArray[np.uint8],
    item: ObjectAnnotation,
    factors: tuple[float, float],
    colour: Colour,
    *,
    has_label: bool,
) -> None:
    points = np.array(item.points).reshape(-1, 2) * factors
    if item.kind == "bbox_2d":
        (x1, y1), (x2, y2) = points
        points = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    drawn = np.round(points).astype(np.int32)
    thickness = 1 if colour == GONE else 2
    cv2.polylines(canvas, [drawn], item.kind != "line", colour, thickness, cv2.LINE_AA)
    if has_label:
        x, y = int(drawn[:, 0].min()), int(drawn[:, 1].max()) + 16
        place = (min(max(x, 2), canvas.shape[1] - 110), min(y, canvas.shape[0] - 6))
        for width, ink in ((3, WHITE), (1, colour)):
            cv2.putText(
                canvas, item.desc, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, width, cv2.LINE_AA
            )
