"""What a model's answer parses into, and the prediction file that `src.predict` writes and evaluation and report read."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from src.contract.geometry_rules import FEWEST_NUMBERS
from src.contract.records import GEOMETRY_KINDS, ObjectAnnotation
from src.errors import DataError

FORMAT_VERSION = 2
FinishReason = Literal["stop", "length", "repetition"]
"""`length`: cut off at the limit of new tokens; `repetition`: ended because it repeated itself."""
AnswerMode = Literal["dense", "summary"]
Scores = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPart:
    """A piece of an answer that is not a complete object: why, and the text (shortened)."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """The complete objects of an answer, points in pixels, in the answer's order.

    `is_valid` is true when the whole text followed the format; an empty valid answer is a legal "nothing here". `spans` are
    each object's characters in the text, start and end (exclusive); `verbalised` are the scores that the text itself gives to
    its objects, None where it gives none.
    """

    objects: tuple[ObjectAnnotation, ...]
    dropped: tuple[DroppedPart, ...] = ()
    is_valid: bool
    spans: tuple[tuple[int, int], ...] = ()
    verbalised: Scores = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One image's ground truth beside its parsed prediction; one line of a prediction file.

    `image` is relative to the prediction file's folder when on the same file system root, `row` the 0-based record of the
    predicted JSONL, `truth` None when the image has no annotation (plain folder). Points are pixels of the upright image.
    Scores in [0, 1] stand beside `objects` by position: `logprob_scores` from the probabilities of an object's tokens (None: not
    asked for), `verbalised_scores` from its text (None: no object has one). In summary mode the truth is `summary`, the answer
    `text`, and there are no objects.
    """

    image: str
    row: int
    width: int
    height: int
    truth: tuple[ObjectAnnotation, ...] | None
    objects: tuple[ObjectAnnotation, ...]
    dropped: tuple[DroppedPart, ...]
    is_valid: bool
    text: str
    finish_reason: FinishReason
    dataset: str = ""
    mode: AnswerMode = "dense"
    summary: str | None = None
    num_tokens: int = 0
    logprob_scores: Scores | None = None
    verbalised_scores: Scores | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedPair:
    """A truth and a prediction that belong together: indices into `Prediction.truth` and `.objects`, and their overlap."""

    truth: int
    predicted: int
    iou: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMatches:
    """How one image's prediction compares with its truth: hits, missed truths, extra predictions, and duplicates.

    `duplicates` are predictions that repeat an earlier one of the same label almost exactly.
    """

    pairs: tuple[MatchedPair, ...]
    missed: tuple[int, ...]
    extra: tuple[int, ...]
    duplicates: tuple[int, ...] = ()


def _object_to_json(item: ObjectAnnotation) -> dict[str, Any]:
    return {"desc": item.desc, item.kind: list(item.points)}


def _object_from_json(raw: dict[str, Any]) -> ObjectAnnotation:
    (kind,) = (kind for kind in GEOMETRY_KINDS if kind in raw)
    points = tuple(raw[kind])
    count = len(points)
    is_fit = count == 4 if kind == "bbox_2d" else count >= FEWEST_NUMBERS[kind] and count % 2 == 0
    if not is_fit or not all(type(v) in (int, float) and math.isfinite(v) for v in points):
        raise ValueError(f"not the points of a {kind}")
    return ObjectAnnotation(desc=_typed(raw["desc"], str), kind=kind, points=points)


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, got {type(value).__name__}")
    return value


def _prediction_from_json(raw: dict[str, Any]) -> Prediction:
    if raw["version"] != FORMAT_VERSION:
        raise ValueError(f"version {raw['version']}, this program reads {FORMAT_VERSION}")
    truth = raw["gt"]
    return Prediction(
        image=_typed(raw["image"], str),
        row=_typed(raw["row"], int),
        width=_typed(raw["width"], int),
        height=_typed(raw["height"], int),
        truth=None if truth is None else tuple(_object_from_json(item) for item in truth),
        objects=tuple(_object_from_json(item) for item in raw["pred"]),
        dropped=tuple(DroppedPart(**part) for part in raw["dropped"]),
        is_valid=_typed(raw["is_valid"], bool),
        text=_typed(raw["text"], str),
        finish_reason=_one_of(raw["finish_reason"], FinishReason),
        dataset=_typed(raw["dataset"], str),
        mode=_one_of(raw["mode"], AnswerMode),
        summary=None if raw["summary"] is None else _typed(raw["summary"], str),
        num_tokens=_typed(raw["num_tokens"], int),
        logprob_scores=_scores(raw["logprob_scores"], len(raw["pred"])),
        verbalised_scores=_scores(raw["verbalised_scores"], len(raw["pred"])),
    )


def _one_of(value: Any, allowed: Any) -> Any:
    if value not in get_args(allowed):
        raise ValueError(f"{value!r} is none of {get_args(allowed)}")
    return value


def _scores(values: Any, count: int) -> Scores | None:
    if values is None:
        return None
    if len(values) != count:
        raise ValueError("scores do not stand beside the predicted objects")
    if not all(v is None or (type(v) in (int, float) and 0 <= v <= 1) for v in values):
        raise ValueError("a score is no number in [0, 1]")
    return tuple(values)


def prediction_to_line(item: Prediction) -> bytes:
    """The JSON line of a prediction, newline included."""
    return orjson.dumps(
        {
            "version": FORMAT_VERSION,
            "image": item.image,
            "row": item.row,
            "width": item.width,
            "height": item.height,
            "gt": None if item.truth is None else [_object_to_json(obj) for obj in item.truth],
            "pred": [_object_to_json(obj) for obj in item.objects],
            "dropped": [{"reason": part.reason, "text": part.text} for part in item.dropped],
            "is_valid": item.is_valid,
            "text": item.text,
            "finish_reason": item.finish_reason,
            "dataset": item.dataset,
            "mode": item.mode,
            "summary": item.summary,
            "num_tokens": item.num_tokens,
            "logprob_scores": item.logprob_scores,
            "verbalised_scores": item.verbalised_scores,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def read_predictions(path: Path | str) -> Iterator[Prediction]:
    """Yield the predictions of a file; `DataError` with file and line for a line that is not one."""
    file = Path(path)
    if not file.is_file():
        raise DataError.say(f"prediction file {file} does not exist", remedy="run src.predict")
    with file.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            try:
                item = _prediction_from_json(orjson.loads(line))
            except (KeyError, TypeError, ValueError) as error:
                raise DataError.say(
                    f"not a prediction line: {error!r}",
                    where=f"{file}:{number}",
                    expected="a line written by src.predict",
                    remedy="remove a torn last line, or predict again",
                ) from error
            yield item


def relative_image(image: Path, folder: Path) -> str:
    """`image` as written into a prediction file that lies in `folder`: relative to it, POSIX separators."""
    return Path(os.path.relpath(image.resolve(), folder.resolve())).as_posix()
