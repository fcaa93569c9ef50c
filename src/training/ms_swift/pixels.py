"""The way of pixels from a worker to the device: uint8 patches of one frame, restored to the processor's values there.

Hugging Face's Qwen image processor hands over float32, each picture twice (a still is two equal frames): 6,144 bytes a patch.
What it computes from a byte is one subtraction and one division, so the byte can travel instead: 768 bytes a patch, and about
1 ms of worker time for 1024x768 instead of 15.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from src.utils.opencv import cv2

WORD = np.complex128  # sixteen bytes, one row of a patch: moved as one element
PATCH = 16
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class PatchLayout:
    """Stands in for the image processor in a training template: lays pixels out, computes nothing.

    The order of patches is the processor's: blocks of merge_size x merge_size, row by row.
    """

    patch_size: int
    merge_size: int
    temporal_patch_size: int

    def __call__(
        self, images: Sequence[Image.Image], return_tensors: str, do_resize: bool
    ) -> dict[str, torch.Tensor]:
        """`pixel_values` uint8 (patches, 3 * 16 * 16) and `image_grid_thw` int64 (images, 3)."""
        assert return_tensors == "pt"
        assert not do_resize
        patches, grids = [], []
        for image in images:
            pixels = np.asarray(image)
            patches.append(self.patches(pixels))
            grids.append((1, pixels.shape[0] // PATCH, pixels.shape[1] // PATCH))
        return {
            "pixel_values": torch.from_numpy(np.concatenate(patches)),
            "image_grid_thw": torch.tensor(grids, dtype=torch.long),
        }

    def patches(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 on the grid -> (patches, 768) uint8."""
        height, width, channels = pixels.shape
        cell = PATCH * self.merge_size
        assert self.patch_size == PATCH
        assert channels == CHANNELS
        assert pixels.dtype == np.uint8
        assert height % cell == width % cell == 0, (height, width)
        planes = np.empty((CHANNELS, height, width), dtype=np.uint8)
        cv2.split(pixels, list(planes))
        merge = self.merge_size
        words = planes.view(WORD).reshape(
            CHANNELS, height // cell, merge, PATCH, width // cell, merge
        )
        ordered = np.ascontiguousarray(words.transpose(1, 4, 2, 5, 0, 3))
        return ordered.view(np.uint8).reshape(-1, CHANNELS * PATCH * PATCH)


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
        values = patches.view(count, CHANNELS, 1, PATCH * PATCH).to(torch.float32)
        # As the processor fuses it: (v - mean / rescale) / (std / rescale).
        shape = (1, CHANNELS, 1, 1)
        mean = torch.tensor(self.mean, device=patches.device).view(shape) / self.rescale_factor
        std = torch.tensor(self.std, device=patches.device).view(shape) / self.rescale_factor
        values = (values - mean) / std
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


def with_patch_layout(template: Any) -> Any:
    """A copy of the template that lays pixels out as bytes; the original, its processor and theirs stay as they are.

    Generation engines and DeepSpeed's dummy image share the processor, so it is never changed in place.
    """
    stock = template.processor.image_processor
    changed = copy.copy(template)
    changed.processor = copy.copy(template.processor)
    changed.processor.image_processor = PatchLayout(
        stock.patch_size, stock.merge_size, stock.temporal_patch_size
    )
    return changed
