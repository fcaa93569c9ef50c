"""Predict a JSONL or a folder of pictures with an engine: batched, in order, resumable, by one or several processes.

Answers go to a journal batch by batch (`src.generation.journal`), so that an interrupted run continues where it stood. When all
is done the file is put in place in one move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.predictions import (
    ParsedAnswer,
    Prediction,
    Scores,
    prediction_to_line,
    relative_image,
)
from src.contract.records import ObjectAnnotation, Record, Source
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.render import render
from src.datasets.scene import open_scene
from src.errors import DataError
from src.generation.grounding import Grounding
from src.generation.journal import Journal
from src.generation.ranks import ALONE, Ranks
from src.generation.scores import object_scores
from src.generation.types import (
    Engine,
    GenerationOptions,
    GenerationRequest,
    GenerationResult,
    TokenScore,
)
from src.images import SUFFIXES, read_header
from src.rng import stable_hash
from src.utils.logger import get_logger
from src.utils.progress import progress

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictSettings:
    """What decides the answers; a partial file is continued only under equal settings. `backend` is `Backend.identity()`."""

    model: str
    source: str
    grounding: Grounding
    options: GenerationOptions
    backend: Mapping[str, Any] = field(default_factory=dict)
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


def items_digest(items: Sequence[PredictItem]) -> str:
    """A short hash over the items: a journal must not be continued for other records under the same name."""
    parts = (part for item in items for part in (item.row, item.dataset, repr(item.record)))
    return f"{stable_hash(*parts, bits=64):016x}"


def predict(
    items: Sequence[PredictItem],
    engine: Engine,
    settings: PredictSettings,
    out: Path,
    *,
    restart: bool = False,
    ranks: Ranks = ALONE,
) -> Path:
    """Write `out`, continuing its journal where one stands; returns `out`.

    Whole batches are dealt to the ranks by their number, so every rank calls this with the same arguments. Rank 0 writes `out`.
    """
    items = items[: settings.limit]
    out.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(out=out, settings=asdict(settings))
    if restart and ranks.rank == 0:
        journal.discard()
    ranks.meet()
    done = journal.done()
    # Nobody writes before all have read: what is done is the same for all.
    ranks.meet()
    builder = JsonLinesBuilder(settings.grounding.builder, settings.grounding.prompts)
    # Batches are cut from the whole list, so that a resumed run, or one with other ranks, forms the same ones.
    size = settings.batch_size
    own = range(ranks.rank * size, len(items), ranks.world_size * size)
    starts = [
        start
        for start in own
        if any(position not in done for position in range(start, min(start + size, len(items))))
    ]
    with journal.writer(ranks.rank) as writer:
        for start in progress(
            starts, total=len(own), label="predict", start=len(own) - len(starts)
        ):
            batch = items[start : start + size]
            found = predict_batch(
                batch, engine, builder, settings.grounding, settings.options, out.parent
            )
            writer.add(
                {
                    position: prediction_to_line(item)
                    for position, item in enumerate(found, start)
                    if position not in done
                }
            )
    ranks.meet()
    if ranks.rank == 0:
        journal.finish(len(items))
    ranks.meet()
    return out


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
    if builder.use_summary or text.strip() == grounding.negative_answer:
        answer = ParsedAnswer(objects=(), is_valid=True)
    else:
        answer = FORMATS[builder.json_format].parse(text, *seen, builder.emit_norm)
    scores = None
    if result.tokens is not None and not builder.use_summary:
        scores = _scores(answer, text, result.tokens, item)
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
        logprob_scores=scores,
        verbalised_scores=answer.verbalised if has_scores else None,
    )


def _scores(
    answer: ParsedAnswer, text: str, tokens: Sequence[TokenScore], item: PredictItem
) -> Scores:
    """The objects' scores; None for all where the tokens do not spell the text, which must not end a long run."""
    try:
        return object_scores(answer, text, tokens)
    except DataError as error:
        logger.warning("row %d (%s) gets no scores: %s", item.row, item.pictures[0], error)
        return (None,) * len(answer.objects)


def _scaled(item: ObjectAnnotation, scale: tuple[float, float]) -> ObjectAnnotation:
    points = tuple(value * scale[axis % 2] for axis, value in enumerate(item.points))
    return ObjectAnnotation(desc=item.desc, kind=item.kind, points=points)
