"""ms-swift's grounding JSONL: `<part>.jsonl` with placeholders in the answer and the boxes beside it.

ms-swift fills the placeholders when it encodes a row and writes coordinates the way that the model at hand was trained on, so the
boxes here are exact pixels ("real") or shares of the sides (space norm1). It takes boxes and points alone: polygons become their
enclosing boxes and lines are left out, both counted. Filled for Qwen3-VL, an answer is the text of `json_format: qwen`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from data_conversion.pipeline.answer_text import in_reading_order
from data_conversion.pipeline.exchange import IMAGE
from data_conversion.pipeline.spaces import to_space
from data_conversion.pipeline.writers.conversations import count_unsaid, require_qwen_answer
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Written
from src.contract.records import ObjectAnnotation, Record
from src.datasets.geometry.overlap import bounds
from src.errors import UsageError
from src.files import atomic_write

ENTRY = '{"bbox_2d": <bbox>, "label": "<ref-object>"}'
AS_BOX = "polygons written as their enclosing boxes"
NO_LINE = "lines left out"
NO_AREA = "polygons without an enclosing box left out"
NOTHING_LEFT = "records left out because none of their objects can be written"
KINDS = {None: "real", "pixels": "real", "norm1": "norm1"}


class MsSwiftWriter:
    """Writer of ms-swift's grounding rows (see the module text)."""

    @property
    def fidelity(self) -> Fidelity:
        return Fidelity(
            bbox_2d="exact",
            poly="as box",
            line="lost",
            vertex_order=False,
            sizes=False,
            object_order=False,
            notes="objects in reading order; a record whose objects are all lost is left out; for polygons and lines write "
            "llama_factory, which ms-swift reads too",
        )

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """`UsageError` for a space that ms-swift has no bbox_type for, or another answer format than Qwen's."""
        if options.space not in KINDS:
            raise UsageError.say(
                "ms-swift normalises coordinates itself",
                got=str(options.space),
                expected="pixels (the default) or norm1",
                remedy="leave space out",
            )
        require_qwen_answer(options, "ms_swift")
        written = Written()
        for part, records in parts.items():
            with atomic_write(options.output / f"{part}.jsonl", "wb") as handle:
                for record in records:
                    boxes = _boxes(record, written)
                    if record.objects and not boxes:
                        written.losses[NOTHING_LEFT] += 1
                        continue
                    row = _row(record, boxes, options)
                    handle.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                    written.num_images += 1
                    written.num_objects += len(boxes)
                    count_unsaid(record, written)
        return written


def _boxes(record: Record, written: Written) -> list[ObjectAnnotation]:
    boxes = []
    for item in record.objects:
        if item.kind == "line":
            written.losses[NO_LINE] += 1
            continue
        box = bounds(item.points)
        if box[0] >= box[2] or box[1] >= box[3]:
            written.losses[NO_AREA] += 1
            continue
        if item.kind == "poly":
            written.losses[AS_BOX] += 1
        boxes.append(replace(item, kind="bbox_2d", points=box))
    return boxes


def _row(record: Record, boxes: list[ObjectAnnotation], options: WriteOptions) -> dict[str, Any]:
    size = (record.width, record.height)
    space = options.space or "pixels"
    ordered = [item for _, item in in_reading_order(boxes, "norm1000", size)]
    messages = [
        {"role": "user", "content": IMAGE + options.prompt},
        {"role": "assistant", "content": f"[{', '.join([ENTRY] * len(ordered))}]"},
    ]
    if options.system is not None:
        messages.insert(0, {"role": "system", "content": options.system})
    return {
        "messages": messages,
        "images": list(record.images),
        "objects": {
            # A reference is put between quotes as it is, so it is escaped for them here.
            "ref": [json.dumps(item.desc, ensure_ascii=False)[1:-1] for item in ordered],
            # Always fractions: the JSON loader takes a column's type from its first rows, and whole ones would cut later ones.
            "bbox": [[float(v) for v in to_space(item.points, space, size)] for item in ordered],
            "bbox_type": KINDS[options.space],
        },
    }
