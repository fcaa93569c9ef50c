"""Telecom files for tests: features, whole annotations with their picture, and what the reader makes of one."""

import json

from PIL import Image

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.telecom import TelecomReader
from data_conversion.pipeline.reading import ReadOptions

SQUARE = [[10, 20], [30, 20], [30, 60], [10, 60], [10, 20]]


def feature(kind="ExtentPolygon", coordinates=None, **properties):
    points = [SQUARE] if coordinates is None else coordinates
    properties = {"content": "thing", **properties}
    return {"geometry": {"type": kind, "coordinates": points}, "properties": properties}


def annotation(*features, **more):
    return {"info": {"width": 100, "height": 80}, "markResult": {"features": features}, **more}


def write(root, name, content):
    path = root / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(text)
    Image.new("RGB", (100, 80)).save(path.with_suffix(".jpeg"))
    return root


def read(root, content, name="site/a"):
    write(root, name, content)
    export = TelecomReader().open(root, ReadOptions(images=ImageIndex.of(root)))
    return export.read(next(item for item in export.listing.items if item.key == name))


def rules(raw):
    return [(finding.kind, finding.rule) for finding in raw.findings]
