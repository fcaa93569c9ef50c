"""`python -m benchmarks.pixel_path`: what it costs to encode one training sample, beside ms-swift's own way.

The same record (1024x768, 20 objects) three times: ms-swift's `template.encode` of the JPEG's path, and this project's
encoder of decoded pixels by both pixel paths. All run in this process with one thread, in interleaved rounds; figures are
medians of CPU time, and the bytes of the tensors that a worker hands over. The model is a nano one made on the spot.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.contract.records import Source
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Conversation, Prompts, Turn
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.geometry.shapes import Shape
from src.datasets.scene import Pixels, RenderedScene, SceneObject
from src.images import load_rgb
from src.training.torchvision_shim import ensure_torchvision
from src.utils.heap import keep_heap

WIDTH, HEIGHT, OBJECTS = 1024, 768, 20
PROMPTS = Prompts(
    system="Look closely.", user="Describe every object in the image as JSON with its geometry."
)
Encoded = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """A record's picture as a file, as pixels, and its conversation."""

    path: Path
    pixels: Pixels
    conversation: Conversation

    @property
    def row(self) -> dict[str, Any]:
        """ms-swift's row with the picture by its path."""
        turns = [Turn("system", str(self.conversation.system)), *self.conversation.turns]
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        return {"messages": messages, "images": [str(self.path)]}


Encode = Callable[[Sample], Encoded]


def write_photo(path: Path, seed: int) -> None:
    """A photo-like JPEG of quality 90: soft colour fields, some edges and sensor noise, about 2.5 bits a pixel."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    fields = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).astype(np.float64)
    blocks = Image.fromarray(rng.integers(-30, 31, (96, 128)).astype(np.float32))
    edges = np.asarray(blocks.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST))[..., None]
    noisy = fields + edges + rng.normal(0, 8, fields.shape)
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=90)


def make_samples(folder: Path, count: int) -> list[Sample]:
    """`count` records with 20 boxes and quadrilaterals each."""
    builder = JsonLinesBuilder(BuilderConfig(json_format="standard", emit_norm="norm1000"), PROMPTS)
    samples = []
    for number in range(count):
        path = folder / f"{number}.jpg"
        write_photo(path, number)
        pixels = load_rgb(path)
        scene = RenderedScene(
            pixels=(pixels,), objects=_objects(number), summary=None, messages=(),
            source=Source(file="bench.jsonl", line=number + 1),
        )  # fmt: skip
        samples.append(Sample(path, pixels, builder.build(scene)))
    return samples


def _objects(seed: int) -> tuple[SceneObject, ...]:
    rng = np.random.default_rng(seed)
    found = []
    for index in range(OBJECTS):
        left, top = rng.uniform(0, (WIDTH - 200, HEIGHT - 200))
        width, height = rng.uniform(20, 200, 2)
        box = np.array([[left, top], [left + width, top + height]])
        quad = box[[0, 1, 1, 0]]
        quad[[1, 3], 1] = box[[0, 1], 1]
        shape = Shape(index, "bbox_2d", box) if index % 2 else Shape(index, "poly", quad)
        found.append(SceneObject(desc=f"round thing number {index}", shape=shape))
    return tuple(found)


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


def tensor_bytes(encoded: Encoded) -> int:
    """Bytes of the tensors that a worker hands over."""
    return sum(value.nbytes for value in encoded.values() if hasattr(value, "nbytes"))


def measure(
    contestants: dict[str, Encode], samples: Sequence[Sample], rounds: int
) -> dict[str, float]:
    """Median CPU milliseconds of each, in interleaved rounds over all samples; the first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, encode in contestants.items():
            for sample in samples:
                began = time.process_time()
                encode(sample)
                if number:
                    times[name].append(time.process_time() - began)
    return {name: statistics.median(values) * 1e3 for name, values in times.items()}


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
        }
        ms = measure(contestants, samples, chosen.rounds)
        figures = {f"{name}, CPU ms": value for name, value in ms.items()}
        for name, encode in contestants.items():
            figures[f"{name}, MB"] = tensor_bytes(encode(samples[0])) / 1e6
    if chosen.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<36} {value:8.2f}")


if __name__ == "__main__":
    main()
