"""COCO's average precision through faster-coco-eval, equal to pycocotools within 1e-9 (tests/reliability/test_coco_parity.py).

The library is imported where it is used. Cost: see `src.evaluation.average_precision`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

OverlapType = Literal["bbox", "segm"]
STATISTICS = (
    "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
    "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large",
)  # fmt: skip
UNDEFINED = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoStatistics:
    """The twelve `STATISTICS`, and the AP of every category in the order of its id.

    None where COCO says -1: there is no truth that the figure could be about.
    """

    statistics: tuple[float | None, ...]
    class_ap: tuple[float | None, ...]


class CocoTruth:
    """A data set in COCO's annotation format, loaded once, against which several sets of detections are evaluated."""

    def __init__(self, dataset: Mapping[str, Any], overlap: OverlapType) -> None:
        from faster_coco_eval import COCO

        self._overlap = overlap
        # The library writes into the annotations.
        own = {**dataset, "annotations": [dict(item) for item in dataset["annotations"]]}
        self._loaded = COCO(own, print_function=_silent)

    def statistics(self, detections: Sequence[Mapping[str, Any]]) -> CocoStatistics:
        """The figures of detections in COCO's result format, masks as RLE.

        Where scores tie, the order of images and of detections decides, as in pycocotools.
        """
        from faster_coco_eval import COCOeval_faster

        found = self._loaded.loadRes([dict(item) for item in detections])
        evaluation = COCOeval_faster(
            self._loaded, found, iouType=self._overlap, print_function=_silent
        )
        evaluation.run()
        precision: NDArray[np.float64] = evaluation.eval["precision"]
        return CocoStatistics(
            statistics=tuple(_defined(value) for value in evaluation.stats[: len(STATISTICS)]),
            class_ap=tuple(
                _defined_mean(precision[:, :, position, 0, -1])
                for position in range(precision.shape[2])
            ),
        )


def polygon_mask(points: Sequence[float], width: int, height: int) -> dict[str, Any]:
    """COCO's run-length mask of a polygon given as flat pixel points (x, y, ...)."""
    from faster_coco_eval import mask

    (encoded,) = mask.frPyObjects([list(points)], height, width)
    return dict(encoded)


def mask_area(encoded: Mapping[str, Any]) -> float:
    """Pixels of a run-length mask."""
    from faster_coco_eval import mask

    return float(mask.area(encoded))


def _silent(*_: object) -> None:
    """faster-coco-eval tells its progress through a function; nobody asked for it here."""


def _defined(value: float) -> float | None:
    return None if value == UNDEFINED else float(value)


def _defined_mean(values: NDArray[np.float64]) -> float | None:
    defined = values[values > UNDEFINED]
    return float(defined.mean()) if defined.size else None
