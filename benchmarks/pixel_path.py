"""`python -m benchmarks.pixel_path`: what it costs to encode one training sample, beside ms-swift's own way.

The same record (1024x768, 20 objects): ms-swift's `template.encode` of the JPEG's path, this project's encoder of decoded
pixels by both pixel paths, and a training worker's whole way from the JPEG with augmentation on. All run in this process with one
thread, in interleaved rounds; figures are medians of CPU time, and the bytes that a worker hands over. The model is
a nano one made on the spot, whose vocabulary of 512 makes nearly one token per character of the answer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.augmentation import CAP, ROWS, make_scenes, our_pipeline
from benchmarks.timing import measure
from src.contract.budget import PixelBudget
from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Conversation, Prompts, Turn
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.render import render
from src.datasets.scene import Scene
from src.training.torchvision_shim import ensure_torchvision
from src.utils.heap import keep_heap

WIDTH, HEIGHT = 1024, 768
PROMPTS = Prompts(
    system="Look closely.", user="Describe every object in the image as JSON with its geometry."
)
Encoded = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """A record's scene (picture as a file) and its conversation (picture as pixels)."""

    scene: Scene
    conversation: Conversation

    @property
    def row(self) -> dict[str, Any]:
        """ms-swift's row with the picture by its path."""
        turns = [Turn("system", str(self.conversation.system)), *self.conversation.turns]
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        return {"messages": messages, "images": [str(self.scene.pictures[0])]}


Encode = Callable[[Sample], Encoded]


def make_samples(folder: Path, num_samples: int) -> list[Sample]:
    """Photographs with 20 objects each, as scenes, as pixels and as conversations."""
    builder = JsonLinesBuilder(BuilderConfig(json_format="standard", emit_norm="norm1000"), PROMPTS)
    samples = []
    for scene in make_scenes(folder, WIDTH, HEIGHT, num_samples):
        rendered = render(scene, PixelBudget(max_pixels=CAP))
        samples.append(Sample(scene, builder.build(rendered)))
    return samples


def make_template(folder: Path) -> Any:
    """The training template of a nano model written into `folder`."""
    ensure_torchvision()
    import torch
    from swift.model import get_model_processor
    from swift.template import get_template

    from scripts.make_tiny_model import SIZES, make_model
    from src.training.ms_swift.template import fit_token_ids

    torch.set_num_threads(1)
    make_model(folder, ["round thing number 0123456789"], SIZES["nano"], 0)
    _, processor = get_model_processor(
        str(folder), torch_dtype=torch.float32, model_type="qwen3_vl", load_model=False
    )
    template = get_template(processor, truncation_strategy="raise")
    template.set_mode("train")
    fit_token_ids(template)
    return template


def make_swift_encode(template: Any) -> Encode:
    """ms-swift as it trains by itself: messages and the path of the picture."""
    return lambda sample: template.encode(sample.row)


def make_stock_encode(template: Any) -> Encode:
    """This project's encoder from decoded pixels, `custom.pixel_path: stock`."""
    from src.training.ms_swift.template import SwiftEncoder

    encoder = SwiftEncoder(template)
    return lambda sample: encoder(sample.conversation)


def make_fast_encode(template: Any) -> Encode:
    """This project's encoder from decoded pixels, `custom.pixel_path: fast`."""
    from src.training.ms_swift.pixels import fast_encoder

    encoder = fast_encoder(template)
    return lambda sample: encoder(sample.conversation)


def make_worker_encode(template: Any) -> Encode:
    """A training worker's whole way from the JPEG: augmented by the chain of `benchmarks.augmentation`, built, encoded."""
    from src.training.ms_swift.pixels import fast_encoder

    encoder, pipeline = fast_encoder(template), our_pipeline()
    builder = JsonLinesBuilder(BuilderConfig(json_format="standard", emit_norm="norm1000"), PROMPTS)
    rows = count()

    def encode(sample: Sample) -> Encoded:
        key = DrawKey(0, 0, next(rows) % ROWS)
        return encoder(builder.build(pipeline.apply(sample.scene, key)[0]))

    return encode


def tensor_bytes(encoded: Encoded) -> int:
    """Bytes of the tensors that a worker hands over."""
    return sum(value.nbytes for value in encoded.values() if hasattr(value, "nbytes"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=10, help="interleaved rounds")
    options.add_argument("--images", type=int, default=8, help="pictures")
    options.add_argument("--json", action="store_true", help="print JSON alone")
    chosen = options.parse_args()
    keep_heap()
    with tempfile.TemporaryDirectory() as folder:
        samples = make_samples(Path(folder), chosen.images)
        template = make_template(Path(folder) / "model")
        contestants = {
            "ms-swift, from JPEG": make_swift_encode(template),
            "ours, stock, from pixels": make_stock_encode(template),
            "ours, fast, from pixels": make_fast_encode(template),
            "ours, augmented, from JPEG": make_worker_encode(template),
        }
        ms = measure(contestants, samples, chosen.rounds)
        figures = {f"{name}, CPU ms": value for name, value in ms.items()}
        figures["ours, augmented / ms-swift"] = (
            ms["ours, augmented, from JPEG"] / ms["ms-swift, from JPEG"]
        )
        for name, encode in contestants.items():
            figures[f"{name}, MB"] = tensor_bytes(encode(samples[0])) / 1e6
    if chosen.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<36} {value:8.2f}")


if __name__ == "__main__":
    main()
