"""Comparing two sides: figures by hand, bounds, exit codes."""

import json
from dataclasses import replace

import pytest

from src import parity as command
from src.errors import DataError
from src.generation.grounding import write_grounding
from src.generation.parity import compare
from src.generation.prediction import jsonl_items
from src.generation.types import ScriptedEngine
from src.utils.cli import run
from tests.generation.test_prediction import GROUNDING, answer_of, prediction_of


def test_figures_by_hand():
    """A finds both truths; B shifts one by 3 px and misses the other, and adds one."""
    truth = [("a", (0, 0, 40, 40)), ("b", (50, 50, 90, 90))]
    first = [prediction_of(truth, truth), prediction_of([], [])]
    shifted = [("a", (1, 0, 43, 40)), ("c", (50, 50, 90, 90))]
    second = [prediction_of(truth, shifted), prediction_of([], [])]
    found = compare(first, second)
    assert (found.f1_a, found.f1_b) == (1.0, 0.5)
    assert found.f1_difference == -0.5
    assert found.f1_mutual == 0.5
    assert (found.shift.num_pairs, found.shift.mean_px, found.shift.max_px) == (1, 3.0, 3.0)
    assert found.equal_answers == 0.5
    assert "-0.5000" in found.table()


def test_equal_sides_differ_by_nothing():
    side = [prediction_of([("a", (0, 0, 9, 9))], [("a", (0, 0, 8, 8)), ("a", (20, 20, 30, 30))])]
    found = compare(side, side)
    assert (found.f1_difference, found.f1_mutual, found.equal_answers) == (0.0, 1.0, 1.0)
    assert found.shift.max_px == 0.0


def test_without_a_matching_pair_the_shift_is_unknown_and_beyond_any_bound():
    some = [prediction_of([], [("a", (0, 0, 9, 9))])]
    none = [prediction_of([], [])]
    for pair in ((some, none), (none, some)):
        found = compare(*pair)
        assert (found.shift.num_pairs, found.shift.max_px) == (0, None)
        assert found.to_json()["shift"]["mean_px"] is None
        assert [line.split()[-1] for line in found.table().splitlines() if "shift" in line] == [
            "-", "-", "-",
        ]  # fmt: skip
        (told,) = command.exceeded(found, None, 8.0)
        assert "no box" in told
        assert command.exceeded(found, None, None) == []
    assert command.exceeded(compare(none, none), None, 8.0) == []


def test_images_without_truth_are_compared_with_each_other_only():
    side = [replace(prediction_of([], [("a", (0, 0, 9, 9))]), truth=None)]
    found = compare(side, side)
    assert found.f1_a is found.f1_difference is None
    assert found.f1_mutual == 1.0
    assert "truth" not in found.table()
    with pytest.raises(DataError, match="same images"):
        compare(side, [])


@pytest.fixture
def checkpoints(tmp_path, scenes, monkeypatch):
    """Folders `a` and `b` whose engines answer with the truth, b's boxes 5 % wider."""
    items = jsonl_items(scenes / "val.jsonl")
    for name, widening in (("a", 0), ("b", 50)):
        (tmp_path / name).mkdir()
        write_grounding(tmp_path / name, GROUNDING)
        answers = {str(item.row): answer_of(item, widening) for item in items}
        (tmp_path / name / "answers.json").write_text(json.dumps(answers))

    def open_scripted(backend):
        with open(f"{backend.model}/answers.json") as handle:  # noqa: PTH123
            return ScriptedEngine(json.load(handle))

    monkeypatch.setattr(command, "open_engine", open_scripted)
    return tmp_path


def test_the_command_says_what_differs(checkpoints, scenes, capsys):
    words = ["--model", str(checkpoints / "a"), "--other", str(checkpoints / "b"),
             "--jsonl", str(scenes / "val.jsonl"), "--limit", "6"]  # fmt: skip
    assert run(command.main, [*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["num_images"] == 6
    assert found["f1_a"] == 1.0
    assert 0 < found["shift"]["max_px"] <= 0.05 * 64 + 0.1
    assert found["exceeded"] == []
    assert run(command.main, [*words, "--max-shift", "0.5"]) == 1
    assert "shifted by" in capsys.readouterr().out
    assert run(command.main, [*words, "--max-f1-difference", "1", "--max-shift", "64"]) == 0


def test_a_sides_weights_are_freed_before_the_other_side_loads(checkpoints, scenes, monkeypatch):
    events = []
    opened = command.open_engine

    class Watched:
        def __init__(self, backend):
            self.name, self.inner = backend.model[-1], opened(backend)
            events.append(f"{self.name} opens")

        def generate(self, requests, options):
            return self.inner.generate(requests, options)

        def close(self):
            events.append(f"{self.name} closes")

    monkeypatch.setattr(command, "open_engine", Watched)
    words = ["--model", str(checkpoints / "a"), "--other", str(checkpoints / "b"),
             "--jsonl", str(scenes / "val.jsonl"), "--limit", "2"]  # fmt: skip
    assert run(command.main, words) == 0
    assert events == ["a opens", "a closes", "b opens", "b closes"]


def test_a_side_beside_itself_is_wrong_usage(checkpoints, scenes, capsys):
    words = ["--model", str(checkpoints / "a"), "--jsonl", str(scenes / "val.jsonl")]
    assert run(command.main, words) == 2
    assert "both sides are the same" in capsys.readouterr().err
