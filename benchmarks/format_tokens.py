"""`python -m benchmarks.format_tokens`: tokens an object in each answer format, on two-word labels.

The tokenizer is a byte-level BPE behind Qwen's pre-tokeniser, trained here on answers in all formats and on plain words, so that
quotes and brackets merge as they do in a large vocabulary; one token a digit follows from the pre-tokeniser. About 20 s.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from scripts.make_tiny_model import train_tokenizer
from src.contract.records import ObjectAnnotation, Source
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Prompts
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.geometry.shapes import shape_of
from src.datasets.scene import RenderedScene, SceneObject
from src.rng import generator
from src.utils.cli import parser, run

COLOURS = ("red", "green", "blue", "black", "white", "yellow", "silver", "orange")
THINGS = ("bolt", "nut", "wire", "panel", "socket", "clamp", "cable", "label")
SIZE = (1024, 768)


def scene(rng: np.random.Generator, num_objects: int, num_labels: int) -> RenderedScene:
    """Boxes with labels of two words, drawn from a choice of the picture's own."""
    pairs = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]
    labels = rng.choice(pairs, num_labels, replace=False)
    objects = []
    for number in range(num_objects):
        corner = rng.uniform(0, 0.8, 2) * SIZE
        x1, y1, x2, y2 = (float(v) for v in (*corner, *(corner + rng.uniform(8, 150, 2))))
        desc = str(labels[int(rng.integers(num_labels))])
        item = ObjectAnnotation(desc=desc, kind="bbox_2d", points=(x1, y1, x2, y2))
        objects.append(SceneObject(desc=desc, shape=shape_of(item, number)))
    return RenderedScene(
        pixels=(np.broadcast_to(np.uint8(0), (SIZE[1], SIZE[0], 3)),),
        objects=tuple(objects),
        summary=None,
        messages=(),
        source=Source(file="made", line=1),
    )


def answers(name: str, num_labels: int, seed: int, count: int, num_objects: int) -> list[str]:
    """Answers in one format, norm1000."""
    builder = JsonLinesBuilder(
        BuilderConfig(json_format=name, emit_norm="norm1000"),  # type: ignore[arg-type]
        Prompts(system=None, user="d"),
    )
    return [
        builder.build(scene(generator(seed, "format tokens", row), num_objects, num_labels)).target
        for row in range(count)
    ]


def main(argv: Sequence[str]) -> int:
    options = parser("python -m benchmarks.format_tokens", (__doc__ or "").split("\n\n")[0])
    options.add_argument("--objects", type=int, default=20, help="objects a picture")
    options.add_argument("--vocabulary", type=int, default=8192, help="entries of the tokenizer")
    chosen = options.parse_args(argv)
    texts = [text for name in FORMATS for text in answers(name, 4, 1, 200, chosen.objects)]
    words = [f" {word}" for word in (*COLOURS, *THINGS)] * 100
    tokenizer = train_tokenizer([*texts, *words], chosen.vocabulary)
    for num_labels in (2, 4, 8, 20):
        for name in FORMATS:
            made = answers(name, num_labels, 2, 200, chosen.objects)
            tokens = sum(len(tokenizer.encode(text, add_special_tokens=False)) for text in made)
            cost = tokens / (len(made) * chosen.objects)
            sys.stdout.write(f"{num_labels:>3} labels a picture  {name:<9} {cost:5.1f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
