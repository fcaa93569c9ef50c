"""Real trainings, and the training template of the nano model."""

from pathlib import Path

import pytest

from src.training.torchvision_shim import ensure_torchvision
from tests.forked_training import wait_for_all


@pytest.fixture
def train(trainings):
    """`train(config, run_dir, *overrides, ranks=1)`: run `src.sft` to its end on gloo ranks; the run folder."""

    def run(config: Path, run_dir: Path, *overrides: str, ranks: int = 1) -> Path:
        words = [w for o in (f"training.output_dir={run_dir}", *overrides) for w in ("--set", o)]
        wait_for_all(trainings.start_ranks(ranks, config, *words))
        return run_dir

    return run


@pytest.fixture(scope="module")
def template(nano_model):
    import torch

    ensure_torchvision()
    from swift.model import get_model_processor
    from swift.template import get_template

    from src.training.ms_swift.template import fit_token_ids

    _, processor = get_model_processor(
        str(nano_model), torch_dtype=torch.float32, model_type="qwen3_vl", load_model=False
    )
    made = get_template(processor, truncation_strategy="raise")
    made.set_mode("train")
    fit_token_ids(made)
    return made
