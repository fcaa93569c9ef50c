"""The formats that can be written: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from data_conversion.pipeline.writers.coco import CocoWriter
from data_conversion.pipeline.writers.conversations import LlamaFactoryWriter, QwenWriter
from data_conversion.pipeline.writers.cvat import CvatWriter
from data_conversion.pipeline.writers.label_studio import LabelStudioWriter
from data_conversion.pipeline.writers.labelme import LabelMeWriter
from data_conversion.pipeline.writers.ms_swift import MsSwiftWriter
from data_conversion.pipeline.writers.voc import VocWriter
from data_conversion.pipeline.writers.yolo import YOLO_DET, YOLO_OBB, YOLO_SEG
from data_conversion.pipeline.writing import Writer

CONVERSATIONS = ("llama_factory", "ms_swift", "qwen")
"""Those that hold a question and an answer: prompts, answer formats and coordinate spaces are theirs alone."""
WRITERS: Mapping[str, Writer] = {
    "coco": CocoWriter(),
    "cvat": CvatWriter(),
    "label_studio": LabelStudioWriter(),
    "labelme": LabelMeWriter(),
    "llama_factory": LlamaFactoryWriter(),
    "ms_swift": MsSwiftWriter(),
    "qwen": QwenWriter(),
    "voc": VocWriter(),
    "yolo_det": YOLO_DET,
    "yolo_obb": YOLO_OBB,
    "yolo_seg": YOLO_SEG,
}
