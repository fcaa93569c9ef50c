"""The formats that can be read: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.raw import Reader
from data_conversion.pipeline.readers.voc import VocReader

READERS: Mapping[str, Reader] = {
    "voc": VocReader(),
}
