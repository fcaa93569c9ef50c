"""The shell launchers: words, environment, dry runs, exit codes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bash(
    script: str, *words: str, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess:
    clean = {
        k: v
        for k, v in os.environ.items()
        if k not in ("config", "gpus", "nproc", "resume", "debug", "dry_run")
    }
    return subprocess.run(
        ["bash", str(ROOT / script), *words],
        cwd=cwd, env={**clean, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "script",
    [
        "scripts/setup.sh",
        "scripts/train.sh",
        "scripts/test.sh",
        "scripts/lint.sh",
        "data_conversion/convert_dataset.sh",
        "data_conversion/export_dataset.sh",
        "scripts/merge_stage2_lora.sh",
    ],
)
def test_every_launcher_explains_itself(script):
    done = bash(script, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: bash")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["confg=x"], "did you mean config=?"),
        (["config=x", "gpu=0"], "did you mean gpus=?"),
        (["config=x", "gpus=a"], "gpus must be cpu or numbers"),
        (["config=x", "gpus=cpu", "nproc=0"], "nproc must be a positive number"),
        (["config=x", "gpus=0,1", "nproc=2"], "one process a GPU"),
        (["config=x", "dry_run=maybe"], "must be true or false"),
        (["quickstart"], "not a key=value word"),
        ([], "which config?"),
    ],
)
def test_wrong_words_are_wrong_usage_with_a_suggestion(words, message):
    done = bash("scripts/train.sh", *words)
    assert done.returncode == 2
    assert message in done.stderr


def test_words_with_spaces_and_code_stay_words(tmp_path):
    config = tmp_path / "my run.yaml"
    config.write_text("x: 1\n")
    canary = tmp_path / "canary"
    done = bash(
        "scripts/train.sh", f"config={config}", "gpus=cpu", "dry_run=1",
        "set=training.output_dir=runs/a b", f"set=prompts.user=$(touch {canary}); `touch {canary}`",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert "my\\ run.yaml" in lines[2]
    assert "training.output_dir=runs/a\\ b" in lines[2]
    assert not canary.exists()


def test_names_come_from_the_environment_and_words_win():
    done = bash(
        "scripts/train.sh", "nproc=2", config="quickstart", gpus="cpu", nproc="4", dry_run="1"
    )
    assert "--nproc_per_node 2" in done.stdout
    assert "--config quickstart" in done.stdout


@pytest.mark.parametrize(("gpus", "launched"), [("0", False), ("0,1", True), ("cpu", False)])
def test_more_than_one_device_runs_torchrun(gpus, launched):
    done = bash("scripts/train.sh", "config=quickstart", f"gpus={gpus}", "dry_run=1")
    assert ("torch.distributed.run" in done.stdout) is launched
    assert "src.config validate quickstart" in done.stdout


def test_a_run_is_resumed_by_a_word(tmp_path):
    (tmp_path / "my run").mkdir()
    words = ("config=quickstart", "gpus=cpu", "dry_run=1")
    auto = bash("scripts/train.sh", *words, "resume=auto")
    named = bash("scripts/train.sh", *words, "resume=my run", "debug=1", cwd=tmp_path)
    from_environment = bash("scripts/train.sh", *words, resume="auto")
    assert auto.stdout.splitlines()[2].endswith("--config quickstart --resume auto ")
    assert "/my\\ run --debug" in named.stdout
    assert str(tmp_path) in named.stdout
    assert from_environment.stdout == auto.stdout
    assert "--resume" not in bash("scripts/train.sh", *words).stdout
    assert "did you mean resume=?" in bash("scripts/train.sh", *words, "resum=auto").stderr


def test_a_broken_config_ends_with_its_error_before_anything_heavy(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        "model: {model: x}\ncustom: {emit_norm: norm1000, json_format: qwn, train_jsonl: t}\n"
    )
    done = bash("scripts/train.sh", f"config={path}", "gpus=cpu")
    assert done.returncode == 1
    assert "did you mean qwen?" in done.stderr
    assert "Traceback" not in done.stderr


def test_setup_is_a_quick_no_op_where_everything_fits():
    first, again = bash("scripts/setup.sh"), bash("scripts/setup.sh", "dev=true")
    assert first.returncode == again.returncode == 0
    assert Path(first.stdout.strip()).name.startswith("python")
    assert "installing" not in again.stderr
    assert bash("scripts/setup.sh", "env=conda").returncode == 2
    assert "did you mean env=?" in bash("scripts/setup.sh", "en=venv").stderr


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("user", ["0", "1000"])
def test_setup_brings_the_browser_or_says_how(tmp_path, user):
    """A machine without Chromium, as root and as somebody else; apt-get is a stand-in that makes what it is asked for."""
    for name in ("bash", "dirname", "chmod", "touch"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    program(tmp_path, "id", f"echo {user}")
    makes = f"touch {tmp_path}/chromium {tmp_path}/chromedriver; chmod +x {tmp_path}/chrom*"
    program(
        tmp_path,
        "apt-get",
        f'echo "$@" >> {tmp_path}/asked; case "$*" in *install*) {makes};; esac',
    )
    where = {"PATH": str(tmp_path), "VIRTUAL_ENV": sys.prefix}
    done = bash("scripts/setup.sh", "dev=true", **where)
    assert done.returncode == 0, done.stderr
    asked = tmp_path / "asked"
    if user == "0":
        assert asked.read_text().splitlines()[1].endswith("chromium chromium-driver")
        asked.unlink()
        assert "browser" not in bash("scripts/setup.sh", "dev=true", **where).stderr
    else:
        assert "apt-get install chromium chromium-driver" in done.stderr
    assert not asked.exists()


def test_conversion_asks_for_what_is_missing():
    done = bash("data_conversion/convert_dataset.sh", "input=x", "format=voc")
    assert done.returncode == 2
    assert "output= is missing" in done.stderr
    assert "did you mean output=?" in bash("data_conversion/convert_dataset.sh", "outptu=x").stderr


def test_merging_passes_its_paths_on(tmp_path):
    words = (
        "adapter=my adapter",
        "out=/x/out",
        "base=b",
        "config=quickstart",
        "dtype=float16",
        "dry_run=1",
    )
    done = bash("scripts/merge_stage2_lora.sh", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    here = str(tmp_path)
    assert done.stdout.split() == [
        "python", "-m", "src.export", "--model", f"{here}/my\\", "adapter", "--out", "/x/out",
        "--base", f"{here}/b", "--config", "quickstart", "--dtype", "float16",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [([], 2, "which adapter?"), (["adapter=a"], 2, "where to?"), (["adapter=a", "out=b"], 1, "no adapter folder"),
     (["adaptor=a"], 2, "did you mean adapter=?")],
)  # fmt: skip
def test_merging_refuses_what_it_cannot_do(words, code, message):
    done = bash("scripts/merge_stage2_lora.sh", *words)
    assert done.returncode == code
    assert message in done.stderr
