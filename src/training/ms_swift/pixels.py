"""The way of pixels from a worker to the device: uint8 patches of one frame, restored to the processor's values there.

Hugging Face's Qwen image processor hands over float32, each picture twice (a still is two equal frames): 6,144 bytes a patch.
What it computes from a byte is one subtraction and one division, so the byte can travel instead: 768 bytes a patch.

ms-swift also deep-copies a row's pictures twice, converts, "resizes" to the same size and copies them again. A `ReadyPicture`
passes through all of that as itself. Encoding 1024x768 with 20 objects costs about 1 ms against 17 (`python -m
benchmarks.pixel_path`); cutting the patches is 0.2 ms of it, and `src.training.ms_swift.encoding` does the rest.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from swift.template.templates.qwen import Qwen3VLTemplate

from src.datasets.scene import Pixels
from src.errors import ConfigError
from src.training.ms_swift.encoding import FrameEncoder
from src.training.ms_swift.template import SwiftEncoder

PATCH = 16
CHANNELS = 3
ROW = np.dtype(f"V{PATCH * CHANNELS}")  # one row of a patch: moved as one element


class ReadyPicture:
    """Pixels that are on the grid, RGB uint8 (H, W, 3), with the face of a PIL image that ms-swift looks at.

    Its copies are itself: nothing in the template writes into a picture.
    """

    mode = "RGB"

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class PatchLayout:
    """Stands in for the image processor in a training template: lays pixels out, computes nothing.

    The order of patches is the processor's: blocks of merge_size x merge_size, row by row. Inside a patch bytes stay in the
    picture's order (row, column, channel), so that whole rows are copied; `PixelRestorer` moves the channels to the front.
    """

    patch_size: int
    merge_size: int
    temporal_patch_size: int

    def __call__(
        self, images: Sequence[ReadyPicture], return_tensors: str, do_resize: bool
    ) -> dict[str, torch.Tensor]:
        """`pixel_values` uint8 (patches, 16 * 16 * 3) and `image_grid_thw` int64 (images, 3)."""
        assert return_tensors == "pt"
        assert not do_resize
        patches = [self.patches(image.pixels) for image in images]
        grids = [(1, image.height // PATCH, image.width // PATCH) for image in images]
        whole = patches[0] if len(patches) == 1 else np.concatenate(patches)
        return {
            "pixel_values": torch.from_numpy(whole),
            "image_grid_thw": torch.tensor(grids, dtype=torch.long),
        }

    def patches(self, pixels: Pixels) -> Pixels:
        """(H, W, 3) uint8 on the grid -> (patches, 768) uint8, a copy."""
        height, width, channels = pixels.shape
        cell = PATCH * self.merge_size
        assert self.patch_size == PATCH
        assert channels == CHANNELS
        assert pixels.dtype == np.uint8
        assert height % cell == width % cell == 0, (height, width)
        merge = self.merge_size
        rows = np.ascontiguousarray(pixels).reshape(height, -1).view(ROW)
        blocks = rows.reshape(height // cell, merge, PATCH, width // cell, merge)
        # copy() with order "C": the default keeps the order of a transposed array's memory.
        ordered = blocks.transpose(0, 3, 1, 4, 2).copy(order="C")
        return ordered.view(np.uint8).reshape(-1, PATCH * PATCH * CHANNELS)


@dataclass(frozen=True, slots=True)
class PixelRestorer:
    """Turns what `PatchLayout` made into the processor's `pixel_values`, on whatever device it lies."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    rescale_factor: float
    temporal_patch_size: int

    def __call__(self, patches: torch.Tensor) -> torch.Tensor:
        """uint8 (patches, 768) -> float32 (patches, 3 * frames * 256), (v * rescale - mean) / std per channel."""
        count = patches.shape[0]
        pixels = patches.view(count, PATCH * PATCH, CHANNELS).transpose(1, 2).contiguous()
        values = pixels.view(count, CHANNELS, 1, PATCH * PATCH).to(torch.float32)
        # As the processor fuses it, in its own order of operations: equal to the bit.
        shape = (1, CHANNELS, 1, 1)
        fused = 1.0 / self.rescale_factor
        mean = torch.tensor(self.mean, device=patches.device).view(shape) * fused
        std = torch.tensor(self.std, device=patches.device).view(shape) * fused
        values = values.sub_(mean).div_(std)
        frames = values.expand(count, CHANNELS, self.temporal_patch_size, PATCH * PATCH)
        return frames.reshape(count, -1)


def restorer_of(image_processor: Any) -> PixelRestorer:
    """The inverse of the layout for a processor's constants."""
    return PixelRestorer(
        mean=tuple(image_processor.image_mean),
        std=tuple(image_processor.image_std),
        rescale_factor=image_processor.rescale_factor,
        temporal_patch_size=image_processor.temporal_patch_size,
    )


class ReadyPictureTemplate(Qwen3VLTemplate):
    """The stock template without `fetch_image`, which would resize what is off the grid and copy what is on it."""

    def replace_tag(self, media_type: str, index: int, inputs: Any) -> list[Any]:
        assert media_type == "image"
        assert isinstance(inputs.images[index], ReadyPicture)
        return ["<|vision_start|><|image_pad|><|vision_end|>"]


def fast_encoder(template: Any) -> FrameEncoder:
    """The encoder over a copy of the template that lays pixels out as bytes; the original stays as it is.

    Generation engines and DeepSpeed's dummy image share the processor, so it is never changed in place. `ConfigError` when
    template or processor are not those that this path reproduces.
    """
    stock = template.processor.image_processor
    normalises = stock.do_rescale and stock.do_normalize
    if type(template) is not Qwen3VLTemplate or not normalises:
        raise ConfigError.say(
            "the fast pixel path is for Qwen3-VL's chat template and an image processor that normalises",
            path="custom.pixel_path",
            got=type(template).__name__,
            remedy="set custom.pixel_path: stock",
        )
    changed = copy.copy(template)
    changed.__class__ = ReadyPictureTemplate
    changed.max_pixels = None  # the run's budget has kept to it
    changed.processor = copy.copy(template.processor)
    changed.processor.image_processor = PatchLayout(
        stock.patch_size, stock.merge_size, stock.temporal_patch_size
    )
    return FrameEncoder(SwiftEncoder(changed, picture=ReadyPicture))
