import contextlib
import io
import json
import subprocess
import sys

import pytest

from src.contract.predictions import Prediction, prediction_to_line, read_predictions
from src.contract.records import ObjectAnnotation
from src.evaluation.__main__ import main
from src.utils.cli import run
from tests.training_fixtures import ROOT


def evaluation(*words):
    return subprocess.run(
        [sys.executable, "-m", "src.evaluation", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_command_prints_a_table_and_json_and_tells_errors(tmp_path):
    item = ObjectAnnotation(desc="é", kind="bbox_2d", points=(0.0, 0.5, 10.0, 10.0))
    made = Prediction(
        image="x.png", row=3, width=20, height=20, truth=(item,), objects=(item,), dropped=(), is_valid=True,
        text="…", finish_reason="stop",
    )  # fmt: skip
    path = tmp_path / "preds.jsonl"
    path.write_bytes(prediction_to_line(made))
    assert list(read_predictions(path)) == [made]
    table = evaluation("--pred", path, "--slices").stdout
    for words in (
        "class-aware IoU 0.5",
        "macro, occurring",
        "(Rex-Omni)",
        "size: small",
        "class: é",
    ):
        assert words in table
    out = json.loads(in_process("--pred", path, "--json", "--out", tmp_path / "m.json")[1])
    assert out == json.loads((tmp_path / "m.json").read_text())
    assert out["class_aware"]["by_iou"]["0.50"]["f1"] == 1.0
    code, _, error = in_process("--pred", tmp_path / "gone.jsonl")
    assert code == 1
    assert "does not exist" in error
    with pytest.raises(SystemExit, match="2"):
        in_process("--prd", path)
    path.write_bytes(prediction_to_line(made)[:-20])
    code, _, error = in_process("--pred", path)
    assert code == 1
    assert "preds.jsonl:1" in error


def test_a_comparison_prints_wins_and_names_what_does_not_pair(tmp_path):
    item = ObjectAnnotation(desc="a", kind="bbox_2d", points=(0.0, 0.0, 10.0, 10.0))
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for path, found in ((first, (item,)), (second, ())):
        path.write_bytes(
            b"".join(
                prediction_to_line(
                    Prediction(
                        image="x.png", row=row, width=20, height=20, truth=(item,), objects=found, dropped=(),
                        is_valid=True, text="", finish_reason="stop",
                    )
                )
                for row in range(3)
            )
        )  # fmt: skip
    assert "A won 3, lost 0, tied 0" in in_process("--pred", first, "--against", second)[1]
    out = json.loads(in_process("--pred", first, "--against", second, "--json")[1])
    assert out["differences"]["f1_50"]["difference"] == 1.0
    assert len(out["images"]) == 3
    second.write_bytes(b"".join(second.read_bytes().splitlines(keepends=True)[:2]))
    code, _, error = in_process("--pred", first, "--against", second)
    assert code == 1
    assert f"row 2 (x.png) is not in {second}" in error
    assert in_process("--pred", first, "--against", second, "--draws", "0")[0] == 2
    for words in (
        ("--slices",),
        ("--domain=x",),
        ("--tie-orders", "3"),
        ("--score-source", "constant"),
    ):
        code, _, error = in_process("--pred", first, "--against", second, *words)
        assert code == 2
        assert words[0].partition("=")[0] in error


@pytest.mark.parametrize("option", ["--line-tolerance", "--coverage-tolerance"])
@pytest.mark.parametrize("value", ["0", "-0.1", "1", "nan", "inf"])
def test_a_tolerance_is_a_share(option, value):
    code, _, error = in_process("--pred", "gone.jsonl", option, value)
    assert code == 2
    assert "between 0 and 1" in error


def in_process(*words):
    """Exit code, stdout and stderr, without the start of another interpreter."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = run(main, list(map(str, words)))
    return code, out.getvalue(), errors.getvalue()
