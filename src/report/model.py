"""What a report shows: samples, tables and plots. Plain values; `page` turns them into one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.contract.predictions import ImageMatches, Prediction
from src.contract.records import ObjectAnnotation

Picture = Path | NDArray[np.uint8] | bytes
"""A picture file, upright RGB uint8 (H, W, 3) in memory, or the bytes of a JPEG file whose pixels are upright."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneObject:
    """An object that this picture no longer has, where it would be (pixels, perhaps outside), and why."""

    item: ObjectAnnotation
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportSample:
    """One picture in one state: its truth, perhaps a prediction and how the two match.

    `matches` None: nothing was predicted (a raw data set, an augmentation variant); the truth is then drawn by class.
    `group` is the value of a tab or slider: a training step ("step 200"), a data set, a variant. `notes` are lines of text;
    `truth_notes` stand beside the objects of the truth by position (empty: there are none). Points are pixels of a picture of
    `prediction.width` x `prediction.height`; the picture given may be a smaller copy of it.
    """

    prediction: Prediction
    matches: ImageMatches | None
    picture: Picture
    group: str = ""
    notes: tuple[str, ...] = ()
    truth_notes: tuple[str, ...] = ()
    gone: tuple[GoneObject, ...] = ()

    def __post_init__(self) -> None:
        truths = self.prediction.truth or ()
        assert not self.truth_notes or len(self.truth_notes) == len(truths), "a note each, or none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTable:
    """A titled table of text cells."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A named line of a plot: points (x, y) in ascending x."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]

    def __post_init__(self) -> None:
        assert len(self.xs) == len(self.ys), "as many xs as ys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Lines over a shared pair of axes."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]


def truth_sample(
    picture: Picture,
    objects: tuple[ObjectAnnotation, ...],
    size: tuple[int, int],
    *,
    name: str,
    row: int = 0,
    dataset: str = "",
    summary: str | None = None,
    text: str = "",
    group: str = "",
    notes: tuple[str, ...] = (),
    truth_notes: tuple[str, ...] = (),
    gone: tuple[GoneObject, ...] = (),
) -> ReportSample:
    """A picture with its annotation and no prediction; `size` is (width, height) of the points' pixels."""
    shown = Prediction(
        image=name,
        row=row,
        width=size[0],
        height=size[1],
        truth=objects,
        objects=(),
        dropped=(),
        is_valid=True,
        text=text,
        finish_reason="stop",
        dataset=dataset,
        mode="dense" if summary is None else "summary",
        summary=summary,
    )
    return ReportSample(
        prediction=shown,
        matches=None,
        picture=picture,
        group=group,
        notes=notes,
        truth_notes=truth_notes,
        gone=gone,
    )
