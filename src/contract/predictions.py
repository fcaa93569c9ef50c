"""What a model's answer parses into, and the prediction file that `src.predict` writes and evaluation and report read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from src.contract.records import GEOMETRY_KINDS, ObjectAnnotation
from src.errors import DataError

FORMAT_VERSION = 1
FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPart:
    """A piece of an answer that is not a complete object: why, and the text (shortened)."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """The complete objects of an answer, points in pixels, in the answer's order.

    `is_valid` is true when the whole text followed the format; an empty valid answer is a legal "nothing here".
    """

    objects: tuple[ObjectAnnotation, ...]
    dropped: tuple[DroppedPart, ...] = ()
    is_valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One image's ground truth beside its parsed prediction; one line of a prediction file.

    `image` is relative to the prediction file's folder when on the same file system root, `row` the 0-based record of the
    predicted JSONL, `truth` None when the image has no annotation (plain folder). Points are pixels of the upright image.
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
    if len(points) < 4 or len(points) % 2 or not all(type(v) in (int, float) for v in points):
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
        finish_reason=_finish_reason(raw["finish_reason"]),
        dataset=_typed(raw["dataset"], str),
    )


def _finish_reason(value: Any) -> FinishReason:
    if value not in get_args(FinishReason):
        raise ValueError(f"finish_reason {value!r}")
    return value  # type: ignore[no-any-return]


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


def relative_image(image: Path, prediction_file: Path) -> str:
    """`image` as written into a prediction file: relative to that file's folder, POSIX separators."""
    return Path(os.path.relpath(image.resolve(), prediction_file.resolve().parent)).as_posix()
