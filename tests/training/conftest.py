"""The training template of the nano model."""

import pytest

from src.training.torchvision_shim import ensure_torchvision


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
