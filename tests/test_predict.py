"""`python -m src.predict` with a real (nano) checkpoint."""

import subprocess
import sys

from src.contract.predictions import read_predictions
from tests.training_fixtures import ROOT


def test_greedy_answers_do_not_depend_on_the_batch(
    scenes, nano_model, config_file, trainings, tmp_path
):
    texts = []
    for batch in ("1", "4"):
        out = tmp_path / f"{batch}.jsonl"
        trainings.call(
            "src.predict:main", "--model", str(nano_model), "--jsonl", str(scenes / "val.jsonl"), "--out", str(out),
            "--config", str(config_file), "--batch-size", batch, "--limit", "4", "--max-new-tokens", "12",
        )  # fmt: skip
        texts.append([(item.text, item.finish_reason) for item in read_predictions(out)])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 4


def test_a_checkpoint_of_unknown_format_is_refused(nano_model, scenes, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "src.predict", "--model", str(nano_model), "--images", str(scenes / "images"),
         "--out", str(tmp_path / "p.jsonl")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--config" in done.stderr
