"""Records as JSONL lines, in one canonical spelling."""

from __future__ import annotations

from typing import Any

import orjson

from src.contract.records import ObjectAnnotation, Record


def record_to_line(record: Record) -> bytes:
    """The line of a record, newline included; whole coordinates are written without a fraction."""
    raw: dict[str, Any] = {"images": list(record.images)}
    if record.width:
        raw["width"] = record.width
        raw["height"] = record.height
    if record.is_chat:
        raw["messages"] = [{"role": m.role, "content": m.content} for m in record.messages]
    else:
        if record.objects or record.summary is None:
            raw["objects"] = [_object(item) for item in record.objects]
        if record.summary is not None:
            raw["summary"] = record.summary
    if record.metadata:
        raw["metadata"] = dict(record.metadata)
    return orjson.dumps(raw, option=orjson.OPT_APPEND_NEWLINE)


def _object(item: ObjectAnnotation) -> dict[str, Any]:
    points = [int(value) if value.is_integer() else value for value in item.points]
    return {"desc": item.desc, item.kind: points}
