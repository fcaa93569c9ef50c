"""What documents name exists."""

import re
from pathlib import Path

import pytest

from src.config.loader import find_config

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "openspec").rglob("*.md")),
]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_modules_scripts_and_tests_exist(path):
    text = path.read_text(encoding="utf-8")
    for target, _ in LINK.findall(text):
        assert "://" in target or (path.parent / target).exists(), target
    for module in re.findall(
        r"python -m ((?:src|scripts|public_data|data_conversion|benchmarks)[\w.]*)", text
    ):
        base = ROOT / module.replace(".", "/")
        assert base.with_suffix(".py").is_file() or (base / "__main__.py").is_file(), module
    for script in re.findall(r"bash ((?:scripts|data_conversion)/[\w./]+\.sh)", text):
        assert (ROOT / script).is_file(), script
    for test in re.findall(r"`(tests/[\w/]+\.py)`", text):
        assert (ROOT / test).is_file(), test
    for config in re.findall(r"config=(configs/[\w/.]+\.yaml)", text):
        assert find_config(config)


def test_the_readme_shows_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert "bash scripts/train.sh config=configs/quickstart.yaml" in text
    assert "bash scripts/test.sh" in text


def test_every_directory_has_a_document():
    table = (ROOT / "docs" / "README.md").read_text()
    for folder in (
        "configs",
        "data_conversion",
        "public_data",
        "scripts",
        "openspec",
        "benchmarks",
    ):
        assert f"`{folder}" in table or f"`{folder}`" in table, folder
    for path in (ROOT / "docs").rglob("*.md"):
        if path.name != "README.md":
            assert path.relative_to(ROOT / "docs").as_posix() in table, path
