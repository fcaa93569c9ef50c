"""docs/data/DATA_JSONL_CONTRACT.md and the code name the same rules, and the document's examples are legal."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from src.contract.records import Source
from src.contract.validate import check_line

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "data" / "DATA_JSONL_CONTRACT.md"


def rules_in_code() -> set[str]:
    """Second argument of every `state.add(...)`, and every `rule=` of the contract and of src/images.py."""
    found = set()
    for path in [*(ROOT / "src" / "contract").glob("*.py"), ROOT / "src" / "images.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            rules = [word.value for word in node.keywords if word.arg == "rule"]
            if (
                isinstance(node.func, ast.Attribute)
                and node.func.attr == "add"
                and len(node.args) > 2
            ):
                rules.append(node.args[1])
            found |= {rule.value for rule in rules if isinstance(rule, ast.Constant)}
    return found


def rules_in_document() -> list[str]:
    """First column of the rules table."""
    section = DOCUMENT.read_text().split("## Rules")[1].split("\n## ")[0]
    return re.findall(r"^\| `([a-z0-9-]+)` \|", section, flags=re.M)


def test_document_and_code_name_the_same_rules() -> None:
    named = rules_in_document()
    assert len(set(named)) == len(named)
    assert set(named) == rules_in_code()


def test_the_examples_of_the_document_are_legal() -> None:
    examples = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), flags=re.S)
    lines = [line for block in examples for line in block.splitlines() if line.strip()]
    assert len(lines) >= 4
    for line in lines:
        assert check_line(line.encode(), Source(file="example.jsonl", line=1)) == ()
