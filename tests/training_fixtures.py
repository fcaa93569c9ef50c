"""Small real data and a nano model, made once per test session by the project's own makers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run_module(module: str, *arguments: str, **options) -> subprocess.CompletedProcess:
    """`python -m module arguments` from the project's root; fails the test with its output."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{module} failed\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="session")
def scenes(tmp_path_factory) -> Path:
    """A folder with 128 training and 12 validation scenes."""
    out = tmp_path_factory.mktemp("scenes")
    run_module(
        "public_data.scenes", "--out", str(out), "--num-train", "128", "--num-val", "12",
        "--size", "64", "--workers", "1",
    )  # fmt: skip
    return out


@pytest.fixture(scope="session")
def nano_model(tmp_path_factory, scenes) -> Path:
    """A nano Qwen3-VL over the scenes' words."""
    out = tmp_path_factory.mktemp("model") / "nano"
    run_module(
        "scripts.make_tiny_model",
        "--out",
        str(out),
        "--preset",
        "nano",
        "--text",
        str(scenes / "train.jsonl"),
    )
    return out


@pytest.fixture(scope="session")
def trainings(tmp_path_factory):
    """The process that starts real trainings; see `tests.forked_training`."""
    from tests.forked_training import Trainings

    running = Trainings(tmp_path_factory.mktemp("trainings"))
    yield running
    running.close()


@pytest.fixture
def config_file(tmp_path, scenes, nano_model) -> Path:
    """A runnable config: 16 records a step, 2 a micro-batch, 4 steps."""
    path = tmp_path / "run.yaml"
    path.write_text(
        f"""\
extends: {ROOT}/configs/base/tiny.yaml
model: {{model: {nano_model}}}
training:
  output_dir: {tmp_path}/runs
  add_version: false
  effective_batch_size: 16
  per_device_train_batch_size: 4
  max_steps: 4
  logging_steps: 1
  report_to: none
prompts: {{system: "", user: Detect.}}
custom:
  train_jsonl: {scenes}/train.jsonl
  val_jsonl: {scenes}/val.jsonl
  emit_norm: norm1000
  json_format: standard
  log_sample_keys: true
global_max_length: 512
"""
    )
    return path


def run_code(code: str, *arguments: str) -> str:
    """What `python -c code arguments` prints, in a fresh process from the project's root."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
