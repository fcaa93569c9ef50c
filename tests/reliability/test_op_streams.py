"""A7: adding, removing or re-ordering an op leaves every other op's draws unchanged.

Catches: ops that share one generator. Planted: a stream that counts its users.
"""

from __future__ import annotations

import numpy as np

from src.datasets.augmentation import pipeline as module
from src.datasets.augmentation.pipeline import DrawKey
from src.rng import Stream
from tests.augmentation_cases import CASES, pipeline_of, save_bmp, scene_of, textured


def draws(tmp_path, names, row=0):
    path = save_bmp(tmp_path / "a.bmp", textured(np.random.default_rng(0), 96, 96))
    scene = scene_of(path, 96, 96, [("bbox_2d", [20, 20, 60, 60])])
    pipeline = pipeline_of(*names)
    stage = pipeline.curriculum.at(0)
    _, trace = pipeline.plan(96, 96, scene.objects, DrawKey(0, 0, row), stage)
    # Ops that decide by the picture's state may use fewer of their numbers, never other ones.
    return {step.op: dict(step.drawn) for step in trace.steps}


def agree(first, second):
    return all(
        first[op][name] == value
        for op in set(first) & set(second)
        for name, value in second[op].items()
        if name in first[op] and name in ("u", "turn", "factor", "gamma", "sigma", "scale")
    )


def test_other_ops_draws_do_not_change(tmp_path):
    rng = np.random.default_rng(1)
    names = sorted(CASES)
    for row in range(40):
        whole = draws(tmp_path, names, row)
        for _ in range(3):
            some = rng.permutation(names)[: rng.integers(1, len(names))].tolist()
            assert agree(whole, draws(tmp_path, some, row))


def test_rows_and_epochs_draw_differently(tmp_path):
    seen = {str(draws(tmp_path, ["rotate", "hflip"], row)) for row in range(50)}
    assert len(seen) == 50


def test_a_planted_shared_stream_is_seen(tmp_path, monkeypatch):
    shared = Stream(1, "shared")
    monkeypatch.setattr(module, "Stream", lambda *_: shared)
    whole = draws(tmp_path, sorted(CASES))
    assert not agree(whole, draws(tmp_path, ["rotate", "gamma"]))
