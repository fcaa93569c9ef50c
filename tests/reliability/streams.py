"""The stream of samples of a run, as digests, through the very loader that training uses."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch.utils.data import DataLoader

from src.contract.budget import PixelBudget
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.datasets.augmentation.trace import dump_trace
from src.datasets.batches import BatchGrid
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Conversation, Prompts
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.dense_caption import DenseCaptionDataset
from src.datasets.plan import SampleKey, plan_of_one
from src.datasets.sampler import PlanBatchSampler
from src.datasets.source import RecordSource
from src.datasets.unified_fusion_dataset import KeyedSample, UnifiedFusionDataset
from tests.augmentation_cases import pipeline_of

NUM_SAMPLES = 96
BATCH = 16
MICRO = 4


CHAIN = (
    "hflip", "rotate", "scale", "expand_to_fit_affine", "random_crop", "small_object_zoom_paste", "resize_by_scale",
    "color_jitter", "gamma", "noise", "pad_to_multiple",
)  # fmt: skip


class Digests(NamedTuple):
    """Hashes of one sample's pixels, geometry (float64), text and trace."""

    pixels: str
    geometry: str
    text: str
    trace: str


def hashed(*parts: bytes) -> str:
    value = hashlib.blake2b(digest_size=16)
    for part in parts:
        value.update(len(part).to_bytes(8, "little") + part)
    return value.hexdigest()


def nothing(_conversation: Conversation) -> None:
    return None


class GeometryDigest(UnifiedFusionDataset):
    """The data set with digests of everything that a sample is made of, in place of tensors."""

    def __init__(self, members, plan):
        super().__init__(members, plan, nothing)

    def __getitem__(self, key):
        member, draw = self.place(key)
        scene, traces = member.rendered(draw)
        talk = member.builder.build(scene)
        spoken = repr((talk.system, talk.turns, talk.spans, talk.source.line)).encode()
        digests = Digests(
            pixels=hashed(*(repr(p.shape).encode() + p.tobytes() for p in scene.pixels)),
            geometry=hashed(*(item.shape.points.tobytes() for item in scene.objects)),
            text=hashed(spoken),
            trace=hashed(*map(dump_trace, traces)),
        )
        return KeyedSample(key, draw.dataset, digests)


def dataset_of(folder: Path, chain: tuple[str, ...] = CHAIN) -> GeometryDigest:
    index = JsonlIndex.open(folder / "train.jsonl")
    source = RecordSource(
        name="scenes",
        index=index,
        rows=np.arange(NUM_SAMPLES),
        resolver=ImageResolver(folder),
        quarantined=0,
    )
    plan = plan_of_one(seed=17, num_rows=NUM_SAMPLES, effective_batch_size=BATCH)
    config = BuilderConfig(json_format="standard", emit_norm="norm1000")
    builder = JsonLinesBuilder(config, Prompts(system=None, user="Detect."))
    budget = PixelBudget(max_pixels=40_000)
    pipeline = pipeline_of(*chain, budget=budget) if chain else None
    member = DenseCaptionDataset(source=source, budget=budget, builder=builder, pipeline=pipeline)
    return GeometryDigest((member,), plan)


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
    dataset: UnifiedFusionDataset | None = None,
) -> dict[SampleKey, Digests]:
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
