"""The stream of samples of a run, as digests, through the very loader that training uses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from src.contract.budget import PixelBudget
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Conversation, Prompts
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.plan import EpochPlan, SampleKey
from src.datasets.sampler import BatchGrid, PlanBatchSampler
from src.datasets.source import RecordSource

NUM_SAMPLES = 96
BATCH = 16
MICRO = 4


def digest(conversation: Conversation) -> str:
    """Pixels, prompt and answer of a sample in one hash."""
    value = hashlib.blake2b(digest_size=16)
    for pixels in conversation.pixels:
        value.update(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes())
    value.update(repr((conversation.system, conversation.turns, conversation.spans)).encode())
    value.update(str(conversation.source.line).encode())
    return value.hexdigest()


class GeometryDigest(DenseCaptionDataset):
    """The data set with the geometry (float64) in the digest too."""

    def __init__(self, source, plan, budget, builder):
        super().__init__(source, plan, budget, builder, digest)

    def __getitem__(self, key):
        sample = super().__getitem__(key)
        shapes = [item.shape.points.tobytes() for item in self.rendered(key)[0].objects]
        joined = hashlib.blake2b(b"".join(shapes), digest_size=16).hexdigest()
        return sample._replace(encoded=(sample.encoded, joined))


def dataset_of(folder: Path) -> GeometryDigest:
    index = JsonlIndex.open(folder / "train.jsonl")
    source = RecordSource(
        name="scenes",
        index=index,
        rows=np.arange(NUM_SAMPLES),
        resolver=ImageResolver(folder),
        quarantined=0,
    )
    plan = EpochPlan(seed=17, num_rows=NUM_SAMPLES, effective_batch_size=BATCH)
    config = BuilderConfig(json_format="standard", emit_norm="norm1000")
    builder = JsonLinesBuilder(config, Prompts(system=None, user="Detect."))
    return GeometryDigest(source, plan, PixelBudget(), builder)


def keep(samples):
    return [(tuple(sample.key), sample.encoded) for sample in samples]


def stream(
    folder: Path,
    *,
    workers: int = 0,
    world: int = 1,
    context: str | None = None,
    persistent: bool = False,
    epochs: int = 2,
    skip: int = 0,
    dataset: DenseCaptionDataset | None = None,
) -> dict[SampleKey, tuple[str, str]]:
    """Key -> digests over all ranks and epochs; `skip` micro-batches of the first rank's run are left out."""
    dataset = dataset or dataset_of(folder)
    seen: dict = {}
    for rank in range(world):
        grid = BatchGrid(
            rank=rank,
            world_size=world,
            micro_batch_size=MICRO,
            accumulation_steps=BATCH // (MICRO * world),
        )
        per_epoch = len(PlanBatchSampler(dataset.plan, grid))
        first_epoch, inside = divmod(skip, per_epoch)
        loaders = {}
        for epoch in range(first_epoch, epochs):
            offset = inside if epoch == first_epoch else 0
            if offset not in loaders:
                sampler = PlanBatchSampler(dataset.plan, grid, skip_batches=offset)
                loaders[offset] = DataLoader(
                    dataset,
                    batch_sampler=sampler,
                    collate_fn=keep,
                    num_workers=workers,
                    multiprocessing_context=context if workers else None,
                    persistent_workers=persistent and workers > 0,
                )
            loaders[offset].batch_sampler.set_epoch(epoch)
            for batch in loaders[offset]:
                for key, value in batch:
                    assert SampleKey(*key) not in seen, "a sample was delivered twice"
                    seen[SampleKey(*key)] = value
    return seen
