"""Predictions beside the truth: page, panels and dump, from a file without torch and from a checkpoint."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from src.contract.predictions import Prediction, prediction_to_line
from src.contract.records import ObjectAnnotation
from src.errors import DataError, UsageError
from src.report.sheet import HIT, MISSED, WRONG
from tests.report.pages import page_data
from tests.training_fixtures import ROOT
from vis_tools.vis_qwen3 import main

BOX = ObjectAnnotation(desc="dot", kind="bbox_2d", points=(10.0, 10.0, 50.0, 50.0))
LINE = ObjectAnnotation(desc="wire", kind="line", points=(60.0, 70.0, 70.0, 20.0, 10.0, 70.0))


@pytest.fixture
def predictions(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.full((80, 80, 3), 255, np.uint8))
    cv2.imwrite(str(tmp_path / "images" / "b.png"), np.full((80, 80, 3), 0, np.uint8))
    common = {
        "width": 80, "height": 80, "dropped": (), "is_valid": True, "text": "said", "finish_reason": "stop",
    }  # fmt: skip
    items = [
        Prediction(image="images/a.png", row=0, truth=(BOX, LINE), objects=(BOX, BOX), **common),
        Prediction(image="images/b.png", row=1, truth=None, objects=(LINE,), **common),
    ]
    path = tmp_path / "preds.jsonl"
    path.write_bytes(b"".join(prediction_to_line(item) for item in items))
    return path


WITHOUT_TORCH = (
    "import sys; from vis_tools.vis_qwen3 import main; code = main(sys.argv[1:]); "
    "assert not {'torch', 'transformers', 'swift'} & set(sys.modules); sys.exit(code)"
)


def test_a_prediction_file_becomes_page_panels_and_dump_without_torch(predictions, tmp_path):
    out = tmp_path / "deep" / "out"
    words = ["-c", WITHOUT_TORCH, "--pred", str(predictions), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    data = page_data(out / "report.html")
    assert [shape["state"] for shape in data["samples"][0]["predicted"]] == ["hit", "duplicate"]
    assert data["tables"][0]["title"] == "Detection"
    first, second = (json.loads(line) for line in (out / "gt_vs_pred.jsonl").open())
    assert (out / first["image_path"]).resolve() == (tmp_path / "images" / "a.png").resolve()
    assert (first["width"], first["height"], first["raw_text"]) == (80, 80, "said")
    assert first["gt"][0] == {"desc": "dot", "bbox_2d": [10, 10, 50, 50]}
    assert first["gt_norm1000"][1] == {"desc": "wire", "line": [750, 875, 875, 250, 125, 875]}
    assert first["pred"] == [{"desc": "dot", "bbox_2d": [125, 125, 625, 625]}] * 2
    assert second["gt"] is None
    assert second["gt_norm1000"] is None


def test_panels_draw_truth_left_and_prediction_right(predictions, tmp_path):
    assert main(["--pred", str(predictions), "--out", str(tmp_path), "--panels", "1"]) == 0
    (panel,) = (tmp_path / "panels").iterdir()
    pixels = cv2.imread(str(panel))[..., ::-1].astype(int)
    assert pixels.shape[:2] == (640, 1280)

    def has(half, colour):
        return bool((np.abs(half - colour).max(axis=2) < 40).any())

    left, right = pixels[:, :640], pixels[:, 640:]
    assert has(left, MISSED)
    assert not has(left, HIT)
    assert has(right, HIT) or has(right, WRONG)
    assert not has(right, MISSED)


@pytest.mark.parametrize(
    "words", [["--model", "m"], ["--pred", "p", "--jsonl", "j"], ["--pred", "p", "--limit", "0"]]
)
def test_options_that_make_no_sense_are_wrong_usage(words, tmp_path):
    with pytest.raises(UsageError):
        main([*words, "--out", str(tmp_path)])


def test_a_missing_or_empty_file_is_told(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        main(["--pred", str(tmp_path / "no.jsonl"), "--out", str(tmp_path)])
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="no predictions"):
        main(["--pred", str(tmp_path / "empty.jsonl"), "--out", str(tmp_path)])


def test_a_checkpoint_is_predicted_by_the_projects_own_command(predictions, tmp_path, monkeypatch):
    """The words that `src.predict` gets; its own test runs it with a real model."""
    seen = []

    def predicted(words):
        seen.extend(words)
        out = tmp_path / "out" / "predictions.jsonl"
        out.parent.mkdir()
        # Written elsewhere, so the pictures' places change.
        out.write_bytes(predictions.read_bytes().replace(b"images/", b"../images/"))
        return 0

    monkeypatch.setattr("src.predict.main", predicted)
    words = ["--model", "ckpt", "--jsonl", "val.jsonl", "--out", str(tmp_path / "out")]
    assert main([*words, "--limit", "2", "--root", "r", "--config", "c", "--restart"]) == 0
    assert seen == [
        "--model", "ckpt", "--jsonl", "val.jsonl", "--out", str(tmp_path / "out" / "predictions.jsonl"),
        "--batch-size", "8", "--max-new-tokens", "1024", "--limit", "2", "--config", "c", "--root", "r", "--restart",
    ]  # fmt: skip
    assert (tmp_path / "out" / "report.html").is_file()
