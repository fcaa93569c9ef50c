"""The formats that can be read: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.readers.coco.reader import CocoReader
from data_conversion.pipeline.readers.voc import VocReader
from data_conversion.pipeline.reading import Reader

READERS: Mapping[str, Reader] = {
    "coco": CocoReader(flavour="coco"),
    "lvis": CocoReader(flavour="lvis"),
    "voc": VocReader(),
}
