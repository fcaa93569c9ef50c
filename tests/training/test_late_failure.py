"""Pictures that are damaged after the data were checked, through the real trainer and its workers.

Faults that they catch: a rank with an empty micro-batch (it hangs), a division by zero tokens, a sample in another's place, a
stop without the sample's place.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.reliability.whole_runs import keys_by_step

WHOLE_STEP = range(8, 16)
ONE_MORE = 17


@pytest.fixture
def damaged_config(config_file, scenes, tmp_path) -> Path:
    """In file order, 8 samples a step: nothing of step 1 can be read, and one sample of step 2 cannot."""
    folder = tmp_path / "damaged"
    shutil.copytree(scenes, folder)
    for number in [*WHOLE_STEP, ONE_MORE]:
        path = folder / "images" / f"train_{number:06d}.jpg"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    text = (
        config_file.read_text()
        .replace(f"{scenes}/train.jsonl", f"{folder}/train.jsonl\n  shuffle: false")
        .replace("effective_batch_size: 16", "effective_batch_size: 8")
        .replace("train_batch_size: 4", "train_batch_size: 2\n  dataloader_num_workers: 1")
        .replace("max_steps: 4", "max_steps: 3\n  gradient_checkpointing: true")
    )
    made = tmp_path / "damaged.yaml"
    made.write_text(text)
    return made


def test_fillers_keep_every_rank_busy_and_are_counted(damaged_config, train, tmp_path):
    run_dir = train(
        damaged_config, tmp_path / "run", "custom.on_late_failure=filler", ranks=2
    )  # fmt: skip
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert [line["fillers"] for line in lines[:3]] == [0, 8, 9]
    losses = [line["loss"] for line in lines[:3]]
    assert losses[1] == 0.0
    assert min(losses[0], losses[2]) > 1
    assert lines[1]["grad_norm"] == 0.0
    steps = keys_by_step(run_dir)
    assert sorted(key[1] for key in steps[1]) == list(WHOLE_STEP)
    events = (run_dir / "quarantine" / "late.jsonl").read_text().splitlines()
    slots = sorted(json.loads(line)["slot"] for line in events)
    assert slots[:-1] == list(WHOLE_STEP)
    assert slots[-1] // 8 == ONE_MORE // 8  # a step's samples stand in order of length
    assert "train_000017.jpg" in "".join(events)


def test_the_run_stops_with_the_samples_place(damaged_config, trainings, tmp_path):
    words = ("--set", f"training.output_dir={tmp_path}/run")
    done = trainings.run(damaged_config, *words, code=1)
    message = done.output[done.output.index("error: ") :]
    assert "train_0000" in message
    assert "->" in message
    assert "Traceback" not in done.output
