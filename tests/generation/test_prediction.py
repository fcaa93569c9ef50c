"""Predicting with a scripted engine: order, resume, settings, errors."""

import json
import math
from dataclasses import replace

import pytest

from src.contract.predictions import Prediction, read_predictions
from src.contract.records import ObjectAnnotation
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.formats.registry import PARSER_VERSION
from src.errors import ConfigError, DataError
from src.generation.grounding import Grounding, read_grounding, write_grounding
from src.generation.prediction import PredictSettings, folder_items, jsonl_items, predict
from src.generation.types import GenerationOptions, GenerationResult, ScriptedEngine, TokenScore

GROUNDING = Grounding(
    builder=BuilderConfig(json_format="qwen", emit_norm="norm1000"),
    system=None, user="Detect.", domain="generic", min_pixels=4096, max_pixels=1 << 20,
)  # fmt: skip
ANSWERS = {
    str(row): f'[{{"bbox_2d": [0, 0, {row + 1}, 500], "label": "thing {row}"}}]'
    for row in range(12)
}


def prediction_of(truth, found, text=None):
    """A prediction of a 100 x 100 picture from (label, box) pairs."""

    def objects(pairs):
        return tuple(
            ObjectAnnotation(desc=desc, kind="bbox_2d", points=tuple(map(float, box)))
            for desc, box in pairs
        )

    return Prediction(
        image="x.png", row=0, width=100, height=100, truth=objects(truth), objects=objects(found),
        dropped=(), is_valid=True, text=str(found) if text is None else text, finish_reason="stop",
    )  # fmt: skip


def answer_of(item, widening=0):
    """The text of an item's truth on a grid of 1000, boxes alone; right sides moved by `widening`."""
    found = []
    for each in item.truth:
        xs, ys = each.points[::2], each.points[1::2]
        box = [min(xs) / item.record.width, min(ys) / item.record.height,
               max(xs) / item.record.width, max(ys) / item.record.height]  # fmt: skip
        grid = [round(1000 * value) for value in box]
        grid[2] = min(1000, grid[2] + widening)
        if each.kind == "bbox_2d":
            found.append({"bbox_2d": grid, "label": each.desc})
        else:
            points = [
                round(1000 * v / (item.record.width, item.record.height)[axis % 2])
                for axis, v in enumerate(each.points)
            ]
            found.append({each.kind: points, "label": each.desc})
    return json.dumps(found)


class Stopping(ScriptedEngine):
    """Fails at its n-th call, as an interruption does."""

    def __init__(self, answers, calls):
        super().__init__(answers)
        object.__setattr__(self, "left", calls)

    def generate(self, requests, options: GenerationOptions):
        object.__setattr__(self, "left", self.left - 1)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().generate(requests, options)


Stopping.__slots__ = ()


def settings(**changes):
    values = {
        "model": "m",
        "source": "s",
        "grounding": GROUNDING,
        "options": GenerationOptions(max_new_tokens=9),
        "batch_size": 5,
        "limit": None,
    }
    return PredictSettings(**{**values, **changes})


@pytest.fixture
def items(scenes):
    return jsonl_items(scenes / "val.jsonl")


def test_predictions_come_in_order_with_truth_and_pixels(items, tmp_path):
    out = predict(items, ScriptedEngine(ANSWERS), settings(), tmp_path / "preds.jsonl")
    found = list(read_predictions(out))
    assert [item.row for item in found] == list(range(12))
    assert found[3].objects[0].desc == "thing 3"
    assert found[3].objects[0].points == pytest.approx((0, 0, 4 * 64 / 1000, 32))
    assert found[3].truth == items[3].record.objects
    assert (out.parent / found[3].image).resolve() == items[3].pictures[0].resolve()
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_an_interrupted_run_continues_to_the_same_file(items, tmp_path, calls):
    whole = predict(items, ScriptedEngine(ANSWERS), settings(), tmp_path / "whole" / "p.jsonl")
    out = tmp_path / "torn" / "p.jsonl"
    with pytest.raises(KeyboardInterrupt):
        predict(items, Stopping(ANSWERS, calls), settings(), out)
    assert not out.exists()
    partial = out.with_name("p.jsonl.partial")
    partial.write_bytes(partial.read_bytes() + b'7\t{"torn')
    predict(items, Stopping(ANSWERS, 3 - calls), settings(), out)
    assert out.read_bytes() == whole.read_bytes()


def test_other_settings_are_refused_by_name(items, tmp_path):
    out = tmp_path / "p.jsonl"
    with pytest.raises(KeyboardInterrupt):
        predict(items, Stopping(ANSWERS, 1), settings(), out)
    with pytest.raises(DataError, match="other settings") as caught:
        predict(
            items,
            ScriptedEngine(ANSWERS),
            settings(options=GenerationOptions(max_new_tokens=10)),
            out,
        )
    assert "options.max_new_tokens: 9 instead of 10" in caught.value.issues[0].got
    predict(
        items,
        ScriptedEngine(ANSWERS),
        settings(options=GenerationOptions(max_new_tokens=10)),
        out,
        restart=True,
    )
    assert len(list(read_predictions(out))) == 12


def test_a_folder_of_pictures_has_no_truth(scenes, tmp_path):
    found = folder_items(scenes / "images")
    assert [item.pictures for item in found] == sorted(item.pictures for item in found)
    out = predict(found[:5], ScriptedEngine(ANSWERS), settings(), tmp_path / "p.jsonl")
    assert all(item.truth is None for item in read_predictions(out))
    with pytest.raises(DataError, match="no pictures"):
        folder_items(tmp_path / "nothing")


def test_pixels_of_the_models_picture_come_back_as_the_records(items, tmp_path):
    grounding = Grounding(
        builder=BuilderConfig(json_format="qwen", emit_norm="none"),
        system=None, user="d", domain="generic", min_pixels=128 * 128, max_pixels=128 * 128,
    )  # fmt: skip
    answer = {str(row): '[{"bbox_2d": [0, 0, 128, 64], "label": "x"}]' for row in range(12)}
    out = predict(
        items[:1], ScriptedEngine(answer), settings(grounding=grounding), tmp_path / "p.jsonl"
    )
    assert next(iter(read_predictions(out))).objects[0].points == (0.0, 0.0, 64.0, 32.0)


def test_grounding_survives_the_disk(tmp_path):
    write_grounding(tmp_path, GROUNDING)
    assert read_grounding(tmp_path) == GROUNDING
    assert read_grounding(tmp_path / "elsewhere") is None


def test_grounding_of_earlier_and_later_programs(tmp_path):
    write_grounding(tmp_path, GROUNDING)
    raw = json.loads((tmp_path / "grounding.json").read_text())
    assert (raw["version"], raw["parser_version"]) == (2, PARSER_VERSION)
    del raw["parser_version"]
    (tmp_path / "grounding.json").write_text(json.dumps(raw | {"version": 1}))
    assert read_grounding(tmp_path) == replace(GROUNDING, parser_version=1)
    for later in ({"version": 3}, {"version": 2, "parser_version": PARSER_VERSION + 1}):
        (tmp_path / "grounding.json").write_text(json.dumps(raw | later))
        with pytest.raises(ConfigError, match="later program"):
            read_grounding(tmp_path)


def test_scores_of_objects_come_with_logprobs(items, tmp_path):
    """The scripted tokens are certain but for a label."""
    text = '[{"bbox_2d": [1, 2, 300, 400], "label": "x"}]'
    at = text.index('x"')
    tokens = (
        TokenScore(text[:at], 0.0),
        TokenScore("x", math.log(0.25)),
        TokenScore(text[at + 1 :], 0.0),
    )
    scored = GenerationResult(text=text, finish_reason="length", num_tokens=3, tokens=tokens)
    engine = ScriptedEngine({str(row): scored if row else "[]" for row in range(12)})
    asked = settings(options=GenerationOptions(logprobs=True))
    found = list(read_predictions(predict(items, engine, asked, tmp_path / "a.jsonl")))
    # Two tokens lie on label and coordinates: the geometric mean of 1 and 0.25.
    assert found[1].logprob_scores == pytest.approx((0.5,))
    assert found[1].finish_reason == "length"
    assert found[0].logprob_scores == ()
    unasked = list(read_predictions(predict(items, engine, settings(), tmp_path / "b.jsonl")))
    assert unasked[1].logprob_scores is None


@pytest.mark.parametrize(("taught", "is_valid"), [("Nothing here.", True), (None, False)])
def test_the_answer_taught_for_negatives_is_a_valid_nothing(scenes, tmp_path, taught, is_valid):
    items = jsonl_items(scenes / "val.jsonl")[:1]
    settings = PredictSettings(
        model="m", source="s", grounding=replace(GROUNDING, negative_answer=taught),
        options=GenerationOptions(), batch_size=1, limit=None,
    )  # fmt: skip
    out = predict(items, ScriptedEngine({"0": " Nothing here."}), settings, tmp_path / "p.jsonl")
    (found,) = read_predictions(out)
    assert (found.objects, found.is_valid) == ((), is_valid)


def test_tokens_that_do_not_spell_an_answer_cost_its_scores_only(items, tmp_path, caplog):
    answers = {str(item.row): answer_of(item) for item in items[:3]}
    wrong = GenerationResult(
        text=answers["1"], finish_reason="stop", num_tokens=1, tokens=(TokenScore("?", -1.0),)
    )
    options = GenerationOptions(logprobs=True)
    engine = ScriptedEngine({**answers, "1": wrong})
    out = predict(items[:3], engine, settings(options=options), tmp_path / "p.jsonl")
    found = list(read_predictions(out))
    assert found[1].objects
    assert found[1].logprob_scores == (None,) * len(found[1].objects)
    assert all(score == 1.0 for item in (found[0], found[2]) for score in item.logprob_scores)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"row 1 ({items[1].pictures[0]})" in warning
    assert "do not spell" in warning
