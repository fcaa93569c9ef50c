"""Exports made in memory: what a reader would give, without a format."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.raw import Item, Listing, RawImage, RawObject
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.unified_processor import convert

SQUARE = (10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0)


def poly(*parts, label="thing", index=0, **more):
    return RawObject(index=index, label=label, kind="poly", parts=tuple(map(tuple, parts)), **more)


def box(*corners, label="thing", index=0, **more):
    points = tuple(map(float, corners))
    return RawObject(index=index, label=label, kind="bbox_2d", parts=(points,), **more)


def line(*points, label="wire", index=0, **more):
    return RawObject(
        index=index, label=label, kind="line", parts=(tuple(map(float, points)),), **more
    )


def image(name, *objects, size=(100, 80), **more):
    return RawImage(
        annotation="made.json",
        image=name,
        image_name=name,
        size=size,
        objects=objects,
        num_objects=len(objects),
        **more,
    )


def picture(path: Path, size=(100, 80), orientation=1) -> None:
    """A JPEG file with a gradient; `size` is the stored one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = np.linspace(0, 255, size[0]).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.tile(row, (size[1], 1))).save(path, exif=exif)


def png_bytes(size=(100, 80)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (9, 99, 199)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class MadeExport:
    """An export whose images are given."""

    images: tuple[RawImage, ...]
    split: dict | None = None
    read_keys: list = field(default_factory=list)

    @property
    def listing(self) -> Listing:
        items = tuple(
            Item(key=f"{number:05d}", annotation="made.json", position=number)
            for number in range(len(self.images))
        )
        return Listing(items=items, split=self.split, split_source="made" if self.split else "")

    def read(self, item):
        self.read_keys.append(item.key)
        return self.images[item.position]


@dataclass(frozen=True, slots=True)
class MadeReader:
    export: MadeExport

    looks_for = "a file called made.json"

    def recognise(self, source):
        return "made.json is there" if (source / "made.json").is_file() else ""

    def open(self, source, options):
        return self.export


def converted(monkeypatch, folder: Path, images, /, *, split=None, pictures=True, **options):
    """Convert made images; returns (what was done, the output folder). Each image without embedded bytes gets a picture."""
    source = folder / "in"
    source.mkdir(exist_ok=True)
    if not (source / "made.json").is_file():
        (source / "made.json").write_text("{}")
    for raw in images if pictures else ():
        if raw.embedded is None and not (source / raw.image).exists():
            picture(source / raw.image, raw.size or (100, 80))
    reader = MadeReader(MadeExport(tuple(images), split))
    monkeypatch.setattr("data_conversion.pipeline.source.READERS", {**READERS, "made": reader})
    out = folder / "out"
    done = convert(ConversionConfig(input=source, output=out, **options))
    return done, out


def pixels(path: Path):
    return cv2.imread(str(path), cv2.IMREAD_COLOR)


def records(out, name="all_samples"):
    return [json.loads(text) for text in (out / f"{name}.jsonl").read_text().splitlines()]


def report_of(out):
    return json.loads((out / "conversion_report.json").read_text())


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
