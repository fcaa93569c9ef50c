"""Make the plain torchvision wheel importable beside a CPU build of torch.

The wheel's operators link CUDA libraries; without them `import torchvision` fails with "operator torchvision::nms does not
exist", and with it transformers' and peft's imports. Declaring the two operators that torchvision registers fakes for is
enough: nothing here ever calls them. Does nothing where torchvision imports by itself (CUDA builds). Call it before the first
import of transformers, in spawned workers too. Cost: the import of torch.
"""

from __future__ import annotations

import importlib.util
import sys

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: list[object] = []


def ensure_torchvision() -> None:
    """Declare `torchvision::nms` and `::qnms` when torch has no CUDA build and torchvision is not imported yet."""
    if _declared or "torchvision" in sys.modules:
        return
    if importlib.util.find_spec("torchvision") is None:
        return
    import torch

    if torch.version.cuda is not None:
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}{_SCHEMA}")
    _declared.append(library)
