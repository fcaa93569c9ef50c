"""The formats that can be read: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.readers.coco.reader import CocoReader
from data_conversion.pipeline.readers.conversations import LlamaFactoryReader, QwenReader
from data_conversion.pipeline.readers.cvat import CvatReader
from data_conversion.pipeline.readers.dota import DotaReader
from data_conversion.pipeline.readers.label_studio.reader import LabelStudioReader
from data_conversion.pipeline.readers.labelme import LabelMeReader
from data_conversion.pipeline.readers.ms_swift import MsSwiftReader
from data_conversion.pipeline.readers.telecom import TelecomReader
from data_conversion.pipeline.readers.voc import VocReader
from data_conversion.pipeline.readers.yolo.reader import YoloReader
from data_conversion.pipeline.reading import Reader

READERS: Mapping[str, Reader] = {
    "coco": CocoReader(flavour="coco"),
    "cvat": CvatReader(),
    "dota": DotaReader(),
    "label_studio": LabelStudioReader(),
    "labelme": LabelMeReader(),
    "llama_factory": LlamaFactoryReader(),
    "lvis": CocoReader(flavour="lvis"),
    "ms_swift": MsSwiftReader(),
    "qwen": QwenReader(),
    "telecom": TelecomReader(),
    "voc": VocReader(),
    "yolo": YoloReader(),
}
