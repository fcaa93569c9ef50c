"""Prediction files: what is written reads back; what is torn, foreign or of another version is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from src.contract.predictions import (
    DroppedPart,
    Prediction,
    prediction_to_line,
    read_predictions,
    relative_image,
)
from src.contract.records import ObjectAnnotation
from src.errors import DataError

CARD = ObjectAnnotation(desc="card", kind="poly", points=(1.0, 2.0, 3.5, 4.0, 9.0, 0.0))
ITEM = Prediction(
    image="images/a.jpg", row=3, width=20, height=10, truth=(CARD,), objects=(CARD, CARD),
    dropped=(DroppedPart(reason="cut off", text='{"desc'),), is_valid=False, text="...", finish_reason="length",
)  # fmt: skip


@pytest.mark.parametrize("truth", [(CARD,), (), None])
def test_a_written_prediction_reads_back(
    truth: tuple[ObjectAnnotation, ...] | None, tmp_path: Path
) -> None:
    item = replace(ITEM, truth=truth)
    path = tmp_path / "p.jsonl"
    path.write_bytes(prediction_to_line(item) * 2)
    assert list(read_predictions(path)) == [item, item]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"row": "3"},
        {"is_valid": 1},
        {"finish_reason": "tired"},
        {"pred": [{"desc": "a"}]},
        {"pred": [3]},
        {"pred": [{"desc": "a", "bbox_2d": ["x", 1, 2, 3]}]},
        {"pred": [{"desc": "a", "bbox_2d": [1, 2, 3]}]},
        {"pred": [{"desc": "a", "bbox_2d": [1, 2, 3, 4, 5, 6]}]},
        {"pred": [{"desc": "a", "poly": [1, 2, 3, 4]}]},
        {"pred": [{"desc": "a", "line": [1, 2]}]},
        {"gt": [{"desc": "a", "line": [1, 2, 3, 4, 5]}]},
        {"gt": [{"desc": "a", "bbox_2d": [1, 2, 3, True]}]},
        {"gt": [{"desc": None, "bbox_2d": [1, 2, 3, 4]}]},
        {"dropped": [{"reason": "a"}]},
        {"logprob_scores": [0.5, 1.5]},
        {"verbalised_scores": [-0.1, None]},
        {"verbalised_scores": [0.5]},
        {"verbalised_scores": ["0.5", None]},
    ],
)
def test_what_is_no_prediction_is_named_with_its_line(
    change: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "p.jsonl"
    line = prediction_to_line(ITEM)
    path.write_bytes(line + orjson.dumps(orjson.loads(line) | change))
    with pytest.raises(DataError, match=r"p\.jsonl:2"):
        list(read_predictions(path))


@pytest.mark.parametrize("number", ["1e400", "NaN", "Infinity"])
def test_a_number_that_is_not_finite_is_named(number: str, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(prediction_to_line(ITEM).replace(b"3.5", number.encode()))
    with pytest.raises(DataError, match=r"p\.jsonl:1"):
        list(read_predictions(path))


def test_every_kind_and_scores_read_back(tmp_path: Path) -> None:
    objects = (
        ObjectAnnotation(desc="a", kind="bbox_2d", points=(1.0, 2.0, 3.0, 4.0)),
        ObjectAnnotation(desc="a", kind="line", points=(1.0, 2.0, 3.0, 4.0)),
        CARD,
    )
    item = replace(ITEM, objects=objects, logprob_scores=(0.0, 1.0, None))
    path = tmp_path / "p.jsonl"
    path.write_bytes(prediction_to_line(item))
    assert list(read_predictions(path)) == [item]


def test_a_torn_last_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    line = prediction_to_line(ITEM)
    for cut in range(1, len(line) - 1):
        path.write_bytes(line + line[:cut])
        with pytest.raises(DataError, match=r"p\.jsonl:2"):
            list(read_predictions(path))


def test_images_are_relative_to_the_prediction_file(tmp_path: Path) -> None:
    image = tmp_path / "data" / "images" / "a.jpg"
    assert relative_image(image, tmp_path / "runs") == "../data/images/a.jpg"
