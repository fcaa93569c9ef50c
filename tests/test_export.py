"""`python -m src.export` of a full checkpoint; merging is tested beside the engine, in one load of the model."""

import json

import pytest

from src.export import main
from src.generation.grounding import read_grounding, write_grounding
from src.utils.cli import run
from tests.generation.test_prediction import GROUNDING


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoint-7"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "chat_template.jinja", "merges.txt", "model.safetensors",
                 "optimizer.pt", "rng_state.pth", "trainer_state.json", "complete.json", "args.json",
                 "logging-rank0.json", "training_args.bin"):  # fmt: skip
        (folder / name).write_text(name)
    write_grounding(folder, GROUNDING)
    return folder


def export(checkpoint, out, *words):
    return run(main, ["--model", str(checkpoint), "--out", str(out), *words])


def test_what_loading_needs_and_no_more(checkpoint, tmp_path):
    out = tmp_path / "deep" / "model"
    assert export(checkpoint, out) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "chat_template.jinja", "config.json", "grounding.json", "merges.txt", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    assert read_grounding(out) == GROUNDING
    raw = json.loads((out / "grounding.json").read_text())
    assert raw["builder"]["json_format"] == "qwen"
    assert {"emit_norm"} <= raw["builder"].keys()
    assert {"min_pixels", "max_pixels", "user", "system", "parser_version", "version"} <= raw.keys()
    assert [path.name for path in out.parent.iterdir()] == ["model"]


def test_links_share_the_weights(checkpoint, tmp_path):
    assert export(checkpoint, tmp_path / "model", "--link") == 0
    assert (tmp_path / "model" / "model.safetensors").samefile(checkpoint / "model.safetensors")
    assert not (tmp_path / "model" / "config.json").samefile(checkpoint / "config.json")


def test_a_config_stands_in_for_a_missing_grounding(checkpoint, tmp_path, config_file):
    (checkpoint / "grounding.json").unlink()
    assert export(checkpoint, tmp_path / "a") == 2
    assert export(checkpoint, tmp_path / "a", "--config", str(config_file)) == 0
    assert read_grounding(tmp_path / "a").builder.json_format == "standard"


def test_refusals_leave_nothing_behind(checkpoint, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    assert export(checkpoint, checkpoint) == 2
    assert export(checkpoint, tmp_path / "model", "--dtype", "float16") == 2
    (checkpoint / "model.safetensors").unlink()
    assert export(checkpoint, tmp_path / "model") == 1
    assert "has no weights" in capsys.readouterr().err
    (checkpoint / "config.json").unlink()
    assert export(checkpoint, tmp_path / "model") == 1
    assert sorted(tmp_path.iterdir()) == before
