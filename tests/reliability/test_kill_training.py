"""A3: a training killed at any moment and resumed ends with the weights, keys and logs of the one that was never killed.

All through the real ms-swift trainer: worker processes, four micro-batches a step, an epoch's end on the way. Faults that it
catches: a skip that is off by one, an optimizer that starts empty, a torn checkpoint taken for a good one, logs not cut back.
"""

import random
import time

import pytest

from src.training.checkpoints import MARKER, latest_checkpoint
from tests.forked_training import wait_until
from tests.reliability.whole_runs import copy


def test_killed_in_a_step_and_in_a_save_the_run_is_the_same(recipe, whole, killed, tmp_path):
    run_dir = copy(killed, tmp_path / "run")
    assert latest_checkpoint(run_dir)[0].step == 4
    run = recipe.start(run_dir, resume="auto")
    saving = run_dir / "checkpoint-8"
    wait_until(saving.is_dir, every_s=0.0005)
    run.kill()
    assert run.wait() == -9
    newest, torn = latest_checkpoint(run_dir)
    if not (saving / MARKER).exists():
        assert newest.step == 6
        assert [item.path.name for item in torn] == ["checkpoint-8"]
    done = recipe.run(run_dir, resume="auto")
    if torn:
        assert "checkpoint-8 is torn and skipped" in done.output
    assert whole.unlike(run_dir) == []


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("skip", ["final/model.safetensors", "keys-rank0.jsonl", "logging.jsonl"]),
        pytest.param(
            "no optimizer", ["final/model.safetensors", "logging.jsonl"], marks=pytest.mark.full
        ),
        pytest.param("no loss sum", ["logging.jsonl"], marks=pytest.mark.full),
        pytest.param("logs", ["keys-rank0.jsonl"], marks=pytest.mark.full),
    ],
)
def test_the_comparison_sees_planted_faults(recipe, whole, killed, tmp_path, fault, seen):
    run_dir = copy(killed, tmp_path / "run")
    recipe.run(run_dir, resume="auto", fault=fault)
    assert whole.unlike(run_dir) == seen


def kill_at(recipe, run_dir, delay_s: float, resume: str | None) -> bool:
    """Start, and kill so long after the first step began; whether it was still running."""
    before = (run_dir / "keys-rank0.jsonl").stat().st_size if resume else 0
    run = recipe.start(run_dir, resume=resume)
    path = run_dir / "keys-rank0.jsonl"
    wait_until(lambda: path.exists() and path.stat().st_size != before)
    time.sleep(delay_s)
    try:
        run.kill()
    except ProcessLookupError:
        return False
    return run.wait() == -9


@pytest.mark.full
def test_killed_at_twenty_random_moments(recipe, whole, tmp_path):
    """20/20: a moment is drawn over the whole training, saves included."""
    draw = random.Random(20)
    start = time.monotonic()
    recipe.run(tmp_path / "timed")
    span_s = time.monotonic() - start
    same = kills = attempts = 0
    while kills < 20 and attempts < 60:
        attempts += 1
        run_dir = tmp_path / f"run-{attempts}"
        if not kill_at(recipe, run_dir, draw.uniform(0, span_s), None):
            continue
        kills += 1
        recipe.run(run_dir, resume="auto")
        unlike = whole.unlike(run_dir)
        assert unlike == [], (attempts, unlike)
        same += 1
    print(f"A3: {same}/{kills} runs bitwise equal after kill -9 at a random moment")
    assert (kills, same) == (20, 20)
