"""House rules that a reader would otherwise have to check by eye."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "scripts", "public_data", "data_conversion", "vis_tools", "benchmarks")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
MAX_LINES = 400
MAX_FUNCTION = 70


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_test_files_have_one_subject():
    sizes = {path: len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py")}
    assert {path.name: size for path, size in sizes.items() if size > MAX_LINES} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_has_one_subject_and_functions_fit_a_screen(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= MAX_FUNCTION, node.name


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_handler_swallows_everything(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            names = (
                {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
                if node.type
                else {"bare"}
            )
            if names & {"Exception", "BaseException", "bare"}:
                assert any(isinstance(inner, ast.Raise) for inner in ast.walk(node)), path


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_printing_is_for_command_lines(path):
    tree = tree_of(path)
    is_command = "__name__" in path.read_text()
    prints = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "print"
    ]
    assert is_command or not prints


def test_code_and_documents_name_no_machine_and_speak_english():
    # Vocabulary of domains lives in configs/domains/.
    paths = [
        *FILES,
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "scripts").rglob("*.sh"),
    ]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.])/(work|home|root)/", text), path
        if path.suffix == ".py":
            assert not re.search(r"[\u4e00-\u9fff]", text), path
