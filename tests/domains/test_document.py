"""docs/DOMAINS.md tells every key, and its worked example is a pack that does what it says."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from src.domains.__main__ import main
from src.domains.config import DomainPack
from src.domains.loader import load_pack

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "DOMAINS.md").read_text(encoding="utf-8")


def paths(cls, prefix=""):
    """Every key of the schema: `taxonomy.types[].name`."""
    for name, hint in get_type_hints(cls).items():
        if name in {field.name for field in fields(cls)}:
            yield prefix + name
            yield from below(hint, prefix + name)


def below(hint, path):
    if is_dataclass(hint):
        yield from paths(hint, f"{path}.")
    elif get_origin(hint) in (Union, UnionType):
        for inner in get_args(hint):
            yield from below(inner, path)
    elif get_origin(hint) is tuple:
        yield from below(get_args(hint)[0], f"{path}[]")
    else:
        assert get_origin(hint) is not Mapping or not any(map(is_dataclass, get_args(hint)))


def test_every_key_of_the_schema_is_told_and_no_other():
    table = DOCUMENT.split("## Every key")[1].split("## Grammars")[0]
    table = "\n".join(line for line in table.splitlines() if line.startswith("|"))
    told = re.findall(r"`([a-z_]+(?:\[\])?(?:\.[a-z_]+(?:\[\])?)*)`", table)
    known = set(paths(DomainPack))
    assert known - set(told) == set()
    assert {"taxonomy.types[].attributes[].when.answers", "summary.json.groups"} <= known
    mistaken = {path for path in told if "." in path and path not in known}
    assert {path for path in mistaken if path.split(".")[0] in known} == set()


def example(folder):
    """The worked example's files."""
    for name, text in re.findall(r"```yaml\n# (railway/\w+\.yaml)\n(.*?)```", DOCUMENT, re.DOTALL):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "railway"


def test_the_worked_example_writes_what_the_document_shows(tmp_path, capsys):
    folder = example(tmp_path)
    assert load_pack(folder).language == "en"
    assert main(["render", str(folder), "--examples"]) == 0
    shown = DOCUMENT.split("```text\n")[1].split("```")[0]
    assert capsys.readouterr().out == shown
