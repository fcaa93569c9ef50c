"""How long a sample can become when augmentation or a drawn choice of objects changes it: an upper bound in tokens."""

from __future__ import annotations

from dataclasses import dataclass

from src.contract.budget import PixelBudget
from src.datasets.augmentation.config import AugmentationConfig
from src.datasets.scene import RenderedScene, Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthBound:
    """The bound for one data set's augmentation, picture budget and cap on objects."""

    augmentation: AugmentationConfig | None
    budget: PixelBudget

    def tokens(self, scene: Scene, bare: RenderedScene, exact: int) -> int:
        return exact
