"""B5: nothing that is read can run code.

Faults that it catches: `yaml.load`, `pickle`, a bare `torch.load`, `eval` of a config value.
"""

import ast
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from src.config.loader import load_config
from src.contract.predictions import read_predictions
from src.contract.records import Source
from src.contract.validate import check_line
from src.errors import ConfigError, ProjectError
from src.generation.grounding import read_grounding
from src.images import load_rgb
from src.training.torchvision_shim import ensure_torchvision

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "scripts", "public_data", "data_conversion", "vis_tools", "benchmarks")
FORBIDDEN = {
    "eval",
    "exec",
    "pickle.load",
    "pickle.loads",
    "yaml.load",
    "yaml.unsafe_load",
    "torch.load",
    "marshal.loads",
    "shelve.open",
    "joblib.load",
    "dill.load",
    "os.system",
}


class Canary:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def calls(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            weights_only = any(
                k.arg == "weights_only"
                and isinstance(k.value, ast.Constant)
                and k.value.value is True
                for k in node.keywords
            )
            name = ast.unparse(node.func)
            if not (name == "torch.load" and weights_only):
                names.append(name)
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [a.name for a in node.names] if isinstance(node, ast.Import) else [str(node.module)]
            )
            names += [
                f"import {m}"
                for m in modules
                if m in ("pickle", "dill", "marshal", "shelve", "joblib")
            ]
    return names


def test_no_code_of_the_tree_can_run_what_it_reads():
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 60
    for path in files:
        bad = [name for name in calls(path) if name in FORBIDDEN or name.startswith("import ")]
        assert bad == [], path


@pytest.mark.parametrize("text", ["import pickle", "eval('1')", "torch.load(x)", "yaml.load(x)"])
def test_the_check_sees_each_planted_call(tmp_path, text):
    path = tmp_path / "planted.py"
    path.write_text(text)
    assert any(name in FORBIDDEN or name.startswith("import ") for name in calls(path))


def test_the_canary_works(tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(Canary(canary)))
    assert canary.exists()


def test_a_checkpoint_that_brings_code_does_not_run_it(tmp_path, nano_model):
    folder = tmp_path / "evil"
    shutil.copytree(nano_model, folder)
    canary = tmp_path / "canary"
    (folder / "evil.py").write_text(
        f"import pathlib\npathlib.Path({str(canary)!r}).touch()\n"
        "from transformers import Qwen3VLConfig as EvilConfig\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.EvilConfig"}
    (folder / "config.json").write_text(json.dumps(config))
    ensure_torchvision()
    from src.training.ms_swift.engine import load_engine

    load_engine(folder)
    assert not canary.exists()


def test_hostile_files_never_wake_the_canary(tmp_path):
    canary = tmp_path / "canary"
    hostile = pickle.dumps(Canary(canary))
    torch.save(Canary(canary), tmp_path / "weights.pt")
    tag = f"a: !!python/object/apply:pathlib.Path.touch [{canary}]\n"
    for name, data in (
        ("c.yaml", tag.encode()),
        ("p.jsonl", hostile),
        ("i.png", hostile),
        ("grounding.json", hostile),
    ):
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "c.yaml")
    with pytest.raises(ProjectError):
        list(read_predictions(tmp_path / "p.jsonl"))
    with pytest.raises(ProjectError):
        load_rgb(tmp_path / "i.png")
    with pytest.raises(ProjectError):
        read_grounding(tmp_path)
    assert check_line(hostile, Source(file="x", line=1))
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "weights.pt", weights_only=True)
    assert not canary.exists()
