"""The formats that can be read: one line for each."""

from __future__ import annotations

from data_conversion.pipeline.on_demand import OnDemand
from data_conversion.pipeline.reading import Reader

READERS: OnDemand[Reader] = OnDemand(
    {
        "coco": "data_conversion.pipeline.readers.coco.reader:COCO",
        "cvat": "data_conversion.pipeline.readers.cvat:CVAT",
        "dota": "data_conversion.pipeline.readers.dota:DOTA",
        "label_studio": "data_conversion.pipeline.readers.label_studio.reader:LABEL_STUDIO",
        "labelme": "data_conversion.pipeline.readers.labelme:LABELME",
        "llama_factory": "data_conversion.pipeline.readers.conversations:LLAMA_FACTORY",
        "lvis": "data_conversion.pipeline.readers.coco.reader:LVIS",
        "ms_swift": "data_conversion.pipeline.readers.ms_swift:MS_SWIFT",
        "qwen": "data_conversion.pipeline.readers.conversations:QWEN",
        "telecom": "data_conversion.pipeline.readers.telecom:TELECOM",
        "voc": "data_conversion.pipeline.readers.voc:VOC",
        "yolo": "data_conversion.pipeline.readers.yolo.reader:YOLO",
    }
)
