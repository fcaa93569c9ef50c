"""The real ms-swift trainer over the batch plan, on a nano model."""

import json
from pathlib import Path

import pytest

from src.datasets.plan import plan_of_one
from tests.forked_training import ENVIRONMENT
from tests.training_fixtures import run_module


def torchrun(config_file: Path, run_dir: Path, *overrides: str) -> Path:
    """`src.sft` on two gloo ranks, started as `scripts/train.sh` starts them; the run folder."""
    sets = [word for o in (f"training.output_dir={run_dir}", *overrides) for word in ("--set", o)]
    run_module(
        "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
        "-m", "src.sft", "--config", str(config_file), *sets, env=ENVIRONMENT, timeout=400,
    )  # fmt: skip
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


def test_two_ranks_train_on_the_same_samples_as_one(config_file, train, tmp_path):
    random_batches = "custom.batching.group_window=1"
    one = train(config_file, tmp_path / "one", random_batches)
    two = torchrun(config_file, tmp_path / "two", random_batches)
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


def test_a_run_evaluates_and_its_resolved_config_runs_again(config_file, train, check, tmp_path):
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
    again = check(run_dir / "config.yaml")
    assert "language model" in again.output
    assert "«" in again.output


def test_an_adapter_trains_at_its_modules_rates_and_predicts(
    config_file, train, trainings, tmp_path
):
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
    trainings.call(
        "src.predict:main", "--model", str(final), "--jsonl", str(val), "--out", str(tmp_path / "p.jsonl"),
        "--max-new-tokens", "6", "--limit", "2",
    )  # fmt: skip
    loaded = [json.loads(line)["text"] for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert loaded == in_memory


@pytest.fixture
def check(trainings):
    """`check(config, *overrides, code=0)`: `src.sft --check`, which must exit with the code; the finished run."""

    def run(config: Path, *overrides: str, code: int = 0):
        sets = [word for o in overrides for word in ("--set", o)]
        return trainings.run(config, "--check", *sets, code=code)

    return run


def test_an_over_long_sample_stops_the_run_before_it_begins(config_file, check):
    done = check(config_file, "global_max_length=60", code=1)
    assert "longer than global_max_length" in done.output
    assert "train.jsonl:" in done.output
    assert "Traceback" not in done.output


def test_over_long_samples_are_quarantined_and_counted(config_file, check):
    done = check(
        config_file,
        "global_max_length=75",
        "custom.on_over_long=quarantine",
        "training.effective_batch_size=4",
    )
    line = next(line for line in done.output.splitlines() if line.startswith("train "))
    read, used, too_long = (
        int(line.split(word)[0].split()[-1]) for word in (" read", " used", " over-long")
    )
    assert read == 128 == used + too_long
    assert 0 < too_long < 128
