"""An export of one picture read without a conversion: what its reader hands over."""

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.reading import ReadOptions


def touch(folder, *names):
    """Picture files, as far as a reader cares: names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def opened(reader, source, root=None):
    folder = root or (source if source.is_dir() else source.parent)
    return reader.open(source, ReadOptions(images=ImageIndex.of(folder)))


def read_one(reader, source, root=None):
    export = opened(reader, source, root)
    (item,) = export.listing.items
    return export.read(item)


def rules(raw):
    """(kind, rule, object) of each finding."""
    return [(f.kind, f.rule, f.object_index) for f in raw.findings]
