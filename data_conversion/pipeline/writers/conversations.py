"""Conversation files whose answers are objects in JSON: LLaMA-Factory's sharegpt files and Qwen's own fine-tuning files.

One JSON list a part. Answers are those that this project trains on: objects in reading order, whole numbers in the space that is
asked for, vertices in canonical order. Where the formats come from is said in the reader's module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from data_conversion.pipeline.answer_text import TEXT_SPACES, write_answer
from data_conversion.pipeline.exchange import IMAGE
from data_conversion.pipeline.reading import Space
from data_conversion.pipeline.writers.dense import ATTRIBUTES, count_attributes, count_metadata
from data_conversion.pipeline.writing import Fidelity, WriteOptions, Written
from src.contract.records import Record
from src.errors import DataError, UsageError
from src.files import atomic_write, write_bytes

DATASET_INFO = "dataset_info.json"
FIDELITY = Fidelity(
    bbox_2d="exact",
    poly="exact",
    line="exact",
    precision="norm1000",
    vertex_order=False,
    sizes=False,
    object_order=False,
    notes="objects in reading order; a line may be turned end for end; half a step of other spaces: "
    "a pixel (pixels), a pixel of the resized picture (qwen25), W/100 (norm100)",
)


class LlamaFactoryWriter:
    """`<part>.json` and the `dataset_info.json` that LLaMA-Factory finds them by (data/README, "sharegpt")."""

    @property
    def fidelity(self) -> Fidelity:
        return FIDELITY

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """`UsageError` without a space whose numbers are whole."""
        space = text_space(options, "llama_factory")
        written = Written()
        for part, records in parts.items():
            rows = (_llama_factory_row(record, space, options) for record in records)
            _write_list(part, rows, options, written)
        info = {part: _dataset_entry(part) for part in parts}
        write_bytes(options.output / DATASET_INFO, orjson.dumps(info, option=orjson.OPT_INDENT_2))
        return written


class QwenWriter:
    """`<part>.json` as qwen-vl-finetune reads it; it has no system turn, so a system prompt stands before the user's text."""

    @property
    def fidelity(self) -> Fidelity:
        return FIDELITY

    def write(self, parts: Mapping[str, Iterable[Record]], options: WriteOptions) -> Written:
        """`UsageError` without a space whose numbers are whole, or for another answer format than Qwen's."""
        space = text_space(options, "qwen")
        require_qwen_answer(options, "qwen")
        written = Written()
        for part, records in parts.items():
            rows = (_qwen_row(record, space, options) for record in records)
            _write_list(part, rows, options, written)
        return written


def text_space(options: WriteOptions, name: str) -> Space:
    """The space that was asked for."""
    if options.space not in TEXT_SPACES:
        raise UsageError.say(
            f"{name} files do not say what their coordinates mean",
            got=options.space or "no space",
            expected=" | ".join(TEXT_SPACES),
            remedy="give the option space: norm1000 for Qwen3-VL, qwen25 for Qwen2.5-VL",
        )
    return options.space


def count_unsaid(record: Record, written: Written) -> None:
    """Count what the answer of a record does not say: its summary, attributes of its objects, other metadata."""
    if record.summary is not None:
        written.losses["summary texts"] += 1
    count_attributes(record, written)
    count_metadata(record, written, kept=(ATTRIBUTES,))


def require_qwen_answer(options: WriteOptions, name: str) -> None:
    """`UsageError` when another answer format is asked for than the one that the format has."""
    if options.answer != "qwen":
        raise UsageError.say(f"answers of {name} are written as qwen", got=options.answer)


def _llama_factory_row(
    record: Record, space: Space, options: WriteOptions
) -> tuple[Record, dict[str, Any]]:
    answer = _answer(record, space, options)
    turns = [("user", IMAGE + options.prompt), ("assistant", answer)]
    if options.system is not None:
        turns.insert(0, ("system", options.system))
    messages = [{"role": role, "content": content} for role, content in turns]
    return record, {"messages": messages, "images": list(record.images)}


def _qwen_row(record: Record, space: Space, options: WriteOptions) -> tuple[Record, dict[str, Any]]:
    prompt = "\n".join(text for text in (IMAGE, options.system, options.prompt) if text)
    turns = [("human", prompt), ("gpt", _answer(record, space, options))]
    conversations = [{"from": role, "value": value} for role, value in turns]
    return record, {"image": record.images[0], "conversations": conversations}


def _answer(record: Record, space: Space, options: WriteOptions) -> str:
    try:
        return write_answer(record.objects, space, (record.width, record.height), options.answer)
    except DataError as error:
        raise DataError.say(error.issues[0].message, where=str(record.source)) from error


def _write_list(
    part: str,
    rows: Iterator[tuple[Record, dict[str, Any]]],
    options: WriteOptions,
    written: Written,
) -> None:
    """A JSON list, one row a line, written as the rows come."""
    with atomic_write(options.output / f"{part}.json", "wb") as handle:
        separator = b"[\n"
        for record, row in rows:
            handle.write(separator + orjson.dumps(row))
            separator = b",\n"
            written.num_images += 1
            written.num_objects += len(record.objects)
            count_unsaid(record, written)
        handle.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def _dataset_entry(part: str) -> dict[str, Any]:
    return {
        "file_name": f"{part}.json",
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
