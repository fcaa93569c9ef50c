"""Records, pictures and conversation files for tests of the formats that hold them."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from src.contract.records import Record, Source
from tests.scene_making import random_object

SIZES = ((640, 480), (97, 311), (1000, 1000), (1920, 1080))


def picture(path, size, *, orientation=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, (90, 90, 90))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)


def records(seed, count=8, kinds=("bbox_2d", "poly", "line")):
    """Random records, the first of them without objects."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        width, height = SIZES[number % len(SIZES)]
        drawn = [random_object(rng, width, height) for _ in range(10)] if number else []
        made.append(
            Record(
                images=(f"images/sub dir/i{number}.png",),
                width=width,
                height=height,
                objects=tuple(item for item in drawn if item.kind in kinds),
                source=Source(file="made", line=number + 1),
            )
        )
    return made


def draw_pictures(folder, made):
    for record in made:
        picture(folder / record.images[0], (record.width, record.height))


def opened(name, source, *, images=True, **options):
    root = source if source.is_dir() else source.parent
    index = ImageIndex.of(root) if images else ImageIndex(root=root, by_name=None)
    return READERS[name].open(source, ReadOptions(images=index, **options))


def read_all(name, source, **options):
    export = opened(name, source, **options)
    return [export.read(item) for item in export.listing.items]


def row(answer, image="a.png", **more):
    """One row of messages."""
    return {
        "messages": [
            {"role": "user", "content": "<image>Find all."},
            {"role": "assistant", "content": answer},
        ],
        "images": [image],
        **more,
    }


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item) + "\n" for item in rows), encoding="utf-8")
    return path
