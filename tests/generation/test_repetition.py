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
    """Each is near the one before, the ends are far apart: a row of books, not a loop."""
    row = [[10 + 15 * n, 20, 110 + 15 * n, 900] for n in range(8)]
    assert repetition_end(qwen(FAR, *row), 4) is None
    assert repetition_end(qwen(FAR, *row), 2) is not None


@FORMATS
@pytest.mark.parametrize("times", [2, 3, 8])
@pytest.mark.parametrize("size", [2, 28, 200])
@pytest.mark.parametrize("per_row", [5, 30])
def test_equal_objects_side_by_side_are_never_a_run(write, times, size, per_row):
    """Faults: a share of the picture as tolerance, which holds many small objects; or of the largest number before."""
    grid = [
        [2000 + x, 10 + y, 2000 + x + size, 10 + y + size]
        for x, y in ((size * (n % per_row), size * (n // per_row)) for n in range(30))
    ]
    for first in ([1, 2, 12345, 40], [30000, 2, 30001, 9], grid[-1]):
        assert repetition_end(write(first, *grid), times) is None


@FORMATS
@pytest.mark.parametrize("place", [0, 700])
def test_a_loop_with_a_jitter_of_a_few_units_is_ended(write, place):
    jitter = [(0, 0), (2, -1), (-1, 2), (1, 1), (0, -2), (2, 0), (-1, -1), (1, 0)]
    loop = [[place + 9 + a, place + 9 + b, place + 29 + b, place + 25 + a] for a, b in jitter]
    grid = [[30 * n, 20, 28 + 30 * n, 40] for n in range(12)]
    text = write(*grid, *loop)
    end = repetition_end(text, 8)
    assert end is not None
    assert end > len(write(*grid, *loop[:7])) - 20


def test_digits_of_bare_labels_are_no_coordinates():
    """Fault: a part's number counts as a coordinate, and equal boxes of other parts as a repetition."""

    def written(*parts):
        return "".join(
            f"<|object_ref_start|>part {part}<|object_ref_end|>"
            f"<|box_start|>(10,20),(99,40)<|box_end|>"
            for part in parts
        )

    assert repetition_end(written(*range(20240, 20250)), 3) is None
    assert repetition_end(written(*[20240] * 3), 3) is not None
    assert repetition_end(written("7 (1)", "7 (2)", "7 (3)"), 3) is None
    # Neither do they widen what is almost equal.
    far = "".join(written(20240).replace("(10,", f"({10 + 30 * n},") for n in range(8))
    assert repetition_end(far, 3) is None


def test_other_scores_make_no_other_objects():
    text = json.dumps(
        [{"bbox_2d": SAME, "label": "screw", "score": score} for score in (0.9, 0.41, 0.7)]
    )
    assert repetition_end(text, 3) is not None
    assert repetition_end('[["a",10,20,99,40,0.9],["a",10,20,99,40,0.2]]', 2) is not None


def test_a_format_without_brackets_has_coordinates_all_the_same():
    def written(*xs):
        return "".join(f"<ref>cup</ref><box>{x} 20 {x + 50} 40</box>" for x in xs)

    assert repetition_end(written(10, 12, 10), 3) is not None
    assert repetition_end(written(10, 70, 130), 3) is None


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
