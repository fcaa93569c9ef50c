"""The lock pins what is installed and covers what pyproject asks for."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements" / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_pins_what_pyproject_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = pins()
    for line in project["dependencies"] + project["optional-dependencies"]["dev"]:
        requirement = Requirement(line)
        assert requirement.specifier.contains(locked[normal(requirement.name)]), line
    assert (locked["torch"], locked["torchvision"], locked["ms-swift"]) == (
        "2.13.0",
        "0.28.0",
        "4.6.0",
    )


def test_the_lock_names_no_place():
    text = (ROOT / "requirements" / "constraints.txt").read_text()
    assert "://" not in text
    assert "--" not in text


def test_what_is_imported_directly_is_installed_as_locked():
    locked = pins()
    for name in ("ms-swift", "transformers", "pydantic", "numpy", "shapely", "orjson"):
        assert importlib.metadata.version(name).split("+")[0] == locked[name]
