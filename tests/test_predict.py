"""`python -m src.predict` with a real (nano) checkpoint."""

import os

import pytest

from src.contract.predictions import read_predictions
from src.predict import main
from src.utils.cli import run
from tests.training_fixtures import run_module


def test_a_checkpoint_answers(scenes, nano_model, config_file, trainings, tmp_path):
    out = tmp_path / "p.jsonl"
    trainings.call(
        "src.predict:main", "--model", str(nano_model), "--jsonl", str(scenes / "val.jsonl"), "--out", str(out),
        "--config", str(config_file), "--batch-size", "2", "--limit", "3", "--max-new-tokens", "5",
        "--logprobs", "--max-repeats", "3",
    )  # fmt: skip
    found = list(read_predictions(out))
    assert [item.row for item in found] == [0, 1, 2]
    for item in found:
        assert item.finish_reason == "length"
        assert item.num_tokens == 5
        assert item.text
        assert item.truth
        assert item.logprob_scores == ()


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


def test_a_checkpoint_of_unknown_format_is_refused(nano_model, scenes, tmp_path, capsys):
    words = [
        "--model",
        str(nano_model),
        "--images",
        str(scenes / "images"),
        "--out",
        str(tmp_path / "p.jsonl"),
    ]
    assert run(main, words) == 2
    assert "--config" in capsys.readouterr().err
