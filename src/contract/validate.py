"""The only validator of records: one JSONL line -> a `Record`, or every problem of the line at once.

docs/data/DATA_JSONL_CONTRACT.md states the contract; its table lists every rule id used here. Cost:
about 50 microseconds for a 10-object record, reading included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from src.contract.line_issues import LineIssues, key_path
from src.contract.message_rules import check_messages
from src.contract.object_rules import check_objects
from src.contract.records import Record, Source
from src.contract.repeated_keys import MAX_DEPTH, depth_exceeds, repeated_keys
from src.contract.text_rules import check_text
from src.errors import Issue, RecordError
from src.utils.suggest import did_you_mean

RECORD_KEYS = frozenset(("images", "objects", "width", "height", "summary", "messages", "metadata"))
MAX_SIDE = 1_000_000
MAX_LINE_BYTES = 32 << 20


def parse_record(line: bytes, source: Source, *, fix: bool = False) -> Record:
    """The record of a line (bytes without its line end).

    `RecordError` carries all issues, each with file:line, JSON path, rule id, what was found and the
    remedy. `fix` clamps coordinates at most one pixel outside the picture instead of refusing them.
    """
    record, state = _parse(line, source, fix)
    if record is None:
        raise RecordError(*state.issues)
    return record


def check_line(line: bytes, source: Source, *, fix: bool = False) -> tuple[Issue, ...]:
    """The issues of a line; empty when `parse_record` accepts it."""
    return tuple(_parse(line, source, fix)[1].issues)


def parse_counting(
    line: bytes, source: Source, *, fix: bool
) -> tuple[Record | None, tuple[Issue, ...], int]:
    """(record or None, issues, number of coordinates that the fix clamped)."""
    record, state = _parse(line, source, fix)
    return record, tuple(state.issues), state.fixed


def _parse(line: bytes, source: Source, fix: bool) -> tuple[Record | None, LineIssues]:
    state = LineIssues(source, fix)
    raw = _load(line, state)
    record = None if raw is None else _record(raw, state)
    return (None if state.issues else record), state


def _load(line: bytes, state: LineIssues) -> dict[str, Any] | None:
    if len(line) > MAX_LINE_BYTES:
        state.add("", "json", "the line is too long", "one record a line", got=f"{len(line)} bytes")
        return None
    if not line.strip():
        state.add("", "json", "the line is empty", "remove it")
        return None
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        message = f"not valid JSON: {error}"
        state.add("", "json", message, "one JSON object a line, UTF-8 without a byte-order mark")
        return None
    if not isinstance(raw, dict):
        state.add("", "json", "the line is not a JSON object", "one record a line", got=raw)
        return None
    for key in repeated_keys(line, raw):
        message, remedy = "a key stands twice in one object", "keep one: the other would be lost"
        state.add(key_path("", key), "repeated-key", message, remedy, got=key)
    return raw


def _record(raw: dict[str, Any], state: LineIssues) -> Record | None:
    if not raw.keys() <= RECORD_KEYS:
        for key in [key for key in raw if key not in RECORD_KEYS]:
            hint = did_you_mean(key, RECORD_KEYS) or "put it into metadata"
            state.add(key_path("", key), "unknown-key", "unknown key", hint, got=key)
    is_chat = "messages" in raw
    images = _images(raw, state, required=not is_chat)
    # A chat without images has no size; where one is written it must be right all the same.
    needs_size = bool(images) or not is_chat
    state.width = _side(raw, "width", state, required=needs_size)
    state.height = _side(raw, "height", state, required=needs_size)
    objects = check_objects(raw, state)
    summary = raw.get("summary")  # null is the same as absent
    if summary is not None:
        check_text(summary, "summary", "summary", state)
    messages = check_messages(raw["messages"], state) if is_chat else ()
    _check_kind(raw, state)
    metadata = raw.get("metadata", {})
    _check_metadata(metadata, state)
    if state.issues:
        return None
    return Record(
        images=images,
        width=state.width,
        height=state.height,
        objects=objects,
        summary=summary,
        messages=messages,
        metadata=metadata,
        source=state.source,
    )


def _check_kind(raw: Mapping[str, Any], state: LineIssues) -> None:
    """A record is a chat, or it describes: dense (objects, one image), summary, or both."""
    has_objects, has_summary = "objects" in raw, raw.get("summary") is not None
    if "messages" in raw:
        if has_objects or has_summary:
            message = "messages stand beside objects or summary"
            remedy = "a record is either a chat or a description; split it in two"
            state.add("messages", "record-kind", message, remedy)
        return
    if not has_objects and not has_summary:
        message = "none of objects, summary and messages is given"
        remedy = "write objects (an empty list for a negative image)"
        state.add("", "record-kind", message, remedy)
    images = raw.get("images")
    is_dense = has_objects and (bool(raw["objects"]) or not has_summary)
    if is_dense and isinstance(images, list) and len(images) > 1:
        message = "a dense record has exactly one image"
        state.add("images", "one-image", message, "split it, one image each", got=len(images))


def _check_metadata(metadata: Any, state: LineIssues) -> None:
    if not isinstance(metadata, dict):
        state.add("metadata", "type", "metadata must be an object", "write {...}", got=metadata)
    elif metadata and depth_exceeds(metadata, MAX_DEPTH):
        message = f"metadata is nested deeper than {MAX_DEPTH} levels"
        state.add("metadata", "nesting", message, "flatten it")


def _images(raw: Mapping[str, Any], state: LineIssues, *, required: bool) -> tuple[str, ...]:
    if "images" not in raw:
        if required:
            state.add("images", "missing", "images is missing", "list the image path")
        return ()
    images = raw["images"]
    if not isinstance(images, list) or (required and not images):
        message, remedy = "images must be a list of paths", 'write ["images/a.jpg"]'
        state.add("images", "type", message, remedy, got=images)
        return ()
    for position, image in enumerate(images):
        if not isinstance(image, str) or not image:
            message = "an image is a path relative to the JSONL"
            state.add(f"images[{position}]", "type", message, "write a path", got=image)
    return tuple(images)


def _side(raw: Mapping[str, Any], name: str, state: LineIssues, *, required: bool) -> int:
    if name not in raw:
        if required:
            remedy = "write the upright picture's size in pixels"
            state.add(name, "missing", f"{name} is missing", remedy)
        return 0
    value = raw[name]
    if type(value) is not int or not 0 < value <= MAX_SIDE:
        message = f"{name} must be a whole number from 1 to {MAX_SIDE}"
        state.add(name, "size", message, "write pixels", got=value)
        return 0
    return value


def require_mode(record: Record, use_summary: bool) -> None:
    """`RecordError` when a record has nothing to learn in the run's mode."""
    if record.is_chat or not use_summary or record.summary is not None:
        return
    state = LineIssues(record.source, fix=False)
    state.add(
        "summary",
        "missing",
        "summary mode needs a summary",
        "convert with summaries, or set use_summary: false",
    )
    raise RecordError(*state.issues)
