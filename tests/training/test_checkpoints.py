"""Complete or torn, rotation, logs cut back, and what a start resumes; without torch."""

import json
import signal
from pathlib import Path

import pytest

from src.config.loader import load_config
from src.errors import ConfigError
from src.training.checkpoints import (
    MARKER,
    Checkpoint,
    Progress,
    latest_checkpoint,
    make_room,
    mark_complete,
    put_in_place,
    read_checkpoint,
    rotate,
    survey,
)
from src.training.resume import check_plan, plan_resume, take_back
from src.training.signals import StopSignals
from src.training.step_logs import cut_logs

PLAN = {"custom.seed": "17"}


def written(run_dir: Path, step: int, *, marked: bool = True, **progress) -> Path:
    folder = run_dir / f"checkpoint-{step}"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights").write_bytes(b"w" * 100)
    if marked:
        at = Progress(step=step, epoch=step / 8, world_size=1, **progress)
        mark_complete(folder, at, PLAN)
    return folder


def names(run_dir: Path) -> list[str]:
    return sorted(path.name for path in run_dir.iterdir())


def test_what_was_marked_is_read_back(tmp_path):
    folder = written(tmp_path, 5, left=("evaluate",))
    found = read_checkpoint(folder)
    assert isinstance(found, Checkpoint)
    assert (found.step, found.progress.left, found.fingerprint) == (5, ("evaluate",), PLAN)
    assert list(json.loads((folder / MARKER).read_text())["files"]) == ["deep/weights"]


def test_the_newest_complete_one_is_taken_by_number(tmp_path):
    for step in (2, 10, 9):
        written(tmp_path, step)
    written(tmp_path, 11, marked=False)
    (tmp_path / "checkpoint-best").mkdir()
    newest, torn = latest_checkpoint(tmp_path)
    assert newest.step == 10
    assert [item.path.name for item in torn] == ["checkpoint-11"]
    assert latest_checkpoint(tmp_path / "nothing") == (None, ())


def test_rotation_keeps_the_newest_and_the_best_and_clears_torn_ones_below(tmp_path):
    for step in (2, 4, 6, 8):
        written(tmp_path, step)
    for step in (5, 9):
        written(tmp_path, step, marked=False)
    rotate(tmp_path, None, None)
    assert len(names(tmp_path)) == 6
    rotate(tmp_path, 2, tmp_path / "checkpoint-2")
    assert names(tmp_path) == ["checkpoint-2", "checkpoint-8", "checkpoint-9"]
    rotate(tmp_path, 1, tmp_path / "checkpoint-2")
    assert names(tmp_path) == ["checkpoint-2", "checkpoint-8", "checkpoint-9"]


def test_rotation_without_a_torn_newest_would_lose_the_last_good_one(tmp_path):
    """Fault: counting a torn folder as the newest, as a search by number does."""
    written(tmp_path, 2)
    written(tmp_path, 4, marked=False)
    rotate(tmp_path, 1, None)
    assert latest_checkpoint(tmp_path)[0].step == 2


def test_a_second_save_at_a_step_never_leaves_none(tmp_path):
    folder = written(tmp_path, 4)
    make_room(folder)
    folder.mkdir()
    newest, torn = latest_checkpoint(tmp_path)
    assert newest.path.name == "checkpoint-4.old"
    assert [item.path.name for item in torn] == ["checkpoint-4"]
    make_room(folder)  # the torn one goes, the complete twin stays
    assert names(tmp_path) == ["checkpoint-4.old"]
    written(tmp_path, 4)
    assert latest_checkpoint(tmp_path)[0].path == folder
    rotate(tmp_path, None, None)
    assert names(tmp_path) == ["checkpoint-4"]


def test_a_folder_is_put_in_place_whole(tmp_path):
    for text in ("old", "new"):
        (tmp_path / "final.partial").mkdir()
        (tmp_path / "final.partial" / "w").write_text(text)
        put_in_place(tmp_path / "final.partial", tmp_path / "final")
    assert names(tmp_path) == ["final"]
    assert (tmp_path / "final" / "w").read_text() == "new"


def test_logs_are_cut_to_the_step(tmp_path):
    keys = [{"step": n, "rank": 1, "keys": []} for n in (0, 0, 1, 1, 2, 2)]
    metrics = [{"step": n, "loss": 1.0} for n in (1, 2, 3)]
    trainer = [{"loss": 1.0, "global_step/max_steps": f"{n}/9"} for n in (1, 2, 3)]
    trainer += [{"train_runtime": 1.0, "global_step/max_steps": "2/9"}, {"log_history": []}]
    other = [{"image": "a"}, {"image": "b"}]
    logs = {
        "keys-rank1": keys,
        "metrics": metrics,
        "logging": trainer,
        "predictions": other,
    }
    for name, entries in logs.items():
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        half = '{"step": 2, "ra' if name == "keys-rank1" else ""
        (tmp_path / f"{name}.jsonl").write_text(text + half)
    cut_logs(tmp_path, 2)
    kept = {
        name: [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in logs
    }
    assert kept["keys-rank1"] == keys[:4]
    assert kept["metrics"] == metrics[:2]
    assert kept["logging"] == trainer[:2]
    assert kept["predictions"] == other


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        f"model: {{model: m}}\ntraining: {{output_dir: {tmp_path}/runs}}\n"
        "custom: {emit_norm: norm1000, json_format: qwen, train_jsonl: t.jsonl}\n"
    )
    return lambda *overrides: load_config(path, overrides).config


def test_auto_takes_the_checkpoint_saved_last_among_versions(config, tmp_path, caplog):
    runs = tmp_path / "runs"
    assert plan_resume(config(), "auto").checkpoint is None
    written(runs / "v0-a", 9)
    written(runs / "v1-b", 3)
    written(runs / "v2-c", 5, marked=False)
    written(runs / "v1-b", 4, resumable=False)
    found = plan_resume(config(), "auto")
    assert found.checkpoint is not None
    training = found.config.training
    assert training["resume_from_checkpoint"] == str(found.checkpoint.path)
    assert found.checkpoint.path == runs / "v0-a" / "checkpoint-9"
    assert (training["output_dir"], training["add_version"]) == (str(runs / "v0-a"), False)


def test_without_a_wish_nothing_is_resumed_and_the_config_may_hold_one(config, tmp_path):
    folder = written(tmp_path / "runs", 9)
    assert plan_resume(config(), None).checkpoint is None
    configured = config(f"training.resume_from_checkpoint={folder}")
    assert plan_resume(configured, None).checkpoint.step == 9
    assert plan_resume(config("training.resume_from_checkpoint=auto"), None).checkpoint.step == 9
    fresh = plan_resume(
        config("training.resume_from_checkpoint=auto", f"training.output_dir={tmp_path}/none"), None
    )
    assert "resume_from_checkpoint" not in fresh.config.training


def test_what_cannot_be_resumed_says_why(config, tmp_path):
    torn = written(tmp_path / "a", 3, marked=False)
    weights = written(tmp_path / "b", 3, resumable=False)
    with pytest.raises(ConfigError, match="cut short"):
        plan_resume(config(), str(torn))
    with pytest.raises(ConfigError, match="cut short"):
        plan_resume(config(), str(tmp_path / "a"))
    with pytest.raises(ConfigError, match="weights without optimizer"):
        plan_resume(config(), str(weights))
    with pytest.raises(ConfigError, match="no such folder"):
        plan_resume(config(), str(tmp_path / "z"))
    with pytest.raises(ConfigError, match="resume_only_model"):
        plan_resume(config("training.resume_only_model=true"), "auto")


def test_a_changed_plan_names_each_difference(tmp_path, caplog):
    checkpoint = read_checkpoint(written(tmp_path, 3))
    check_plan(checkpoint, PLAN, allow_changed=False)
    changed = {"custom.seed": "18", "dataset 1 (x) content": "abc"}
    with pytest.raises(ConfigError) as raised:
        check_plan(checkpoint, changed, allow_changed=False)
    text = str(raised.value)
    assert "custom.seed: changed since checkpoint-3: 17 -> 18" in text
    assert "dataset 1 (x) content: changed since checkpoint-3: (none) -> abc" in text
    assert "custom.resume.allow_changed" in text
    check_plan(checkpoint, changed, allow_changed=True)


def test_later_checkpoints_are_set_aside_not_mixed_in(tmp_path):
    early = read_checkpoint(written(tmp_path, 3))
    written(tmp_path, 6)
    (tmp_path / "last").symlink_to("checkpoint-6")
    take_back(tmp_path, early.step)
    assert latest_checkpoint(tmp_path)[0].step == 3
    assert names(tmp_path)[0] == "checkpoint-3"
    assert names(tmp_path)[1].startswith("replaced-checkpoint-6-")
    assert len(survey(tmp_path).complete) == 1


def test_a_start_anew_in_a_used_folder_does_not_mix_with_what_is_there(tmp_path):
    """Fault: the newest by number is the old run's, and rotation deletes the new ones."""
    written(tmp_path, 6)
    for name in ("keys-rank0.jsonl", "logging.jsonl"):
        (tmp_path / name).write_text('{"step": 0, "global_step/max_steps": "1/9"}\n')
    take_back(tmp_path, 0)
    assert latest_checkpoint(tmp_path) == (None, ())
    assert not list(tmp_path.glob("*.jsonl"))
    assert len(list(tmp_path.glob("*.jsonl.replaced-*"))) == 2


def test_one_wish_to_stop_may_arrive_several_times():
    now = [10.0]
    stop = StopSignals(clock=lambda: now[0])
    stop.on_signal(signal.SIGTERM)
    for later in (10.5, 12.0, 13.9):  # echoes of echoes
        now[0] = later
        stop.on_signal(signal.SIGINT)
    assert stop.received == signal.SIGTERM
    now[0] = 20.0
    stop.on_signal(signal.SIGTERM)
    now[0] = 22.5
    with pytest.raises(KeyboardInterrupt):
        stop.on_signal(signal.SIGINT)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.received == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
