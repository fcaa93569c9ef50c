"""The real ms-swift trainer over the batch plan, on a nano model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.datasets.plan import plan_of_one
from tests.training_fixtures import ROOT, run_module

ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "CUDA_VISIBLE_DEVICES": "",
    "TOKENIZERS_PARALLELISM": "false",
}


def train(config_file: Path, run_dir: Path, *overrides: str, ranks: int = 1) -> Path:
    """Run src.sft on `ranks` gloo ranks; the run folder."""
    launch = [sys.executable]
    if ranks > 1:
        launch += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(ranks)]
    sets = [word for o in (f"training.output_dir={run_dir}", *overrides) for word in ("--set", o)]
    done = subprocess.run(
        [*launch, "-m", "src.sft", "--config", str(config_file), *sets],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return run_dir


def keys_by_step(run_dir: Path) -> dict[int, set[tuple[int, int, int, int, int]]]:
    """(epoch, slot, step, row, data set) of every sample that `training_step` saw, by optimizer step; each sample once."""
    steps: dict[int, set] = {}
    count = 0
    for path in sorted(run_dir.glob("keys-rank*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            keys = {tuple(key) for key in entry["keys"]}
            count += len(entry["keys"])
            steps.setdefault(entry["step"], set()).update(keys)
    assert count == sum(len(keys) for keys in steps.values())
    return steps


def losses(run_dir: Path) -> list[float]:
    entries = [json.loads(line) for line in (run_dir / "logging.jsonl").read_text().splitlines()]
    return [float(entry["loss"]) for entry in entries if "loss" in entry]


def test_two_ranks_train_on_the_same_samples_as_one(config_file, tmp_path):
    random_batches = "custom.batching.group_window=1"
    one = train(config_file, tmp_path / "one", random_batches)
    two = train(config_file, tmp_path / "two", random_batches, ranks=2)
    steps = keys_by_step(one)
    assert steps == keys_by_step(two)
    # ... and they are the plan's: nothing was replaced, nothing came twice.
    plan = plan_of_one(seed=17, num_rows=128, effective_batch_size=16)
    assert sorted(steps) == [0, 1, 2, 3]
    for step, keys in steps.items():
        batch = plan.global_batch(0, step)
        assert {key[:3] for key in keys} == set(batch)
        assert {key[3] for key in keys} == {plan.locate(key).row for key in batch}
    assert losses(one) == pytest.approx(losses(two), abs=2e-4)
    assert losses(one)[-1] < losses(one)[0]
    assert (one / "final" / "model.safetensors").is_file()
    assert (
        json.loads((one / "final" / "grounding.json").read_text())["builder"]["json_format"]
        == "standard"
    )


def test_a_run_evaluates_and_its_resolved_config_runs_again(config_file, tmp_path):
    run_dir = train(
        config_file,
        tmp_path / "run",
        "training.max_steps=2",
        "training.dataloader_num_workers=2",
        "training.eval_strategy=steps",
        "training.eval_steps=2",
        "custom.final_evaluation.enabled=true",
        "custom.final_evaluation.limit=3",
        "custom.final_evaluation.max_new_tokens=8",
    )
    metrics = json.loads((run_dir / "metrics.json").read_text())
    assert metrics["behaviour"]["num_images"] == 3
    assert metrics["behaviour"]["num_truncated"] == 3
    assert (run_dir / "report.html").stat().st_size > 5000
    entries = [json.loads(line) for line in (run_dir / "logging.jsonl").read_text().splitlines()]
    assert any("eval_loss" in entry for entry in entries)
    again = subprocess.run(
        [sys.executable, "-m", "src.sft", "--config", str(run_dir / "config.yaml"), "--check"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr[-3000:]
    assert "language model" in again.stdout
    assert "«" in again.stdout


def test_an_adapter_trains_at_its_modules_rates_and_predicts(config_file, tmp_path):
    run_dir = train(
        config_file,
        tmp_path / "lora",
        "tuner.tuner_type=lora",
        "tuner.target_modules=all-linear",
        "training.optimizer=multimodal",
        "training.vit_lr=1e-3",
        "training.aligner_lr=5e-4",
        "training.max_steps=1",
        "custom.final_evaluation.enabled=true",
        "custom.final_evaluation.limit=2",
        "custom.final_evaluation.max_new_tokens=6",
        ranks=2,
    )
    final = run_dir / "final"
    assert (final / "adapter_config.json").is_file()
    in_memory = [
        json.loads(line)["text"]
        for line in (run_dir / "predictions.jsonl").read_text().splitlines()
    ]
    source = json.loads((run_dir / "predictions.jsonl").read_text().splitlines()[0])["image"]
    val = (run_dir / source).resolve().parent.parent / "val.jsonl"
    run_module(
        "src.predict", "--model", str(final), "--jsonl", str(val), "--out", str(tmp_path / "p.jsonl"),
        "--max-new-tokens", "6", "--limit", "2", env=ENVIRONMENT,
    )  # fmt: skip
    loaded = [json.loads(line)["text"] for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert loaded == in_memory


def check_only(config_file: Path, *overrides: str) -> subprocess.CompletedProcess:
    sets = [word for o in overrides for word in ("--set", o)]
    return subprocess.run(
        [sys.executable, "-m", "src.sft", "--config", str(config_file), "--check", *sets],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_over_long_sample_stops_the_run_before_it_begins(config_file):
    done = check_only(config_file, "global_max_length=60")
    assert done.returncode == 1
    assert "longer than global_max_length" in done.stderr
    assert "train.jsonl:" in done.stderr
    assert "Traceback" not in done.stderr


def test_over_long_samples_are_quarantined_and_counted(config_file):
    done = check_only(
        config_file,
        "global_max_length=75",
        "custom.on_over_long=quarantine",
        "training.effective_batch_size=4",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("train"))
    read, used, too_long = (
        int(line.split(word)[0].split()[-1]) for word in (" read", " used", " over-long")
    )
    assert read == 128 == used + too_long
    assert 0 < too_long < 128
