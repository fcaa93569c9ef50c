"""Runs of almost equal objects, in every format, and what is none."""

import json

import pytest

from src.generation.repetition import is_repeating, repetition_end, stopped_at_repetition
from src.generation.types import GenerationOptions, GenerationResult, TokenScore


def qwen(*boxes, label="screw"):
    return json.dumps([{"bbox_2d": box, "label": label} for box in boxes])


def standard(*boxes, label="screw"):
    return json.dumps(
        {f"object_{n}": {"desc": label, "bbox_2d": box} for n, box in enumerate(boxes, 8)}
    )


def lines(*boxes, label="screw"):
    return "".join(f"<ref>{label}</ref><box>({b[0]},{b[1]}),({b[2]},{b[3]})</box>" for b in boxes)


def compact(*boxes, label="screw"):
    return json.dumps([[label, *box] for box in boxes], separators=(",", ":"))


def grouped(*boxes, label="screw"):
    return json.dumps({label: boxes}, separators=(",", ":"))


FAR = [500, 600, 900, 1000]
SAME = [10, 20, 99, 40]
NEAR = [12, 19, 100, 41]
FORMATS = pytest.mark.parametrize("write", [qwen, standard, compact, grouped, lines])
# Characters after the last object; markup is seen one tag earlier, at the bracket of its coordinates.
AFTER = {qwen: 1, standard: 1, compact: 1, grouped: 2, lines: 0}
EARLIER = {lines: len("</box>")}


@FORMATS
def test_almost_equal_objects_in_a_row_are_a_run(write):
    text = write(FAR, SAME, NEAR, SAME)
    running = text[: len(text) - AFTER[write]]
    assert is_repeating(running, 3)
    assert not is_repeating(running, 4)
    assert is_repeating(f"{running}, ", 3)
    assert repetition_end(text, 3) is not None
    assert repetition_end(text, 4) is None


@FORMATS
def test_the_cut_comes_with_the_last_allowed_repeat(write):
    text = write(FAR, SAME, NEAR, SAME, NEAR, SAME)
    end = repetition_end(text, 3)
    whole = write(FAR, SAME, NEAR, SAME)
    assert whole.startswith(text[:end])
    assert end == len(whole) - AFTER[write] - EARLIER.get(write, 0)
    # A stopper that looks after each bracket sees it at that very place.
    seen = [n for n, c in enumerate(text, 1) if c in "}])>" and is_repeating(text[:n], 3)]
    assert seen[0] == end


@FORMATS
def test_other_places_or_labels_are_no_run(write):
    assert (
        repetition_end(write(FAR, *[[10 + 30 * n, 20, 50 + 30 * n, 40] for n in range(9)]), 3)
        is None
    )
    text = ", ".join(write(SAME, label=f"seat {n}") for n in range(6))
    assert repetition_end(text, 3) is None


def test_a_slow_drift_is_no_run():
    """Each is near the one before, the ends are far apart: a row of screws, not a loop."""
    row = [[10 + 15 * n, 20, 20 + 15 * n, 40] for n in range(8)]
    assert repetition_end(qwen(FAR, *row), 4) is None
    assert repetition_end(qwen(FAR, *row), 2) is not None


def test_vertices_of_one_polygon_are_no_objects():
    ring = [[100 + n, 200 + n] for n in range(12)]
    text = json.dumps({"object_1": {"desc": "hose", "poly": [*ring, [999, 999]]}})
    assert repetition_end(text, 3) is None


def test_a_cycle_of_two_objects_is_a_run():
    assert repetition_end(qwen(*[FAR, SAME] * 4), 4) is not None
    assert repetition_end(qwen(*[FAR, SAME] * 3), 4) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "}", '{"', "<|>", '[{"label": "a"}]' * 9, "0, " * 50 + "]"]
)
def test_text_without_objects_never_runs(text):
    assert not is_repeating(text, 2)
    assert repetition_end(text, 2) is None


def test_a_number_in_a_label_is_not_masked_and_signs_in_labels_are_harmless():
    texts = [qwen(SAME, label=f'a "#{n}" [1, 2]') for n in (1, 1, 1)]
    assert repetition_end(", ".join(t.strip("[]") for t in texts), 3) is not None


def test_a_repetition_is_cut_where_a_stopper_would_have_ended():
    one = '{"bbox_2d": [1, 2, 3, 4], "label": "a"}'
    text = f"[{', '.join([one] * 6)}]"
    tokens = tuple(TokenScore(text[n : n + 5], -float(n)) for n in range(0, len(text), 5))
    whole = GenerationResult(text=text, finish_reason="length", num_tokens=9, tokens=tokens)
    cut = stopped_at_repetition(whole, GenerationOptions(max_repeats=4))
    assert cut.text == f"[{', '.join([one] * 4)}"
    assert cut.finish_reason == "repetition"
    assert "".join(token.text for token in cut.tokens) == cut.text
    assert stopped_at_repetition(whole, GenerationOptions(max_repeats=7)) is whole
    assert stopped_at_repetition(whole, GenerationOptions()) is whole
