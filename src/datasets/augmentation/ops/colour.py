"""Colour ops: each draws the numbers of one colour change (`src.datasets.augmentation.colour`); shapes stay where they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from src.datasets.augmentation import colour
from src.datasets.augmentation.drawing import (
    Draw,
    NoProblems,
    PositiveInt,
    Probability,
    Range,
    between,
    range_problem,
)
from src.datasets.augmentation.state import State
from src.datasets.augmentation.transforms import Recolour
from src.rng import Stream

WIDE: Range = (0.7, 1.4)
SEEDS = 2**53


class ColourOp(ABC):
    """Draws `u` and one number for each of `units`; acts when `u` is below `prob` and there is anything to change."""

    prob: float
    units: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def change(self, *units: float) -> colour.Colour | None:
        """The change that the numbers (each 0 to 1) stand for; None for an identity."""

    def draw(self, state: State, rng: Stream) -> Draw:
        numbers = rng.uniform(1 + len(self.units))
        drawn = dict(zip(("u", *self.units), numbers, strict=True))
        if numbers[0] >= self.prob:
            return Draw(drawn)
        change = self.change(*numbers[1:])
        return Draw(drawn) if change is None else Draw(drawn, (Recolour(colour=change),))


@dataclass(frozen=True, kw_only=True)
class ColorJitter(ColourOp):
    """Brightness, contrast (about mid grey) and saturation, each by a factor from its range."""

    brightness: Range = (0.7, 1.3)
    contrast: Range = (0.7, 1.3)
    saturation: Range = (0.7, 1.3)
    prob: Probability = 1.0
    name: ClassVar[str] = "color_jitter"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "brightness", "contrast", "saturation")
    units: ClassVar[tuple[str, ...]] = ("brightness", "contrast", "saturation")

    def problems(self) -> list[tuple[str, str]]:
        return [
            problem
            for name in ("brightness", "contrast", "saturation")
            for problem in range_problem(name, getattr(self, name), 0, 10)
        ]

    def change(self, *units: float) -> colour.Colour | None:
        ranges = (self.brightness, self.contrast, self.saturation)
        factors = [between(span, unit) for span, unit in zip(ranges, units, strict=True)]
        return None if factors == [1.0, 1.0, 1.0] else colour.jitter_matrix(*factors)


@dataclass(frozen=True, kw_only=True)
class Gamma(ColourOp):
    """v' = gain * v ** gamma on 0..1, gamma from its range."""

    gamma: Range = WIDE
    gain: Annotated[float, Gt(0)] = 1.0
    prob: Probability = 1.0
    name: ClassVar[str] = "gamma"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "gamma")
    units: ClassVar[tuple[str, ...]] = ("gamma",)

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("gamma", self.gamma, 0.01, 100)

    def change(self, *units: float) -> colour.Colour | None:
        value = between(self.gamma, units[0])
        return None if value == self.gain == 1.0 else colour.Gamma(gamma=value, gain=self.gain)


@dataclass(frozen=True, kw_only=True)
class HueSaturationValue(ColourOp):
    """Hue turned by up to `hue_degrees` either way; saturation and value by factors from their ranges."""

    hue_degrees: Annotated[float, Ge(0), Le(180)] = 20.0
    saturation: Range = WIDE
    value: Range = WIDE
    prob: Probability = 1.0
    name: ClassVar[str] = "hsv"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "hue_degrees", "saturation", "value")
    units: ClassVar[tuple[str, ...]] = ("turn", "saturation", "value")

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("saturation", self.saturation, 0, 10) + range_problem(
            "value", self.value, 0, 10
        )

    def change(self, *units: float) -> colour.Colour | None:
        turn, saturation, value = units
        change = colour.Hsv(
            degrees=self.hue_degrees * (2 * turn - 1),
            saturation=between(self.saturation, saturation),
            value=between(self.value, value),
        )
        identity = (change.degrees, change.saturation, change.value) == (0.0, 1.0, 1.0)
        return None if identity else change


@dataclass(frozen=True, kw_only=True)
class Clahe(NoProblems, ColourOp):
    """Contrast-limited adaptive histogram equalisation of the lightness."""

    clip_limit: Annotated[float, Gt(0)] = 3.0
    tile_grid: tuple[PositiveInt, PositiveInt] = (8, 8)
    prob: Probability = 0.5
    name: ClassVar[str] = "clahe"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "clip_limit")

    def change(self, *_units: float) -> colour.Colour | None:
        return colour.Clahe(clip_limit=self.clip_limit, tile_grid=self.tile_grid)


@dataclass(frozen=True, kw_only=True)
class AutoContrast(NoProblems, ColourOp):
    """Stretch each channel's range to 0..255, leaving out `cutoff` percent at either end."""

    cutoff: Annotated[float, Ge(0), Le(49)] = 0.0
    prob: Probability = 0.5
    name: ClassVar[str] = "auto_contrast"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "cutoff")

    def change(self, *_units: float) -> colour.Colour | None:
        return colour.AutoContrast(cutoff=self.cutoff)


@dataclass(frozen=True, kw_only=True)
class Solarize(NoProblems, ColourOp):
    """Invert values from `threshold` on."""

    threshold: Annotated[int, Ge(0), Le(256)] = 128
    prob: Probability = 0.3
    name: ClassVar[str] = "solarize"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "threshold")

    def change(self, *_units: float) -> colour.Colour | None:
        return None if self.threshold == 256 else colour.Solarize(threshold=self.threshold)


@dataclass(frozen=True, kw_only=True)
class Posterize(NoProblems, ColourOp):
    """Keep the top `bits` bits of each value."""

    bits: Annotated[int, Ge(1), Le(8)] = 4
    prob: Probability = 0.3
    name: ClassVar[str] = "posterize"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "bits")

    def change(self, *_units: float) -> colour.Colour | None:
        return None if self.bits == 8 else colour.Posterize(bits=self.bits)


@dataclass(frozen=True, kw_only=True)
class Sharpness(ColourOp):
    """Sharpen (factor above 1) or smooth (below 1)."""

    factor: Range = (0.5, 1.8)
    prob: Probability = 0.4
    name: ClassVar[str] = "sharpness"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "factor")
    units: ClassVar[tuple[str, ...]] = ("factor",)

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("factor", self.factor, 0, 20)

    def change(self, *units: float) -> colour.Colour | None:
        value = between(self.factor, units[0])
        return None if value == 1.0 else colour.Sharpness(factor=value)


@dataclass(frozen=True, kw_only=True)
class Blur(ColourOp):
    """Gaussian blur with a sigma (pixels of the final picture) from its range."""

    sigma: Range = (0.1, 1.5)
    prob: Probability = 0.2
    name: ClassVar[str] = "blur"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "sigma")
    units: ClassVar[tuple[str, ...]] = ("sigma",)

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("sigma", self.sigma, 0, 50)

    def change(self, *units: float) -> colour.Colour | None:
        value = between(self.sigma, units[0])
        return None if value < 1e-3 else colour.Blur(sigma=value)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Gaussian noise with a standard deviation (grey levels) from its range."""

    sigma: Range = (0.0, 10.0)
    prob: Probability = 0.2
    name: ClassVar[str] = "noise"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "sigma")

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("sigma", self.sigma, 0, 255)

    def draw(self, state: State, rng: Stream) -> Draw:
        u, unit = rng.uniform(2)
        seed = rng.integer(SEEDS)  # a whole number, unlike what the other colours draw
        drawn = {"u": u, "sigma": unit, "seed": float(seed)}
        sigma = between(self.sigma, unit)
        if u >= self.prob or sigma == 0.0:
            return Draw(drawn)
        return Draw(drawn, (Recolour(colour=colour.Noise(sigma=sigma, seed=seed)),))


@dataclass(frozen=True, kw_only=True)
class JpegArtifacts(ColourOp):
    """Compress once as JPEG, quality from its range."""

    quality: tuple[int, int] = (40, 90)
    prob: Probability = 0.2
    name: ClassVar[str] = "jpeg_artifacts"
    numeric: ClassVar[tuple[str, ...]] = ("prob", "quality")
    units: ClassVar[tuple[str, ...]] = ("quality",)

    def problems(self) -> list[tuple[str, str]]:
        return range_problem("quality", self.quality, 1, 100)

    def change(self, *units: float) -> colour.Colour | None:
        return colour.JpegArtifacts(quality=round(between(self.quality, units[0])))
