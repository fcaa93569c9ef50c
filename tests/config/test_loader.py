import json
import subprocess
import sys
import time

import pytest

from src.config.loader import (
    ROOT,
    dump_config,
    effective_batch_size,
    find_config,
    gradient_accumulation,
    load_config,
)
from src.errors import ConfigError

BASE = """\
model: {model: m}
training: {output_dir: runs/x, effective_batch_size: 16, per_device_train_batch_size: 4}
custom: {train_jsonl: t.jsonl, emit_norm: norm1000, json_format: qwen}
"""
SHIPPED = sorted(
    path
    for path in (ROOT / "configs").rglob("*.yaml")
    if not {"domains", "base", "fusion"} & set(path.relative_to(ROOT / "configs").parts)
)


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.yaml"
    path.write_text(BASE)
    return path


def issue_of(path, *overrides):
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    assert len(caught.value.issues) == 1, caught.value
    return caught.value.issues[0]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_config_loads_and_survives_a_dump(path, tmp_path):
    config = load_config(path).config
    again = tmp_path / "dumped.yaml"
    again.write_text(dump_config(config))
    assert load_config(again).config == config


def test_validate_takes_at_most_two_seconds_and_no_torch():
    code = (
        "import sys; from src.config.__main__ import main; "
        f"assert main(['validate', *{[str(p) for p in SHIPPED]!r}]) == 0; "
        "assert not {'torch', 'transformers', 'swift'} & set(sys.modules)"
    )
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    assert time.perf_counter() - begun < 2 * len(SHIPPED)


@pytest.mark.parametrize(
    ("override", "path", "remedy"),
    [
        ("training.learning_rte=1", "training.learning_rte", "learning_rate"),
        ("custom.learning_rate=1", "custom.learning_rate", "training.learning_rate"),
        ("packing=true", "packing", "padded"),
        ("training.train_type=lora", "training.train_type", "tuner.tuner_type"),
        ("custom.hard_sample_mining=true", "custom.hard_sample_mining", "weight data sets"),
        ("template.packing=true", "template.packing", "padded"),
        ("data.dataset=x", "data.dataset", "custom.train_jsonl"),
        ("custom.emit_norm=norm10", "custom.emit_norm", "norm100"),
        ('custom.use_summary="false"', "custom.use_summary", "quotes"),
        ('training.bf16="true"', "training.bf16", "quotes"),
        ("template.truncation_strategy=right", "template.truncation_strategy", "on_over_long"),
        ("custom.fusion_config=f.yaml", "custom.fusion_config", "train_jsonl"),
        ("custom.augmentation.enabled=true", "custom.augmentation.ops", "enabled: false"),
        ("data.data_seed=5", "data.data_seed", "remove"),
        (
            "training.gradient_accumulation_steps=2",
            "training.gradient_accumulation_steps",
            "one of the two",
        ),
        (
            "training.effective_batch_size=15",
            "training.effective_batch_size",
            "effective_batch_size",
        ),
        ("custom.assistant_prefix_format=hello", "custom.assistant_prefix_format", ""),
        (
            "training.dataloader_multiprocessing_context=spawn",
            "training.dataloader_multiprocessing_context",
            "remove",
        ),
        ("custom.train_jsonl=null", "custom.train_jsonl", "JSONL"),
    ],
)
def test_mistakes_are_named_with_the_next_step(base, override, path, remedy):
    issue = issue_of(base, override)
    assert issue.path == path
    assert remedy in issue.remedy


def test_a_length_that_contradicts_is_refused(base):
    with pytest.raises(ConfigError, match="contradicts global_max_length"):
        load_config(base, ["global_max_length=100", "template.max_length=200"])


def test_overrides_follow_the_same_scalar_rules(base):
    config = load_config(
        base,
        ["training.learning_rate=1e-5", "custom.image_roots=[a, b]", "custom.sample_limit=null"],
    ).config
    assert config.training["learning_rate"] == 1e-5
    assert config.custom.image_roots == ("a", "b")


def test_an_unnumbered_world_divides_or_is_an_error(base):
    config = load_config(base).config
    assert [gradient_accumulation(config, n) for n in (1, 2, 4)] == [4, 2, 1]
    assert effective_batch_size(config, 2) == 16
    with pytest.raises(ConfigError, match="does not divide") as caught:
        gradient_accumulation(config, 3)
    assert "12 or 24" in caught.value.issues[0].expected


def test_a_config_is_found_by_bare_name_and_missed_with_a_suggestion():
    assert find_config("quickstart") == ROOT / "configs" / "quickstart.yaml"
    with pytest.raises(ConfigError, match="did you mean quickstart"):
        find_config("quikstart")


def run_cli(*words):
    return subprocess.run(
        [sys.executable, "-m", "src.config", *words], cwd=ROOT, capture_output=True, text=True
    )


def test_show_names_the_origin_of_each_value():
    shown = run_cli("show", "quickstart", "--set", "custom.seed=4")
    assert shown.returncode == 0
    assert 'training.lr_scheduler_type: "cosine"  # configs/base/tiny.yaml:' in shown.stdout
    assert "custom.seed: 4  # --set custom.seed=4" in shown.stdout
    assert 'custom.on_over_long: "fail"  # default' in shown.stdout


def test_diff_and_validate_tell_by_exit_code():
    assert run_cli("diff", "quickstart", "quickstart").returncode == 0
    differing = run_cli("diff", "quickstart", "examples/bccd_tiny")
    assert differing.returncode == 1
    assert 'custom.emit_norm: "norm100" -> "norm1000"' in differing.stdout
    wrong = run_cli("validate", "quickstart", "--set", "custom.sede=4", "--json")
    assert wrong.returncode == 1
    assert json.loads(wrong.stdout)["issues"][0]["remedy"] == "did you mean seed?"
    assert run_cli("validat", "quickstart").returncode == 2


def test_the_reference_is_up_to_date():
    from src.config.reference import render_reference

    assert (ROOT / "docs" / "training" / "REFERENCE.md").read_text() == render_reference()


def test_null_takes_back_what_an_extended_file_says(base, tmp_path):
    from src.config.passthrough import normalised

    above = tmp_path / "above.yaml"
    above.write_text(
        "extends: base.yaml\ntraining: {per_device_train_batch_size: null, save_total_limit: null}\n"
    )
    training = load_config(above).config.training
    assert training["per_device_train_batch_size"] is None
    # ms-swift knows a null of the limit, and none of the batch size: that one is left to its default.
    taken = normalised(training)
    assert "per_device_train_batch_size" not in taken
    assert taken["save_total_limit"] is None
