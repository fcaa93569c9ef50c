"""One JSONL as training samples: a pure function from a `SampleKey` to what `encode` makes of the conversation.

Each step is one function from one frozen type to the next (see the module of each): locate, read and parse, open the scene,
render its pixels, build the conversation, encode. Nothing is kept between calls, so workers, prefetching and resume cannot
change a sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from src.contract.budget import PixelBudget
from src.datasets.augmentation.pipeline import DrawKey, Pipeline
from src.datasets.augmentation.trace import Trace
from src.datasets.builders.conversation import Conversation
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.plan import EpochPlan, SampleKey
from src.datasets.render import render
from src.datasets.scene import RenderedScene
from src.datasets.source import RecordSource

Encoded = TypeVar("Encoded")


class KeyedSample(NamedTuple, Generic[Encoded]):
    """What a worker delivers: the sample beside the key that it is a function of."""

    key: SampleKey
    encoded: Encoded


class DenseCaptionDataset(Generic[Encoded]):
    """Map-style data set addressed by `SampleKey`; `encode` turns a conversation into the trainer's tensors."""

    def __init__(
        self,
        source: RecordSource,
        plan: EpochPlan,
        budget: PixelBudget,
        builder: JsonLinesBuilder,
        encode: Callable[[Conversation], Encoded],
        pipeline: Pipeline | None = None,
    ) -> None:
        self.source = source
        self.plan = plan
        self.budget = budget
        self.builder = builder
        self.encode = encode
        self.pipeline = pipeline

    def __len__(self) -> int:
        return len(self.source)

    def rendered(self, key: SampleKey) -> tuple[RenderedScene, tuple[Trace, ...]]:
        """The key's scene with its pixels, and what augmentation did to each picture (nothing without a pipeline)."""
        ref = self.plan.locate(key)
        scene = self.source.scene(ref.row)
        if self.pipeline is None:
            return render(scene, self.budget), ()
        return self.pipeline.apply(scene, DrawKey(key.epoch, ref.dataset, ref.row, key.step))

    def conversation(self, key: SampleKey) -> Conversation:
        """The key's prompt, answer and pixels."""
        return self.builder.build(self.rendered(key)[0])

    def __getitem__(self, key: SampleKey) -> KeyedSample[Encoded]:
        return KeyedSample(key, self.encode(self.conversation(key)))


class SequentialView(Generic[Encoded]):
    """The same data set addressed by row number, as HF's evaluation loop does; always in file order."""

    def __init__(self, dataset: DenseCaptionDataset[Encoded]) -> None:
        assert not dataset.plan.shuffle
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, row: int) -> KeyedSample[Encoded]:
        return self.dataset[SampleKey(0, row, 0)]
