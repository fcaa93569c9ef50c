"""Every data set of a run as one, addressed by `SampleKey`: what a trainer reads.

A run without fusion is a mix of one. Which row stands behind a key is the plan's matter; what a row becomes, its data set's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.augmentation.trace import Trace
from src.datasets.builders.conversation import Conversation
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.plan import EpochPlan, SampleKey
from src.datasets.scene import RenderedScene

Encoded = TypeVar("Encoded")


class KeyedSample(NamedTuple, Generic[Encoded]):
    """What a worker delivers: the sample beside the key that it is a function of, and its data set's number.

    `is_filler`: the sample could not be read and this one, which has no loss, stands in its place.
    """

    key: SampleKey
    dataset: int
    encoded: Encoded
    is_filler: bool = False


class UnifiedFusionDataset(Generic[Encoded]):
    """Map-style data set over `members`; `encode` turns a conversation into the trainer's tensors."""

    def __init__(
        self,
        members: Sequence[DenseCaptionDataset],
        plan: EpochPlan,
        encode: Callable[[Conversation], Encoded],
    ) -> None:
        self.members = tuple(members)
        self.plan = plan
        self.encode = encode

    @property
    def names(self) -> tuple[str, ...]:
        """The data sets' names; `KeyedSample.dataset` counts into them."""
        return tuple(member.name for member in self.members)

    def __len__(self) -> int:
        return sum(map(len, self.members))

    def place(self, key: SampleKey) -> tuple[DenseCaptionDataset, DrawKey]:
        """The key's data set, and the row with what its draws depend on."""
        ref = self.plan.locate(key)
        return self.members[ref.dataset], DrawKey(key.epoch, ref.dataset, ref.row, key.step)

    def rendered(self, key: SampleKey) -> tuple[RenderedScene, tuple[Trace, ...]]:
        """The key's scene with its pixels, and what augmentation did."""
        member, draw = self.place(key)
        return member.rendered(draw)

    def conversation(self, key: SampleKey) -> Conversation:
        """The key's prompt, answer and pixels."""
        member, draw = self.place(key)
        return member.conversation(draw)

    def __getitem__(self, key: SampleKey) -> KeyedSample[Encoded]:
        member, draw = self.place(key)
        return KeyedSample(key, draw.dataset, self.encode(member.conversation(draw)))


class SequentialView(Generic[Encoded]):
    """The same data set addressed by row number, as HF's evaluation loop does; always in file order."""

    def __init__(self, dataset: UnifiedFusionDataset[Encoded]) -> None:
        assert not dataset.plan.shuffle
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, row: int) -> KeyedSample[Encoded]:
        return self.dataset[SampleKey(0, row, 0)]
