"""The formats that can be written: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.writers.conversations import LlamaFactoryWriter, QwenWriter
from data_conversion.pipeline.writers.ms_swift import MsSwiftWriter
from data_conversion.pipeline.writing import Writer

WRITERS: Mapping[str, Writer] = {
    "llama_factory": LlamaFactoryWriter(),
    "ms_swift": MsSwiftWriter(),
    "qwen": QwenWriter(),
}
