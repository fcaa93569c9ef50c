"""The only validator of records: one JSONL line -> a `Record`, or every problem of the line at once.

docs/data/DATA_JSONL_CONTRACT.md states the contract; its table lists every rule id used here. Cost: some tens of microseconds
for a 10-object record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import orjson

from src.contract.geometry_rules import check_geometry
from src.contract.records import GEOMETRY_KINDS, Message, ObjectAnnotation, Record, Source
from src.errors import Issue, RecordError
from src.utils.suggest import did_you_mean

RECORD_KEYS = ("images", "objects", "width", "height", "summary", "messages", "metadata")
OBJECT_KEYS = ("desc", *GEOMETRY_KINDS, "poly_points", "line_points")
ROLES = ("system", "user", "assistant")
MAX_SIDE = 1_000_000
MAX_LINE_BYTES = 32 << 20
# Any spelling that Qwen's tokenizers turn into a token of its own: an image token more than the grid has, or a supervised end.
SPECIAL = re.compile(r"<\|[a-z_]+\|>|</?think>|</?tool_call>|</?tool_response>")
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class Line:
    """Collects the issues of one line; `fix` clamps coordinates that lie at most one pixel outside."""

    __slots__ = ("fix", "fixed", "height", "issues", "source", "width")

    def __init__(self, source: Source, fix: bool) -> None:
        self.source = source
        self.fix = fix
        self.fixed = 0
        self.issues: list[Issue] = []
        self.width = 0
        self.height = 0

    def add(self, path: str, rule: str, message: str, remedy: str, got: Any = "") -> None:
        self.issues.append(
            Issue(
                message=message,
                where=str(self.source),
                path=path,
                rule=rule,
                got=got if isinstance(got, str) and not got else _shown(got),
                remedy=remedy,
            )
        )


def parse_record(line: bytes, source: Source, *, fix: bool = False) -> Record:
    """The record of a line; `RecordError` with all issues, each with file, line, JSON path, rule id, got and remedy."""
    record, state = _parse(line, source, fix)
    if record is None:
        raise RecordError(*state.issues)
    return record


def check_line(line: bytes, source: Source, *, fix: bool = False) -> tuple[Issue, ...]:
    """The issues of a line; empty when `parse_record` accepts it."""
    return tuple(_parse(line, source, fix)[1].issues)


def parse_counting(line: bytes, source: Source, *, fix: bool) -> tuple[Record | None, tuple[Issue, ...], int]:
    """(record or None, issues, number of coordinates that the fix clamped)."""
    record, state = _parse(line, source, fix)
    return record, tuple(state.issues), state.fixed


def _parse(line: bytes, source: Source, fix: bool) -> tuple[Record | None, Line]:
    state = Line(source, fix)
    raw = _load(line, state)
    if raw is None:
        return None, state
    record = _record(raw, state)
    return (None if state.issues else record), state


def _load(line: bytes, state: Line) -> dict[str, Any] | None:
    if len(line) > MAX_LINE_BYTES:
        state.add("", "json", "the line is too long", "one record a line", got=f"{len(line)} bytes")
        return None
    if not line.strip():
        state.add("", "json", "the line is empty", "remove it")
        return None
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        state.add(
            "", "json", f"not valid JSON: {error}",
            "one JSON object a line, UTF-8 without a byte-order mark",
        )  # fmt: skip
        return None
    if not isinstance(raw, dict):
        state.add("", "json", "the line is not a JSON object", "one record a line", got=raw)
        return None
    return raw


def _record(raw: dict[str, Any], state: Line) -> Record | None:
    for key in raw:
        if key not in RECORD_KEYS:
            hint = did_you_mean(key, RECORD_KEYS) or "put it into metadata"
            state.add(key, "unknown-key", "unknown key", hint, got=key)
    is_chat = "messages" in raw
    images = _images(raw, state, required=not is_chat)
    state.width = _side(raw, "width", state, required=bool(images) or not is_chat)
    state.height = _side(raw, "height", state, required=bool(images) or not is_chat)
    objects = _objects(raw, state)
    summary = raw.get("summary")
    if summary is not None:
        _text(summary, "summary", "summary", state)
    messages = _messages(raw, state) if is_chat else ()
    if is_chat and ("objects" in raw or summary is not None):
        state.add(
            "messages", "record-kind", "messages stand beside objects or summary",
            "a record is either a chat or a description; split it in two",
        )  # fmt: skip
    elif not is_chat and "objects" not in raw and summary is None:
        state.add(
            "", "record-kind", "none of objects, summary and messages is given",
            "write objects (an empty list for a negative image)",
        )  # fmt: skip
    elif objects and len(images) > 1:
        state.add(
            "images", "one-image", "a dense record has exactly one image",
            "split it into one record an image", got=len(images),
        )  # fmt: skip
    metadata = raw.get("metadata", {})
    if not isinstance(metadata, dict):
        state.add("metadata", "type", "metadata must be an object", "write {...}", got=metadata)
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


def _images(raw: Mapping[str, Any], state: Line, *, required: bool) -> tuple[str, ...]:
    if "images" not in raw:
        if required:
            state.add("images", "missing", "images is missing", "list the image path")
        return ()
    images = raw["images"]
    if not isinstance(images, list) or (required and not images):
        state.add("images", "type", "images must be a list of paths", 'write ["images/a.jpg"]', got=images)
        return ()
    for position, image in enumerate(images):
        if not isinstance(image, str) or not image:
            state.add(
                f"images[{position}]", "type", "an image is a path relative to the JSONL", "write a path",
                got=image,
            )  # fmt: skip
            return ()
    return tuple(images)


def _side(raw: Mapping[str, Any], name: str, state: Line, *, required: bool) -> int:
    if name not in raw:
        if required:
            state.add(name, "missing", f"{name} is missing", "write the upright picture's size in pixels")
        return 0
    value = raw[name]
    if type(value) is not int or not 0 < value <= MAX_SIDE:
        state.add(name, "size", f"{name} must be a positive whole number", "write pixels", got=value)
        return 0
    return value


def _text(value: Any, path: str, name: str, state: Line, *, multiline: bool = False) -> bool:
    if not isinstance(value, str):
        state.add(path, "type", f"{name} must be text", "write a string", got=value)
        return False
    fits = True
    if not value.strip():
        state.add(path, "empty-text", f"{name} is empty", "write what is there, or remove it", got=value)
        return False
    if not multiline and value != value.strip():
        state.add(path, "text-space", f"{name} begins or ends with white space", "strip it", got=value)
        fits = False
    if not multiline and CONTROL.search(value):
        state.add(path, "control-text", f"{name} has a line break or control character", "write one line", got=value)
        fits = False
    if "<|" in value or "</" in value or "<t" in value:
        found = SPECIAL.search(value)
        if found:
            state.add(
                path, "special-token", f"{name} spells a special token of the model",
                "remove it: the tokenizer would read it as a control token", got=found.group(0),
            )  # fmt: skip
            fits = False
    return fits


def _objects(raw: Mapping[str, Any], state: Line) -> tuple[ObjectAnnotation, ...]:
    if "objects" not in raw:
        return ()
    objects = raw["objects"]
    if not isinstance(objects, list):
        state.add("objects", "type", "objects must be a list", "write [] for a negative image", got=objects)
        return ()
    parsed = [_object(item, f"objects[{position}]", state) for position, item in enumerate(objects)]
    return tuple(item for item in parsed if item is not None)


def _object(item: Any, path: str, state: Line) -> ObjectAnnotation | None:
    if not isinstance(item, dict):
        state.add(path, "type", "an object must be a JSON object", "write desc and one geometry", got=item)
        return None
    kinds = [kind for kind in GEOMETRY_KINDS if kind in item]
    for key in item:
        if key == "quad":
            state.add(f"{path}.quad", "quad", "quad is not a geometry key", "rename it to poly", got="quad")
        elif key not in OBJECT_KEYS:
            hint = did_you_mean(key, OBJECT_KEYS) or "remove it, or keep it in the record's metadata"
            state.add(f"{path}.{key}", "unknown-key", "unknown key", hint, got=key)
    if "desc" not in item:
        state.add(f"{path}.desc", "missing", "desc is missing", "describe the object")
    else:
        _text(item["desc"], f"{path}.desc", "desc", state)
    if len(kinds) != 1:
        if kinds or "quad" not in item:
            state.add(
                path, "one-geometry", "an object has exactly one geometry",
                "keep one of bbox_2d, poly, line", got=", ".join(kinds) or "none",
            )  # fmt: skip
        return None
    kind = kinds[0]
    points = check_geometry(item[kind], kind, f"{path}.{kind}", state)
    for name in ("poly_points", "line_points"):
        if name in item:
            _count(item, name, kind, points, path, state)
    if state.issues or points is None:
        return None
    return ObjectAnnotation(desc=item["desc"], kind=kind, points=points)


def _count(
    item: Mapping[str, Any], name: str, kind: str, points: tuple[float, ...] | None, path: str, state: Line
) -> None:
    if name != f"{kind}_points":
        state.add(f"{path}.{name}", "point-count", f"{name} beside {kind}", "remove it", got=item[name])
    elif points is not None and (type(item[name]) is not int or item[name] * 2 != len(points)):
        state.add(
            f"{path}.{name}", "point-count", f"{name} disagrees with {kind}",
            f"write {len(points) // 2}, or remove it", got=item[name],
        )  # fmt: skip


def _messages(raw: Mapping[str, Any], state: Line) -> tuple[Message, ...]:
    messages = raw["messages"]
    if not isinstance(messages, list) or not messages:
        state.add("messages", "type", "messages must be a non-empty list", "write role and content", got=messages)
        return ()
    parsed = []
    for position, item in enumerate(messages):
        path = f"messages[{position}]"
        if not isinstance(item, dict) or set(item) != {"role", "content"}:
            state.add(path, "message", "a message has exactly role and content", "write both", got=item)
            continue
        if item["role"] not in ROLES or (item["role"] == "system" and position):
            state.add(
                f"{path}.role", "message", "not a legal role here", "system (first only), user or assistant",
                got=item["role"],
            )  # fmt: skip
            continue
        if _text(item["content"], f"{path}.content", "content", state, multiline=True):
            parsed.append(Message(role=item["role"], content=item["content"]))
    if len(parsed) == len(messages) and parsed[-1].role != "assistant":
        state.add(
            "messages", "message", "the last message is not the assistant's", "end with the answer to learn",
            got=parsed[-1].role,
        )  # fmt: skip
    return tuple(parsed)


def require_mode(record: Record, use_summary: bool) -> None:
    """`RecordError` when a record has nothing to learn in the run's mode."""
    if record.is_chat or not use_summary or record.summary is not None:
        return
    state = Line(record.source, fix=False)
    state.add("summary", "missing", "summary mode needs a summary", "convert with summaries, or set use_summary: false")
    _raise(state)


def _raise(state: Line) -> NoReturn:
    raise RecordError(*state.issues)


def _shown(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."
