import pytest

from src.config import schema
from src.errors import ConfigError, DataError
from src.prepare import prepare


def step(tmp_path, *args, module="public_data.scenes"):
    out = tmp_path / "scenes"
    words = (
        "--out",
        str(out),
        "--num-train",
        "2",
        "--num-val",
        "1",
        "--size",
        "64",
        "--workers",
        "1",
        *args,
    )
    return schema.PrepareStep(module=module, args=words, creates=str(out / "scenes.json"))


def test_a_step_runs_once_and_again_when_it_changes(tmp_path):
    assert prepare(step(tmp_path)) is True
    assert prepare(step(tmp_path)) is False
    assert prepare(step(tmp_path, "--seed", "3")) is True
    (tmp_path / "scenes" / "scenes.json").unlink()
    assert prepare(step(tmp_path, "--seed", "3")) is True


def test_only_the_projects_own_makers_may_run(tmp_path):
    for module in ("os", "http.server", "public_database", "src.sft"):
        with pytest.raises(ConfigError, match="may not run"):
            prepare(step(tmp_path, module=module))


def test_a_failed_step_says_how_to_run_it_alone(tmp_path):
    with pytest.raises(DataError, match="exit code 2") as caught:
        prepare(step(tmp_path, "--min-objects", "9"))
    assert "python -m public_data.scenes" in caught.value.issues[0].remedy
