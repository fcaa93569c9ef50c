"""`python -m src.predict` with a real (nano) checkpoint."""

import os
import subprocess
import sys

import pytest

from src.contract.predictions import read_predictions
from tests.training_fixtures import ROOT, run_module


def test_greedy_answers_do_not_depend_on_the_batch(scenes, nano_model, config_file, tmp_path):
    texts = []
    for batch in ("1", "4"):
        out = tmp_path / f"{batch}.jsonl"
        run_module(
            "src.predict", "--model", str(nano_model), "--jsonl", str(scenes / "val.jsonl"), "--out", str(out),
            "--config", str(config_file), "--batch-size", batch, "--limit", "4", "--max-new-tokens", "12",
        )  # fmt: skip
        texts.append([(item.text, item.finish_reason) for item in read_predictions(out)])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 4


@pytest.mark.full
def test_two_processes_write_the_file_of_one(scenes, nano_model, config_file, tmp_path):
    """torchrun over gloo: the same batches, dealt out; above temperature 0 too."""
    out = {}
    for count in (1, 2):
        out[count] = tmp_path / str(count) / "p.jsonl"
        launch = ["torch.distributed.run", "--standalone", "--nproc_per_node", str(count), "-m"]
        run_module(
            *(launch if count > 1 else []), "src.predict",
            "--model", str(nano_model), "--jsonl", str(scenes / "val.jsonl"), "--out", str(out[count]),
            "--config", str(config_file), "--batch-size", "3", "--limit", "10", "--max-new-tokens", "6",
            "--temperature", "1", "--seed", "5", "--logprobs", "--max-repeats", "3",
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    assert out[2].read_bytes() == out[1].read_bytes()
    assert [path.name for path in out[2].parent.iterdir()] == ["p.jsonl"]


def test_a_checkpoint_of_unknown_format_is_refused(nano_model, scenes, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "src.predict", "--model", str(nano_model), "--images", str(scenes / "images"),
         "--out", str(tmp_path / "p.jsonl")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--config" in done.stderr
