"""Augmentation sections of configs: every problem at its place, warnings for orders that are rarely meant, true documents."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from src.config.loader import load_config
from src.datasets.augmentation.builder import augmentation_issues, order_warnings
from src.datasets.augmentation.config import AugmentationConfig, OpName, OpSpec, Phase
from src.datasets.augmentation.ops.registry import OPS
from src.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "data" / "DATA_AUGMENTATION.md"


def issues_of(tmp_path, block: str) -> list:
    path = tmp_path / "run.yaml"
    indented = "\n".join("    " + line for line in block.strip().splitlines())
    path.write_text(
        "model: {model: x}\ncustom:\n  train_jsonl: a.jsonl\n  emit_norm: none\n"
        f"  json_format: qwen\n  augmentation:\n{indented}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return list(caught.value.issues)


@pytest.mark.parametrize(
    ("block", "path", "line", "text"),
    [
        ("enabled: true\nops: [{name: rotat}]", "ops[0].name", 8, "rotate"),
        ("ops:\n  - name: rotate\n    params: {max_degres: 5}", "ops[0].params.max_degres", 9, "max_degrees"),
        ("ops:\n  - {name: hflip, params: {prob: 1.5}}", "ops[0].params.prob", 8, "less than or equal"),
        ("ops:\n  - {name: hflip, params: {prob: yes}}", "ops[0].params.prob", 8, ""),
        ("ops:\n  - {name: scale, params: {lo: 2, hi: 1}}", "ops[0].params.lo", 8, "above"),
        ("ops:\n  - {name: hflip}\n  - {name: hflip}", "ops[1].name", 9, "once"),
        ("enabled: true", "ops", 6, "without an op"),
        ("min_visible: 2", "min_visible", 7, "0..1"),
        ("ops: [{name: hflip}]\ncurriculum: [{bypass_prob: 0}]", "curriculum[0]", 8, "either"),
        (
            "ops: [{name: hflip}]\ncurriculum: [{until_step: 5}, {until_percent: 9}]",
            "curriculum", 8, "mix",
        ),
        (
            "ops: [{name: hflip}]\ncurriculum: [{until_step: 5}, {until_step: 4}]",
            "curriculum[1]", 8, "one after another",
        ),
        (
            "ops: [{name: hflip}]\ncurriculum: [{until_step: 5, ops: {hflp: {prob: 1}}}]",
            "curriculum[0].ops.hflp", 8, "hflip",
        ),
        (
            "ops: [{name: rotate}]\ncurriculum: [{until_step: 5, ops: {rotate: {expand: true}}}]",
            "curriculum[0].ops.rotate.expand", 8, "cannot change",
        ),
        (
            "ops: [{name: rotate}]\ncurriculum: [{until_step: 5, ops: {rotate: {prob: 7}}}]",
            "curriculum[0].ops.rotate.prob", 8, "less than",
        ),
    ],
)  # fmt: skip
def test_a_wrong_section_is_told_with_its_place(tmp_path, block, path, line, text):
    issues = issues_of(tmp_path, block)
    found = [issue for issue in issues if issue.path == f"custom.augmentation.{path}"]
    assert found, [issue.path for issue in issues]
    assert f"run.yaml:{line}:" in found[0].where
    assert text in str(found[0].message) + str(found[0].remedy)


def test_all_problems_come_at_once(tmp_path):
    issues = issues_of(
        tmp_path,
        "bypass_prob: 3\nops:\n  - {name: rotate, params: {max_degrees: -1}}\n"
        "  - {name: blur, params: {sigma: [3, 1]}}",
    )
    assert len(issues) == 3


def test_names_in_the_config_type_are_the_registrys():
    assert set(get_args(OpName)) == set(OPS)


def test_curricula_may_change_declared_numbers_only():
    for name, cls in OPS.items():
        assert set(cls.numeric) <= {field.name for field in fields(cls)}, name
    good = AugmentationConfig(
        ops=(OpSpec(name="hflip"),), curriculum=(Phase(until_step=3, ops={"hflip": {"prob": 1}}),)
    )
    assert augmentation_issues(good) == []


def warnings_of(*names):
    return order_warnings(AugmentationConfig(ops=tuple(OpSpec(name=name) for name in names)))


def test_orders_that_lose_corners_or_the_grid_are_warned_about():
    assert "corners" in warnings_of("rotate", "random_crop", "expand_to_fit_affine")[0]
    assert "over the border" in warnings_of("expand_to_fit_affine", "rotate")[0]
    assert "grid" in warnings_of("pad_to_multiple", "random_crop")[0]
    assert (
        warnings_of("hflip", "rotate", "expand_to_fit_affine", "random_crop", "pad_to_multiple")
        == []
    )


def test_the_document_names_every_op_and_parameter_with_its_default():
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, cls in OPS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        for field in fields(cls):
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            assert f"`{field.name}` {str(default).lower()}" in row, (name, field.name)
