"""The categories of a COCO or LVIS file with how often each occurs: what sampling by frequency needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_conversion.pipeline.readers.coco.coco_file import parsed
from data_conversion.pipeline.readers.coco.json_arrays import index_arrays
from src.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """`name` is as the file spells it, `frequency` LVIS's band ("r", "c", "f"; "" elsewhere). The counts are of this file, not
    those that LVIS states for its whole training set."""

    id: int
    name: str
    synonyms: tuple[str, ...]
    frequency: str
    num_instances: int
    num_images: int


def category_table(path: Path) -> tuple[Category, ...]:
    """The categories of an annotation file, by id. One pass over it; `DataError` as for reading it."""
    wanted = {"categories": ("id",), "annotations": ("category_id", "image_id")}
    arrays = index_arrays(path, path.name, wanted)
    if arrays.keys() != wanted.keys():
        raise DataError.say("no list of categories or of annotations", where=path.name)
    of, in_image = (arrays["annotations"].fields[name] for name in wanted["annotations"])
    ids, instances = np.unique(of, return_counts=True)
    num_instances = dict(zip(ids.tolist(), instances.tolist(), strict=True))
    pairs = np.unique(np.stack([of, in_image], axis=1), axis=0)
    ids, images = np.unique(pairs[:, 0], return_counts=True)
    num_images = dict(zip(ids.tolist(), images.tolist(), strict=True))
    with path.open("rb") as handle:
        table = [
            Category(
                id=entry["id"],
                name=str(entry.get("name", "")),
                synonyms=tuple(map(str, entry.get("synonyms", ()))),
                frequency=str(entry.get("frequency", "")),
                num_instances=num_instances.get(entry["id"], 0),
                num_images=num_images.get(entry["id"], 0),
            )
            for entry in parsed(handle, path.name, arrays["categories"])
        ]
    return tuple(sorted(table, key=lambda category: category.id))
