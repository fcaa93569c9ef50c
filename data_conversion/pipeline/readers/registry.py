"""The formats that can be read: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.readers.conversations import LlamaFactoryReader, QwenReader
from data_conversion.pipeline.readers.ms_swift import MsSwiftReader
from data_conversion.pipeline.readers.voc import VocReader
from data_conversion.pipeline.reading import Reader

READERS: Mapping[str, Reader] = {
    "llama_factory": LlamaFactoryReader(),
    "ms_swift": MsSwiftReader(),
    "qwen": QwenReader(),
    "voc": VocReader(),
}
