"""A2 and A4 through the real trainer: what `training_step` saw after a resume is the rest of the uninterrupted run, at every
step, with and without workers, and on another number of ranks. And what may not be resumed is refused.

Faults that it catches: an off-by-one skip (planted in `test_kill_training`), an epoch replayed, a step count that depends on the
number of ranks, a changed data file taken for the old one.
"""

import json
import shutil

import pytest

from src.training.checkpoints import latest_checkpoint
from tests.reliability.whole_runs import WholeRun, copy, keys_by_step, logged


def first_steps_of(every_step, step, target):
    """The run folder as it was when the checkpoint of a step was complete; logs may be ahead."""
    target.mkdir()
    for path in every_step.glob("*.jsonl"):
        shutil.copy(path, target)
    shutil.copytree(every_step / f"checkpoint-{step}", target / f"checkpoint-{step}")
    return target


@pytest.fixture(scope="module")
def every_step(recipe, tmp_path_factory):
    """A run of two epochs that kept the checkpoint of every step."""
    run_dir = tmp_path_factory.mktemp("every")
    recipe.run(
        run_dir, "training.max_steps=16", "training.save_steps=1", "training.save_total_limit=null"
    )
    return run_dir


@pytest.mark.full
@pytest.mark.parametrize("workers", [0, 2])
def test_a_resume_at_every_step_is_the_same_run(recipe, every_step, tmp_path, workers):
    for step in range(1, 17):
        run_dir = first_steps_of(every_step, step, tmp_path / f"at-{step}")
        recipe.run(
            run_dir,
            "training.max_steps=16",
            f"training.dataloader_num_workers={workers}",
            resume="auto",
        )
        assert WholeRun(every_step).unlike(run_dir) == [], step


@pytest.mark.full
def test_dropout_goes_on_where_it_stopped(recipe, tmp_path):
    """Faults: generators that are not restored, or moved by starting workers; only random layers show it."""
    words = (
        "tuner.tuner_type=lora", "tuner.target_modules=all-linear", "tuner.lora_dropout=0.3",
        "training.eval_strategy=steps", "training.eval_steps=3",
        "training.save_total_limit=null",
    )  # fmt: skip
    whole = tmp_path / "whole"
    recipe.run(whole, *words)
    for name, fault in (("run", None), ("faulty", "no generators")):
        run_dir = first_steps_of(whole, 4, tmp_path / name)
        recipe.run(run_dir, *words, resume="auto", fault=fault)
    weights = [
        (tmp_path / name / "final" / "adapter_model.safetensors").read_bytes()
        for name in ("whole", "run", "faulty")
    ]
    assert weights[1] == weights[0] != weights[2]
    assert logged(tmp_path / "run") == logged(whole)


def test_a_run_stopped_on_one_rank_goes_on_on_two_with_the_same_samples(
    recipe, whole, killed, tmp_path
):
    run_dir = copy(killed, tmp_path / "run")
    ranks = recipe.start_ranks(2, run_dir, resume="auto")
    for run in ranks:
        assert run.wait() == 0, run.output[-4000:]
    assert (run_dir / "keys-rank1.jsonl").is_file()
    assert keys_by_step(run_dir) == keys_by_step(whole.run_dir)
    assert sorted(keys_by_step(run_dir)) == list(range(10))


def test_a_changed_data_file_is_refused_by_name_and_touches_nothing(recipe, killed, tmp_path):
    run_dir = copy(killed, tmp_path / "run")
    data = tmp_path / "data"
    lines = recipe_data(recipe).read_text().splitlines(keepends=True)
    data.mkdir()
    shutil.copytree(recipe_data(recipe).parent / "images", data / "images")
    (data / "train.jsonl").write_text("".join(lines[1:] + lines[:1]))
    before = {path: path.stat().st_mtime_ns for path in sorted(run_dir.rglob("*"))}
    words = (f"custom.train_jsonl={data}/train.jsonl", "custom.seed=18")
    run = recipe.run(run_dir, *words, resume="auto", code=1)
    assert "dataset 0 content: changed since checkpoint-4: " in run.output
    assert "custom.seed: changed since checkpoint-4: 17 -> 18" in run.output
    assert "usable rows" not in run.output
    assert "custom.resume.allow_changed" in run.output
    assert "Traceback" not in run.output
    assert {path: path.stat().st_mtime_ns for path in sorted(run_dir.rglob("*"))} == before


def recipe_data(recipe):
    from src.config.loader import load_config, resolve_path

    return resolve_path(load_config(recipe.config).config.custom.train_jsonl)


def test_saves_start_late_and_rotation_keeps_the_best_and_the_newest(recipe, tmp_path):
    """Faults: a best metric from before the first save; the best deleted; `final` counted as a checkpoint."""
    run_dir = tmp_path / "run"
    words = (
        "training.max_steps=6", "training.save_steps=1", "training.save_total_limit=1",
        "training.save_delay_steps=3", "training.eval_strategy=steps", "training.eval_steps=1",
        "training.load_best_model_at_end=true", "training.metric_for_best_model=eval_loss",
    )  # fmt: skip
    run = recipe.run(run_dir, *words, fault="loss rises")
    assert sorted(path.name for path in run_dir.glob("checkpoint-*")) == [
        "checkpoint-3",
        "checkpoint-6",
    ]
    assert latest_checkpoint(run_dir)[0].step == 6
    state = json.loads((run_dir / "checkpoint-6" / "trainer_state.json").read_text())
    assert state["best_global_step"] == 3
    assert (run_dir / "final" / "model.safetensors").read_bytes() == (
        run_dir / "checkpoint-3" / "model.safetensors"
    ).read_bytes()
    assert "checkpoint-4 goes" in run.output
    facts = json.loads((run_dir / "environment.json").read_text())["starts"]
    assert len(facts) == 1
    assert facts[0]["packages"]["ms-swift"].startswith("4.6")
    assert facts[0]["world_size"] == 1
    assert set(facts[0]["git"]) == {"revision", "dirty"}
    # Nothing was left to do: the finished run resumes to its end without another step.
    again = recipe.run(run_dir, *words, resume="auto", fault="loss rises")
    assert "after step 6" in again.output
    assert sorted(keys_by_step(run_dir)) == list(range(6))
    starts = json.loads((run_dir / "environment.json").read_text())["starts"]
    assert [start["resumed_after_step"] for start in starts] == [None, 6]


@pytest.mark.full
def test_without_a_delay_the_best_is_the_first(recipe, tmp_path):
    """The planted fault of the test above: no delay, and the best metric is that of step 1."""
    run_dir = tmp_path / "run"
    recipe.run(
        run_dir, "training.max_steps=4", "training.save_strategy=best",
        "training.eval_strategy=steps", "training.eval_steps=1",
        "training.metric_for_best_model=eval_loss", fault="loss rises",
    )  # fmt: skip
    assert [path.name for path in run_dir.glob("checkpoint-*")] == ["checkpoint-1"]


@pytest.mark.full
def test_a_delayed_best_strategy_begins_with_the_first_evaluation_after_it(recipe, tmp_path):
    run_dir = tmp_path / "run"
    recipe.run(
        run_dir, "training.max_steps=10", "training.save_strategy=best",
        "training.save_delay_epochs=1.0", "training.eval_strategy=steps", "training.eval_steps=2",
        "training.metric_for_best_model=eval_loss", fault="loss rises",
    )  # fmt: skip
    assert [path.name for path in run_dir.glob("checkpoint-*")] == ["checkpoint-8"]


def test_a_run_stopped_after_its_last_step_still_evaluates_it(recipe, tmp_path):
    """Faults: the last evaluation lost by a stop; the best of it named, but an older checkpoint loaded."""
    run_dir = tmp_path / "run"
    words = (
        "training.max_steps=8", "training.save_steps=3", "training.eval_steps=3",
        "training.load_best_model_at_end=true", "training.metric_for_best_model=eval_loss",
    )  # fmt: skip
    recipe.run(run_dir, *words, fault="stop after step 8", code=143)
    assert not (run_dir / "final").exists()
    recipe.run(run_dir, *words, resume="auto")
    entries = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    evaluated = {entry["step"]: entry["eval_loss"] for entry in entries if "eval_loss" in entry}
    assert sorted(evaluated) == [3, 6, 8]
    assert min(evaluated, key=evaluated.get) == 8
    name = "model.safetensors"
    assert (run_dir / "final" / name).read_bytes() == (run_dir / "checkpoint-8" / name).read_bytes()
