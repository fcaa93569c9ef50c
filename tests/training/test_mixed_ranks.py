"""Ranks of which one has a picture and the other none, at once, with a trainable vision tower.

The fault that it catches: a rank without a picture never runs the vision tower, its gradients never come, and no step finishes
(every training here has a time limit). Beside it: metrics and evaluation of several ranks are those of one, although their
numbers of tokens differ and the last evaluation batch is filled up with samples that were seen.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked_training import ENVIRONMENT
from tests.training_fixtures import ROOT

MEASURED = ("loss", "token_acc", "eval_loss", "eval_token_acc")
TRAFFIC = {
    "padding_ratio", "data_wait_share", "samples_per_second", "tokens_per_second", "quarantined", "fillers",
}  # fmt: skip
STUCK_AFTER = 60


@pytest.fixture
def mixed_config(config_file, scenes, tmp_path) -> Path:
    """Seven scenes and a chat without a picture in each step, in file order; micro-batches of one.

    A step's samples stand in order of length, the chat last: it meets a scene in the micro-batch in which gradients are shared.
    """
    lines = (scenes / "train.jsonl").read_text().splitlines()
    mixed = []
    for number in range(8):
        turns = [("user", f"{number}?"), ("assistant", "Two.")]
        chat = {"messages": [{"role": role, "content": content} for role, content in turns]}
        mixed += [*lines[7 * number : 7 * number + 7], json.dumps(chat)]
    path = scenes / "mixed.jsonl"
    path.write_text("\n".join(mixed) + "\n")
    text = (
        config_file.read_text()
        .replace(f"{scenes}/train.jsonl", f"{path}\n  shuffle: false\n  val_sample_limit: 7")
        .replace("effective_batch_size: 16", "effective_batch_size: 8")
        .replace("train_batch_size: 4", "train_batch_size: 1\n  per_device_eval_batch_size: 2")
        .replace("max_steps: 4", "max_steps: 3\n  eval_strategy: steps\n  eval_steps: 3")
    )
    made = tmp_path / "mixed.yaml"
    made.write_text(text)
    return made


def entries(run_dir: Path) -> list[dict[str, float]]:
    """What was measured, logging event by logging event."""
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [
        {
            name: value
            for name, value in line.items()
            if name.split("/")[0].removesuffix("_by_kind") in MEASURED or name == "step"
        }
        for line in lines
    ]


def assert_same(one: Path, other: Path) -> None:
    first, second = entries(one), entries(other)
    assert [entry.keys() for entry in first] == [entry.keys() for entry in second]
    for mine, theirs in zip(first, second, strict=True):
        assert mine == pytest.approx(theirs, abs=2e-4)


CHECKPOINTING = "training.gradient_checkpointing=true"


def test_two_ranks_finish_and_tell_what_one_tells(mixed_config, train, tmp_path):
    one = train(mixed_config, tmp_path / "one", CHECKPOINTING)
    assert_same(one, train(mixed_config, tmp_path / "two", CHECKPOINTING, ranks=2))
    first, evaluated = entries(one)[0], entries(one)[-2]
    kinds = {"desc", "coordinate", "format", "text"}
    assert {name.split("/")[1] for name in first if name.startswith("loss_by_kind/")} == kinds
    name = next(name.split("/")[1] for name in first if name.startswith("loss/"))
    assert f"loss/{name}/coordinate" in first
    # One data set: its loss is the trainer's own.
    assert first[f"loss/{name}"] == pytest.approx(first["loss"], abs=1e-5)
    assert evaluated["eval_loss"] == evaluated[f"eval_loss/{name}"]
    lines = [json.loads(line) for line in (one / "metrics.jsonl").read_text().splitlines()]
    assert lines[0].keys() >= TRAFFIC
    assert 0 < lines[0]["data_wait_share"] < 1
    # The trainer's own log has them too, so whatever report_to names gets them.
    logged = json.loads((one / "logging.jsonl").read_text().splitlines()[0])
    assert logged[f"loss/{name}"] == pytest.approx(first[f"loss/{name}"], abs=1e-6)


@pytest.mark.full
@pytest.mark.parametrize(
    ("ranks", "settings"),
    [
        (2, ["training.gradient_checkpointing=false"]),
        (2, ["training.gradient_checkpointing=false", "training.ddp_find_unused_parameters=false"]),
        (4, [CHECKPOINTING]),
        (4, ["training.gradient_checkpointing=false"]),
        (4, [CHECKPOINTING, "training.vit_gradient_checkpointing=true"]),
    ],
)
def test_every_number_of_ranks_finishes(mixed_config, train, tmp_path, ranks, settings):
    one = train(mixed_config, tmp_path / "one", settings[0])
    assert_same(one, train(mixed_config, tmp_path / "more", *settings, ranks=ranks))


WITHOUT_DUMMY = """
import sys
from src.training.torchvision_shim import ensure_torchvision
ensure_torchvision()
from src.training.ms_swift import session
session.keep_vision_in_graph = lambda model: None
from src import sft
sys.exit(sft.main(sys.argv[1:]))
"""


@pytest.mark.full
def test_without_the_dummy_no_step_finishes(mixed_config, tmp_path):
    """The planted fault."""
    script = tmp_path / "without_dummy.py"
    script.write_text(WITHOUT_DUMMY)
    run_dir = tmp_path / "stuck"
    words = [
        "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script), "--config",
        str(mixed_config), "--set", f"training.output_dir={run_dir}", "--set", CHECKPOINTING,
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=STUCK_AFTER)
        assert (run_dir / "args.json").is_file()  # it had come as far as training
        assert not (run_dir / "metrics.jsonl").exists()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
