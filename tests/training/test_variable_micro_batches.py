"""One global batch cut into micro-batches of different sizes gives one gradient.

Faults that it catches: a loss averaged over micro-batches instead of tokens (an uneven cut weighs tokens unevenly), a loop
that takes another number of micro-batches than gradient_accumulation_steps, ranks averaged by samples.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

CUTS = {1: ("4+4", "3+5", "1+7"), 2: ("2+2+2+2", "3+2+1+2", "1+1+5+1")}


def gradients(trainings, config_file, out, ranks: int, cuts: tuple[str, ...]) -> list[np.ndarray]:
    text = config_file.read_text()
    changed = (
        text.replace("effective_batch_size: 16", "effective_batch_size: 8")
        .replace("per_device_train_batch_size: 4", f"per_device_train_batch_size: {4 // ranks}")
        .replace("max_steps: 4", f"max_steps: {len(cuts)}\n  max_grad_norm: 0\n  learning_rate: 0.0")
    )  # fmt: skip
    path = config_file.with_name(f"probe{ranks}.yaml")
    path.write_text(changed)
    trainings.call_ranks(ranks, "tests.training.gradient_probe:main", str(path), str(out), *cuts)
    return [np.load(f"{out}-{step}.npy") for step in range(len(cuts))]


def distance(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.linalg.norm(one - two) / np.linalg.norm(one))


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_cut_does_not_change_the_gradient(trainings, config_file, tmp_path, ranks):
    found = gradients(trainings, config_file, tmp_path / f"grad{ranks}", ranks, CUTS[ranks])
    for other in found[1:]:
        assert distance(found[0], other) <= 1e-5
    # Another set of tokens is far away, so the distance can tell.
    assert np.linalg.norm(found[0]) > 0.1
    metrics = [
        json.loads(line) for line in (tmp_path / "runs" / "metrics.jsonl").read_text().splitlines()
    ]
    losses = [entry["loss"] for entry in metrics if "loss" in entry]
    assert losses == pytest.approx([losses[0]] * len(CUTS[ranks]), abs=1e-5)


def test_a_mean_of_means_would_be_seen():
    """The planted fault: what averaging micro-batches gives for the cuts above, on invented token counts and sums."""
    rng = np.random.default_rng(0)
    counts = rng.integers(5, 60, 8)
    sums = rng.normal(size=(8, 100)) * counts[:, None]
    by_tokens, by_means = [], []
    for cut in CUTS[1]:
        ends = np.cumsum([int(n) for n in cut.split("+")])
        parts = [slice(e - int(n), e) for n, e in zip(cut.split("+"), ends, strict=True)]
        by_tokens.append(sum(sums[p].sum(axis=0) for p in parts) / counts.sum())
        by_means.append(np.mean([sums[p].sum(axis=0) / counts[p].sum() for p in parts], axis=0))
    assert max(distance(by_tokens[0], other) for other in by_tokens[1:]) <= 1e-12
    assert min(distance(by_means[0], other) for other in by_means[1:]) > 1e-2
