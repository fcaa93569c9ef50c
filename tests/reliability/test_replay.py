"""`src.replay` shows what `training_step` saw; `src.plan` tells limits that hold."""

import json
import subprocess
import sys

import pytest

from tests.reliability.whole_runs import keys_by_step
from tests.report.pages import page_data
from tests.training_fixtures import ROOT, run_module


def replayed(run_dir, steps, *words):
    return run_module("src.replay", "--run", str(run_dir), "--steps", steps, *words).stdout


@pytest.fixture(scope="module")
def run_dir(recipe, tmp_path_factory):
    target = tmp_path_factory.mktemp("replayed")
    recipe.run(target, "training.save_strategy=no")
    return target


def test_replayed_samples_are_those_of_training(run_dir):
    lines = [json.loads(line) for line in replayed(run_dir, "0:10", "--json").splitlines()]
    found = {}
    for line in lines:
        assert line["source"].endswith(f"train.jsonl:{line['row'] + 1}")
        key = (line["epoch"], line["slot"], line["step"], line["row"], 0)
        found.setdefault(line["step"], set()).add(key)
        assert line["turns"][-1]["role"] == "assistant"
        assert line["pictures"] == [[64, 64]]
    assert found == keys_by_step(run_dir)
    assert len(replayed(run_dir, "3").splitlines()) == 16


def test_a_page_shows_their_pictures(run_dir, tmp_path):
    replayed(run_dir, "8:9", "--html", str(tmp_path / "page.html"))
    data = page_data(tmp_path / "page.html")
    assert len(data["samples"]) == 16
    assert {sample["group"] for sample in data["samples"]} == {"step 8"}
    assert all(sample["truth"] and sample["text"] for sample in data["samples"])


@pytest.mark.parametrize("steps", ["5:3", "x", "0:99", "-1"])
def test_steps_outside_the_run_are_refused(run_dir, steps):
    done = subprocess.run(
        [sys.executable, "-m", "src.replay", "--run", str(run_dir), f"--steps={steps}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "0:10" in done.stderr


def test_no_torch_is_needed(run_dir):
    code = (
        "import sys; from src.replay import main; "
        f"main(['--run', '{run_dir}', '--steps', '0', '--json']); assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def json_of(output: str) -> dict:
    """The JSON that a command printed among its log lines."""
    return json.loads(output[output.index("\n{") :])


def test_the_planner_tells_limits_that_hold(config_file, trainings, tmp_path):
    words = (
        "--config", str(config_file), "--set", "global_max_length=90", "--set",
        "custom.augmentation={enabled: true, ops: [{name: rotate, params: {expand: true}}]}",
    )  # fmt: skip
    text = trainings.call("src.plan:main", *words).output
    assert "padding" in text
    assert "GiB a device" in text
    told = json_of(trainings.call("src.plan:main", *words, "--json").output)
    (data_set,) = told["data_sets"]
    assert 0 < data_set["share_over_limit"] < data_set["share_over_limit_augmented"] <= 1
    assert sum(count for *_, count in data_set["histogram"]) == 128
    assert told["padding"]["planned"] < told["padding"]["random"]
    assert told["steps_per_epoch"] == 8
    length = told["advice"]["global_max_length"]
    checked = trainings.run(config_file, "--check", "--set", f"global_max_length={length}")
    assert "used, 0 quarantined, 0 over-long" in checked.output


def test_a_cap_on_tokens_is_kept_by_the_plan(config_file):
    words = (
        "--set", "training.per_device_train_batch_size=null",
        "--set", "custom.batching.max_tokens_per_micro_batch=600",
    )  # fmt: skip
    told = json.loads(run_module("src.plan", "--config", str(config_file), *words, "--json").stdout)
    assert told["accumulation_steps"] > 1
    assert told["advice"]["max_tokens_per_micro_batch"] <= 600
