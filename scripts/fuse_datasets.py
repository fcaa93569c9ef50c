"""`python -m scripts.fuse_datasets --config FUSION.yaml --out mixed.jsonl`: an epoch's mix as one JSONL, offline.

The samples and their order are those that training draws in that epoch with the same seed, before samples of like length are
grouped (which needs a tokenizer). Picture paths are rewritten relative to the new file. The same bytes on any machine on which
the data lie in the same places relative to each other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from src.config.loader import find_config, resolve_path
from src.contract.index import JsonlIndex
from src.contract.records import Record
from src.contract.write import record_to_line
from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.dense_caption import chosen_objects
from src.datasets.fusion.config import FusionConfig, FusionEntry
from src.datasets.fusion.loader import load_fusion
from src.datasets.fusion.wrappers import Wrapper, part_of, quotas
from src.datasets.plan import EpochPlan, Pool
from src.datasets.tables import plain_table
from src.errors import DataError
from src.files import atomic_write
from src.utils.cli import parser, run
from src.utils.progress import progress


def main(argv: Sequence[str]) -> int:
    options = parser("python -m scripts.fuse_datasets", "Write the mix of an epoch as one JSONL.")
    options.add_argument(
        "--config", "-c", required=True, help="fusion config: path or name under configs/"
    )
    options.add_argument("--out", "-o", type=Path, required=True, help="JSONL to write")
    options.add_argument("--epoch", type=int, default=0, help="epoch to draw (default 0)")
    options.add_argument(
        "--seed", type=int, default=17, help="as custom.seed of the run (default 17)"
    )
    options.add_argument(
        "--split",
        choices=("train", "val"),
        default="train",
        help="val: all held-out records, no draws",
    )
    options.add_argument(
        "--no-shuffle", action="store_true", help="keep the order of data sets and files"
    )
    options.add_argument("--force", action="store_true", help="replace an existing file")
    chosen = options.parse_args(argv)
    if chosen.out.exists() and not chosen.force:
        raise DataError.say(f"{chosen.out} exists", remedy="choose another name, or add --force")
    fusion = load_fusion(find_config(chosen.config))
    mix = open_mix(fusion, chosen.split, chosen.seed, shuffle=not chosen.no_shuffle)
    write_mix(mix, chosen.epoch, chosen.out)
    columns = ("data set", "records", "requested", "realised", "unique", "repeats")
    rows = [
        (found.name, pool.num_rows, found.requested, found.realised, found.unique, found.repeats)
        for pool, found in zip(mix.plan.pools, mix.plan.realised(chosen.epoch), strict=True)
    ]
    print("\n".join(plain_table(columns, rows)))
    print(f"wrote {mix.plan.slots} records to {chosen.out}")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """The data sets of a fusion file, opened, and the plan of their epochs."""

    entries: tuple[FusionEntry, ...]
    parts: tuple[Wrapper, ...]
    indices: tuple[JsonlIndex, ...]
    plan: EpochPlan


def open_mix(fusion: FusionConfig, split: str, seed: int, *, shuffle: bool) -> Mix:
    """Open every file of the split; `val` takes each held-out record once."""
    chosen = [
        (entry, part_of(entry, position < len(fusion.targets)))
        for position, entry in enumerate(fusion.entries)
        if split == "train" or entry.val_jsonl is not None
    ]
    indices = tuple(
        JsonlIndex.open(
            resolve_path(entry.train_jsonl if split == "train" else str(entry.val_jsonl))
        )
        for entry, _ in chosen
    )
    sizes = [len(index) for index in indices]
    ratios = [1.0 if entry.ratio is None else entry.ratio for entry, _ in chosen]
    wanted = sizes
    if split == "train":
        wanted = quotas(
            [
                (part.role, ratio, size)
                for (_, part), ratio, size in zip(chosen, ratios, sizes, strict=True)
            ]
        )
    pools = tuple(
        Pool(
            name=entry.name,
            num_rows=size,
            quota=quota,
            seed=seed if entry.seed is None else entry.seed,
            without_replacement=entry.sample_without_replacement,
        )
        for (entry, _), size, quota in zip(chosen, sizes, wanted, strict=True)
    )
    plan = EpochPlan(
        seed=seed, pools=pools, effective_batch_size=1, shuffle=shuffle and split == "train"
    )
    return Mix(
        entries=tuple(entry for entry, _ in chosen),
        parts=tuple(part for _, part in chosen),
        indices=indices,
        plan=plan,
    )


def write_mix(mix: Mix, epoch: int, out: Path) -> None:
    """The epoch's records in its order, complete or not at all; `RecordError` for a broken line."""
    with atomic_write(out, "wb") as handle:
        for record in progress(
            _records(mix, epoch, out.resolve().parent), total=mix.plan.slots, label=out.name
        ):
            handle.write(record_to_line(record))


def _records(mix: Mix, epoch: int, folder: Path) -> Iterator[Record]:
    order = mix.plan.order(epoch)
    for number, row in zip(order.datasets.tolist(), order.rows.tolist(), strict=True):
        entry, index, limit = (
            mix.entries[number],
            mix.indices[number],
            mix.parts[number].max_objects,
        )
        record = index.record(row)
        objects = record.objects
        if limit is not None and len(objects) > limit:
            seed = mix.plan.pools[number].seed
            kept = chosen_objects(len(objects), limit, seed, DrawKey(epoch, number, row))
            objects = tuple(objects[position] for position in kept)
        home = index.path.resolve().parent
        told = {"name": entry.name, "role": mix.parts[number].role, "mode": entry.mode}
        yield replace(
            record,
            images=tuple(_moved(image, home, folder) for image in record.images),
            objects=objects,
            metadata={**record.metadata, "fusion": told},
        )


def _moved(image: str, home: Path, folder: Path) -> str:
    """A picture's path as seen from another folder."""
    return Path(os.path.relpath(home / image, folder)).as_posix()


if __name__ == "__main__":
    sys.exit(run(main))
