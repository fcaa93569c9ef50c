"""The formats that can be written: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.writers.yolo import YOLO_DET, YOLO_OBB, YOLO_SEG
from data_conversion.pipeline.writing import Writer

WRITERS: Mapping[str, Writer] = {
    "yolo_det": YOLO_DET,
    "yolo_seg": YOLO_SEG,
    "yolo_obb": YOLO_OBB,
}
