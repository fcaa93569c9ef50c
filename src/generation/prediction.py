"""Predict a JSONL or a folder of pictures with an engine: batched, in order, resumable.

Lines are appended to `OUT.partial` batch by batch; its first line names the settings, so that an interrupted run continues
where it stood and a run with other settings does not mix in. When all is done the file is put in place in one move.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.predictions import (
    ParsedAnswer,
    Prediction,
    prediction_to_line,
    relative_image,
)
from src.contract.records import ObjectAnnotation, Record, Source
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.render import render
from src.datasets.scene import open_scene
from src.errors import DataError
from src.files import atomic_write
from src.generation.grounding import Grounding
from src.generation.types import Engine, GenerationOptions, GenerationRequest, GenerationResult
from src.images import SUFFIXES, read_header
from src.utils.progress import progress


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictSettings:
    """What decides the answers; a partial file is continued only under equal settings."""

    model: str
    source: str
    grounding: Grounding
    max_new_tokens: int
    batch_size: int
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictItem:
    """One record to predict, of data set `dataset`; `truth` and `summary` None where there is no annotation."""

    row: int
    record: Record
    pictures: tuple[Path, ...]
    truth: tuple[ObjectAnnotation, ...] | None
    summary: str | None = None
    dataset: str = ""


def jsonl_items(path: Path, roots: Sequence[Path] = (), *, dataset: str = "") -> list[PredictItem]:
    """The dense and summary records of a JSONL (chats have nothing to predict); every line must be valid."""
    index = JsonlIndex.open(path)
    resolver = ImageResolver(path.parent, tuple(roots))
    items = []
    for row in range(len(index)):
        record = index.record(row)
        if not record.is_chat:
            items.append(
                PredictItem(
                    row=row,
                    record=record,
                    pictures=tuple(resolver.resolve(name, record.source) for name in record.images),
                    truth=record.objects,
                    summary=record.summary,
                    dataset=dataset,
                )
            )
    if not items:
        raise DataError.say(f"{path} has nothing to predict", remedy="name a JSONL with images")
    return items


def folder_items(folder: Path) -> list[PredictItem]:
    """Every picture below a folder, sorted by path."""
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not pictures:
        raise DataError.say(f"no pictures under {folder}", expected=", ".join(SUFFIXES))
    items = []
    for row, picture in enumerate(pictures):
        width, height = read_header(picture).upright_size
        record = Record(
            images=(picture.relative_to(folder).as_posix(),),
            width=width,
            height=height,
            source=Source(file=str(picture), line=0),
        )
        items.append(PredictItem(row=row, record=record, pictures=(picture,), truth=None))
    return items


def predict(
    items: Sequence[PredictItem],
    engine: Engine,
    settings: PredictSettings,
    out: Path,
    *,
    restart: bool = False,
) -> Path:
    """Write `out`, continuing `out.partial` where one stands; returns `out`."""
    items = items[: settings.limit]
    partial = out.with_name(f"{out.name}.partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    done = 0 if restart else _resume(partial, settings)
    if done == 0:
        with atomic_write(partial, "wb") as handle:
            handle.write(_header(settings))
    builder = JsonLinesBuilder(settings.grounding.builder, settings.grounding.prompts)
    options = GenerationOptions(max_new_tokens=settings.max_new_tokens)
    # Batches are cut from the whole list, so that a resumed run forms the same ones.
    size = settings.batch_size
    starts = range(done - done % size, len(items), size)
    with partial.open("ab") as handle:
        for start in progress(
            starts, total=-(-len(items) // size), label="predict", start=done // size
        ):
            batch = items[start : start + size]
            found = predict_batch(batch, engine, builder, settings.grounding, options, out.parent)
            lines = [prediction_to_line(item) for item in found]
            handle.write(b"".join(lines[max(0, done - start) :]))
            handle.flush()
            os.fsync(handle.fileno())
    with atomic_write(out, "wb") as target, partial.open("rb") as handle:
        handle.readline()
        while chunk := handle.read(1 << 20):
            target.write(chunk)
    partial.unlink()
    return out


def _header(settings: PredictSettings) -> bytes:
    return orjson.dumps({"settings": asdict(settings)}, option=orjson.OPT_APPEND_NEWLINE)


def _resume(partial: Path, settings: PredictSettings) -> int:
    """Lines already done; a torn last line is cut off. `DataError` when the file is of another run."""
    if not partial.is_file():
        return 0
    data = partial.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    head, _, body = whole.partition(b"\n")
    expected = _header(settings).rstrip(b"\n")
    if head != expected:
        raise DataError.say(
            f"{partial} was begun with other settings",
            got=_difference(head, expected),
            remedy="finish that run, give another --out, or begin anew with --restart",
        )
    if len(whole) != len(data):
        with partial.open("r+b") as handle:
            handle.truncate(len(whole))
    return body.count(b"\n")


def _difference(head: bytes, expected: bytes) -> str:
    """The first setting in which two headers differ."""
    try:
        old, new = (_flat(orjson.loads(text)["settings"]) for text in (head, expected))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "a damaged first line"
    names = [name for name in new if name not in old or old[name] != new[name]]
    return ", ".join(
        f"{n}: {old[n] if n in old else None!r} instead of {new[n]!r}" for n in names[:3]
    )


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    joined: dict[str, Any] = {}
    for key, below in value.items():
        joined |= _flat(below, f"{path}.{key}" if path else key)
    return joined


def predict_batch(
    batch: Sequence[PredictItem],
    engine: Engine,
    builder: JsonLinesBuilder,
    grounding: Grounding,
    options: GenerationOptions,
    folder: Path,
) -> list[Prediction]:
    """Generate for the items at once and parse the answers; image paths become relative to `folder`."""
    sizes = []
    requests = []
    for item in batch:
        scene = render(open_scene(item.record, list(item.pictures)), grounding.budget)
        sizes.append(scene.size)
        requests.append(GenerationRequest(key=str(item.row), conversation=builder.prompt(scene)))
    results = engine.generate(requests, options)
    return [
        _prediction(item, seen, result, grounding, folder)
        for item, seen, result in zip(batch, sizes, results, strict=True)
    ]


def _prediction(
    item: PredictItem,
    seen: tuple[int, int],
    result: GenerationResult,
    grounding: Grounding,
    folder: Path,
) -> Prediction:
    """Parse an answer about the picture of size `seen` and bring its points back to the record's pixels."""
    builder = grounding.builder
    text = result.text
    if builder.assistant_prefix_format is not None:
        text = text.partition("\n")[2]
    if builder.use_summary:
        answer = ParsedAnswer(objects=(), is_valid=True)
    else:
        answer = FORMATS[builder.json_format].parse(text, *seen, builder.emit_norm)
    scale = (item.record.width / seen[0], item.record.height / seen[1])
    has_scores = any(score is not None for score in answer.verbalised)
    return Prediction(
        image=relative_image(item.pictures[0], folder),
        row=item.row,
        width=item.record.width,
        height=item.record.height,
        truth=item.truth,
        objects=tuple(_scaled(found, scale) for found in answer.objects),
        dropped=answer.dropped,
        is_valid=answer.is_valid,
        text=result.text,
        finish_reason=result.finish_reason,
        dataset=item.dataset,
        mode="summary" if builder.use_summary else "dense",
        summary=item.summary,
        num_tokens=result.num_tokens,
        verbalised_scores=answer.verbalised if has_scores else None,
    )


def _scaled(item: ObjectAnnotation, scale: tuple[float, float]) -> ObjectAnnotation:
    points = tuple(value * scale[axis % 2] for axis, value in enumerate(item.points))
    return ObjectAnnotation(desc=item.desc, kind=item.kind, points=points)
