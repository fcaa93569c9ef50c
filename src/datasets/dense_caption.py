"""One data set as training samples: a pure function from a row and its draw to a conversation.

Each step is one function from one frozen type to the next (see the module of each): read and parse, open the scene, render its
pixels, build the conversation. Nothing is kept between calls, so workers, prefetching and resume cannot change a sample.
`src.datasets.unified_fusion_dataset` joins one or more of these into what a trainer reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from src.contract.budget import PixelBudget
from src.datasets.augmentation.pipeline import DrawKey, Pipeline
from src.datasets.augmentation.trace import Trace
from src.datasets.builders.conversation import Conversation
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.render import render
from src.datasets.scene import RenderedScene, Scene
from src.datasets.source import RecordSource
from src.rng import generator


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseCaptionDataset:
    """The usable rows of one JSONL, with the prompts, text format and augmentation that hold for it.

    `max_objects`: of a record with more, a random choice is described, drawn from `seed` anew each epoch, in the record's order.
    """

    source: RecordSource
    budget: PixelBudget
    builder: JsonLinesBuilder
    pipeline: Pipeline | None = None
    max_objects: int | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        return self.source.name

    def __len__(self) -> int:
        return len(self.source)

    def rendered(self, key: DrawKey) -> tuple[RenderedScene, tuple[Trace, ...]]:
        """The row's scene with its pixels, and what augmentation did to each picture (nothing without a pipeline)."""
        scene = self._capped(self.source.scene(key.row), key)
        if self.pipeline is None:
            return render(scene, self.budget), ()
        return self.pipeline.apply(scene, key)

    def _capped(self, scene: Scene, key: DrawKey) -> Scene:
        count = len(scene.objects)
        if self.max_objects is None or count <= self.max_objects:
            return scene
        chosen = chosen_objects(count, self.max_objects, self.seed, key)
        return replace(scene, objects=tuple(scene.objects[index] for index in chosen))

    def conversation(self, key: DrawKey) -> Conversation:
        """The row's prompt, answer and pixels."""
        return self.builder.build(self.rendered(key)[0])


def chosen_objects(count: int, limit: int, seed: int, key: DrawKey) -> list[int]:
    """Which `limit` of `count` objects an epoch describes, ascending."""
    rng = generator(seed, "object-cap", key.epoch, key.dataset, key.row)
    chosen: list[int] = np.sort(rng.choice(count, size=limit, replace=False)).tolist()
    return chosen
