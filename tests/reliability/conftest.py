import pytest

from tests.reliability.whole_runs import Recipe, WholeRun
from tests.training_fixtures import ROOT


@pytest.fixture(scope="session")
def recipe(tmp_path_factory, trainings, scenes, nano_model):
    """A run of 10 steps over an epoch's end (8 steps): 2 workers, 4 micro-batches a step, a log line every 3 steps,
    an evaluation every 2."""
    path = tmp_path_factory.mktemp("recipe") / "run.yaml"
    path.write_text(
        f"""\
extends: {ROOT}/configs/base/tiny.yaml
model: {{model: {nano_model}}}
training:
  add_version: false
  effective_batch_size: 16
  per_device_train_batch_size: 4
  num_train_epochs: 2
  max_steps: 10
  logging_steps: 3
  save_strategy: steps
  save_steps: 2
  save_total_limit: 2
  eval_strategy: steps
  eval_steps: 2
  dataloader_num_workers: 2
  report_to: none
prompts: {{system: "", user: Detect.}}
custom:
  train_jsonl: {scenes}/train.jsonl
  val_jsonl: {scenes}/val.jsonl
  emit_norm: norm1000
  json_format: standard
  val_sample_limit: 4
  log_sample_keys: true
  augmentation:
    enabled: true
    ops: [{{name: hflip, params: {{prob: 0.5}}}}]
global_max_length: 512
"""
    )
    return Recipe(trainings, path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory, recipe) -> WholeRun:
    """The recipe's run without any interruption."""
    run_dir = tmp_path_factory.mktemp("whole")
    recipe.run(run_dir)
    return WholeRun(run_dir)


@pytest.fixture(scope="session")
def killed(tmp_path_factory, recipe):
    """The folder of a run that was killed inside step 5, in the first epoch, after its checkpoint of step 4."""
    run_dir = tmp_path_factory.mktemp("killed")
    run = recipe.start(run_dir)
    recipe.wait_for_keys(run_dir, step=5)
    run.kill()
    assert run.wait() == -9
    return run_dir
