"""Every op by the name that configs use."""

from __future__ import annotations

from collections.abc import Mapping

from src.datasets.augmentation.drawing import Policy
from src.datasets.augmentation.ops import affine, canvas, colour, crop, paste

CLASSES: tuple[type[Policy], ...] = (
    affine.HorizontalFlip,
    affine.VerticalFlip,
    affine.Rotate,
    affine.QuarterTurn,
    affine.Scale,
    affine.Translate,
    affine.Shear,
    colour.ColorJitter,
    colour.Gamma,
    colour.HueSaturationValue,
    colour.Clahe,
    colour.AutoContrast,
    colour.Solarize,
    colour.Posterize,
    colour.Sharpness,
    colour.Blur,
    colour.Noise,
    colour.JpegArtifacts,
    canvas.ExpandToFitAffine,
    canvas.ResizeByScale,
    canvas.PadToMultiple,
    canvas.ResizeToBudget,
    crop.RandomCrop,
    crop.RoiCrop,
    paste.SmallObjectZoomPaste,
    paste.ObjectCopyPaste,
)
OPS: Mapping[str, type[Policy]] = {cls.name: cls for cls in CLASSES}
