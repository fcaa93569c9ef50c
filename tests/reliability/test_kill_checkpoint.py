"""C4: after kill -9 at any point of a checkpoint save, the newest complete checkpoint is found and loads; torn ones are named.

Faults that it catches: a marker written first, old checkpoints removed before the new one is complete, a manifest that nobody
reads. Transformers' own search takes the torn folder.
"""

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from src.training import checkpoints
from src.training.checkpoints import MARKER, latest_checkpoint, warn_torn


def saves(trainings, recipe, folder: Path, num_operations: int, fault: str | None = None) -> Path:
    config = folder / "run.yaml"
    folder.mkdir(exist_ok=True)
    config.write_text(
        f"extends: {recipe.config}\ntraining: {{output_dir: {folder}/first, max_steps: 1, save_steps: 1, "
        'save_total_limit: 1, dataloader_num_workers: 0, eval_strategy: "no"}\n'
    )
    trainings.call(
        "tests.reliability.killed_saves:main", str(config), str(folder), str(num_operations),
        fault=fault,
    )  # fmt: skip
    return folder


def loads(path: Path) -> bool:
    """Whether everything that a resume reads is there and whole."""
    load_file(path / "model.safetensors")
    for name in ("optimizer.pt", "scheduler.pt"):
        torch.load(path / name, weights_only=True)
    assert (path / "rng_state.pth").stat().st_size > 0
    return json.loads((path / "trainer_state.json").read_text())["global_step"] > 0


def survivors(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Of all points: those after which a good checkpoint is found, the others, and those where transformers' search errs."""
    weights = {
        "checkpoint-1": (folder / "first/checkpoint-1/model.safetensors").read_bytes(),
        "checkpoint-2": (folder / "whole/checkpoint-2/model.safetensors").read_bytes(),
    }
    good, bad, misled = [], [], []
    for result in json.loads((folder / "results.json").read_text()):
        assert result["status"] == -9, result
        newest, torn = latest_checkpoint(Path(result["run_dir"]))
        try:
            assert newest is not None
            assert newest.path.name not in {item.path.name for item in torn}
            assert loads(newest.path)
            assert (newest.path / "model.safetensors").read_bytes() == weights[newest.path.name]
            good.append(result["what"])
        except (AssertionError, OSError, RuntimeError, ValueError, SafetensorError) as error:
            bad.append(f"{result['what']}: {error!r}")
        if result["transformers_picks"] in {item.path.name for item in torn}:
            misled.append(result["what"])
    return good, bad, misled


@pytest.fixture(scope="module")
def killed_saves(trainings, recipe, tmp_path_factory):
    return saves(trainings, recipe, tmp_path_factory.mktemp("saves"), 20)


def test_thirty_kills_leave_a_checkpoint_that_loads(killed_saves, caplog):
    good, bad, misled = survivors(killed_saves)
    print(
        f"C4: {len(good)}/{len(good) + len(bad)} kills; transformers' search took a torn one {len(misled)} times"
    )
    assert bad == []
    assert len(good) == 30
    assert len(misled) >= 20
    # Torn ones are named with the reason.
    dense = logging.getLogger("dense")
    dense.propagate = True
    with caplog.at_level("WARNING"):
        run_dir = next(
            Path(r["run_dir"])
            for r in json.loads((killed_saves / "results.json").read_text())
            if r["what"].startswith("optimizer.pt cut")
        )
        warn_torn(latest_checkpoint(run_dir)[1])
    dense.propagate = False
    assert f"checkpoint-2 is torn and skipped: no {MARKER}" in caplog.text


@pytest.mark.parametrize(
    "fault", ["marker first", pytest.param("rotate first", marks=pytest.mark.full)]
)
def test_the_check_sees_planted_faults(trainings, recipe, tmp_path, fault):
    good, bad, _ = survivors(saves(trainings, recipe, tmp_path / "saves", 6, fault))
    assert len(bad) >= 3
    assert good or fault == "rotate first"


@pytest.mark.parametrize("damage", ["deleted", "shortened", "marker cut", "marker of another step"])
def test_a_damaged_file_makes_a_complete_checkpoint_torn(
    killed_saves, tmp_path, damage, monkeypatch
):
    run_dir = tmp_path / "run"
    shutil.copytree(killed_saves / "whole", run_dir, symlinks=True)
    folder = run_dir / "checkpoint-2"
    path = folder / ("optimizer.pt" if damage in ("deleted", "shortened") else MARKER)
    if damage == "deleted":
        path.unlink()
    elif damage == "marker of another step":
        path.write_text(path.read_text().replace('"step": 2', '"step": 3'))
    else:
        path.write_bytes(path.read_bytes()[:-1000])
    newest, torn = latest_checkpoint(run_dir)
    assert newest is None
    assert [item.path for item in torn] == [folder]
    assert path.name in torn[0].reason
    if damage in ("deleted", "shortened"):
        # The planted fault: a manifest that nobody reads.
        monkeypatch.setattr(checkpoints, "_missing", lambda folder, files: None)
        assert latest_checkpoint(run_dir)[0] is not None
