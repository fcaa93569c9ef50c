import json
import subprocess
import sys

from src.contract.predictions import Prediction, prediction_to_line, read_predictions
from src.contract.records import ObjectAnnotation
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
    assert "class-aware IoU 0.5" in evaluation("--pred", path).stdout
    out = json.loads(evaluation("--pred", path, "--json", "--out", tmp_path / "m.json").stdout)
    assert out == json.loads((tmp_path / "m.json").read_text())
    assert out["class_aware"]["by_iou"]["0.50"]["f1"] == 1.0
    missing = evaluation("--pred", tmp_path / "gone.jsonl")
    assert missing.returncode == 1
    assert "does not exist" in missing.stderr
    assert evaluation("--prd", path).returncode == 2
    path.write_bytes(prediction_to_line(made)[:-20])
    torn = evaluation("--pred", path)
    assert torn.returncode == 1
    assert "preds.jsonl:1" in torn.stderr
