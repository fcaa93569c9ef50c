"""Text-only micro-batches with a trainable vision tower.

Ranks add up their gradients bucket by bucket, in the order in which backward reaches them. A rank without a picture in its batch
never runs the vision tower, so its buckets never come, and the others wait for ever. (`find_unused_parameters` would excuse
them; HF turns it off with gradient checkpointing, with which it does not work.) ms-swift runs the tower on a dummy picture
under DeepSpeed alone. Here it runs on one of four grey patches whenever a training forward has no picture; what comes out is
multiplied by zero, so that neither loss nor gradient changes: those of the tower are zero instead of absent. This holds for
one rank too, so that an optimizer (weight decay, moments) treats the tower alike whatever the number of ranks.
Cost: one forward and backward of 4 patches for each micro-batch without a picture.
"""

from __future__ import annotations

from typing import Any

import torch
from swift.utils import is_deepspeed_enabled

FRAME_PATCHES = (1, 2, 2)  # frames, rows, columns of patches: one cell


def keep_vision_in_graph(model: Any) -> None:
    """Make `model`, a Qwen3-VL for generation, run its vision tower in every training forward, if any of it is trained."""
    core = model.model
    is_trained = any(parameter.requires_grad for parameter in core.visual.parameters())
    if is_trained and not is_deepspeed_enabled():
        core.register_forward_pre_hook(_add_nothing_of_a_dummy, with_kwargs=True)


def _add_nothing_of_a_dummy(
    core: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    has_pictures = kwargs["pixel_values"] is not None or kwargs["pixel_values_videos"] is not None
    if has_pictures or not (core.training and torch.is_grad_enabled()):
        return None
    embedded = kwargs["inputs_embeds"]
    if embedded is None:
        embedded = core.get_input_embeddings()(kwargs["input_ids"])
    nothing = _dummy_features(core.visual).to(embedded.device, embedded.dtype) * 0.0
    return args, {**kwargs, "input_ids": None, "inputs_embeds": embedded + nothing}


def _dummy_features(visual: Any) -> torch.Tensor:
    """One number that every parameter of the tower has a part in, the deepstack mergers' too."""
    weight = visual.patch_embed.proj.weight
    grid = torch.tensor([FRAME_PATCHES], device=weight.device)
    patches = weight.new_zeros(int(grid.prod()), weight[0].numel())
    seen = visual(patches, grid_thw=grid)
    features = [seen.pooler_output, *seen.deepstack_features]
    return torch.stack([feature.float().mean() for feature in features]).sum()
