"""The formats that can be written: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.writers.coco import CocoWriter
from data_conversion.pipeline.writing import Writer

WRITERS: Mapping[str, Writer] = {
    "coco": CocoWriter(),
}
