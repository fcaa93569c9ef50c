"""ctrl-C and SIGTERM end the step, save, name the way to resume and leave with 130 or 143; the resumed run is the same run.

Faults that it catches: workers that die of the terminal's signal and break the step, ranks that stop after different steps, a
stop that loses an evaluation or an epoch's end, a checkpoint without optimizer state.
"""

import signal

import pytest

from src.training.checkpoints import latest_checkpoint
from tests.reliability.whole_runs import WholeRun, keys_by_step, logged

EVERY_EPOCH = ("training.eval_strategy=epoch",)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_whole_group_saves_and_the_run_goes_on(
    recipe, whole, tmp_path, number, code
):
    run_dir = tmp_path / "run"
    # No checkpoint would be written, and none with optimizer state: the signal's own must be both.
    words = ("training.save_strategy=no", "training.save_only_model=true")
    run = recipe.start(run_dir, *words)
    recipe.wait_for_keys(run_dir, step=2)
    run.signal(number, workers_too=True)
    run.signal(number, workers_too=True)
    assert run.wait() == code, run.output[-4000:]
    assert run.output.count("finishing the step, then saving") == 1
    assert f"--resume {run_dir}" in run.output
    assert not (run_dir / "final").exists()
    newest, torn = latest_checkpoint(run_dir)
    assert newest.step in (3, 4)
    assert torn == ()
    recipe.run(run_dir, *words, resume=str(run_dir))
    assert whole.unlike(run_dir) == []


@pytest.mark.full
def test_the_check_sees_workers_that_die_of_the_signal(recipe, tmp_path):
    run_dir = tmp_path / "run"
    run = recipe.start(run_dir, fault="workers obey")
    recipe.wait_for_keys(run_dir, step=2)
    run.signal(signal.SIGTERM, workers_too=True)
    # torch's message may be lost: a second worker's death raises while the traceback of the first is being printed.
    assert run.wait() not in (0, 143)
    assert "stopped and saved" not in run.output


def test_ranks_stop_after_the_same_step_and_one_rank_goes_on(recipe, whole, tmp_path):
    run_dir = tmp_path / "run"
    ranks = recipe.start_ranks(2, run_dir)
    recipe.wait_for_keys(run_dir, step=2)
    ranks[1].signal(signal.SIGTERM)
    assert [run.wait() for run in ranks] == [143, 143], ranks[0].output[-4000:]
    assert "stopped and saved" in ranks[0].output
    newest, torn = latest_checkpoint(run_dir)
    assert newest.progress.world_size == 2
    assert sorted(keys_by_step(run_dir)) == list(range(newest.step))
    assert torn == ()
    recipe.run(run_dir, resume="auto")
    assert keys_by_step(run_dir) == keys_by_step(whole.run_dir)


@pytest.mark.full
def test_a_stop_at_an_epochs_end_still_evaluates_the_epoch(recipe, tmp_path):
    """Fault: HF goes on with the next epoch, and the evaluation is never done."""
    recipe.run(tmp_path / "whole", *EVERY_EPOCH)
    run_dir = tmp_path / "run"
    recipe.run(run_dir, *EVERY_EPOCH, fault="stop after step 8", code=143)
    assert latest_checkpoint(run_dir)[0].progress.left == ("epoch_end",)
    assert not any("eval_loss" in entry for entry in logged(run_dir))
    recipe.run(run_dir, *EVERY_EPOCH, resume="auto")
    assert WholeRun(tmp_path / "whole").unlike(run_dir) == []
    assert next(entry["at"] for entry in logged(run_dir) if "eval_loss" in entry) == "8/10"


@pytest.mark.full
def test_a_stop_at_an_evaluating_step_evaluates_after_the_resume(recipe, tmp_path):
    words = ("training.eval_strategy=steps", "training.eval_steps=4")
    recipe.run(tmp_path / "whole", *words)
    run_dir = tmp_path / "run"
    recipe.run(run_dir, *words, fault="stop after step 8", code=143)
    assert latest_checkpoint(run_dir)[0].progress.left == ("evaluate", "epoch_end")
    recipe.run(run_dir, *words, resume="auto")
    assert WholeRun(tmp_path / "whole").unlike(run_dir) == []
