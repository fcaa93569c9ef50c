"""A contact sheet of predictions over pictures, as one PNG (for documents)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.contract.records import ObjectAnnotation
from src.files import write_bytes
from src.report.model import ReportSample
from src.report.thumbnails import rgb
from src.utils.opencv import cv2

TRUTH = (18, 161, 80)
HIT = (37, 99, 235)
WRONG = (220, 38, 38)


def contact_sheet(
    path: Path, samples: Sequence[ReportSample], *, columns: int = 4, tile: int = 320
) -> None:
    """Write the samples side by side: truth green, right predictions blue, wrong ones red."""
    tiles = [_tile(sample, tile) for sample in samples]
    tiles += [np.full((tile, tile, 3), 255, np.uint8)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    ok, data = cv2.imencode(".png", np.vstack(rows)[..., ::-1])
    assert ok
    write_bytes(path, data.tobytes())


def _tile(sample: ReportSample, side: int) -> NDArray[np.uint8]:
    pixels = rgb(sample.picture)
    scale = side / max(pixels.shape[:2])
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    canvas = np.full((side, side, 3), 255, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    for item in sample.prediction.truth or ():
        _draw(canvas, item, scale, TRUTH, label=False)
    hits = {pair.predicted for pair in sample.matches.pairs} if sample.matches else set()
    for index, item in enumerate(sample.prediction.objects):
        _draw(canvas, item, scale, HIT if index in hits else WRONG, label=True)
    return canvas


def _draw(
    canvas: NDArray[np.uint8],
    item: ObjectAnnotation,
    scale: float,
    colour: tuple[int, int, int],
    *,
    label: bool,
) -> None:
    points = np.array(item.points).reshape(-1, 2) * scale
    if item.kind == "bbox_2d":
        (x1, y1), (x2, y2) = points
        points = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    drawn = np.round(points).astype(np.int32)
    cv2.polylines(canvas, [drawn], item.kind != "line", colour, 2, cv2.LINE_AA)
    if label:
        x, y = int(drawn[:, 0].min()), int(drawn[:, 1].max()) + 16
        place = (min(max(x, 2), canvas.shape[1] - 110), min(y, canvas.shape[0] - 6))
        for width, ink in ((3, (255, 255, 255)), (1, colour)):
            cv2.putText(
                canvas, item.desc, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, width, cv2.LINE_AA
            )
