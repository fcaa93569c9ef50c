"""What a conversion depends on, as digests by name: when all are equal, complete shards of an earlier run can be taken over.

Files are told apart by size and time of change, not read. Cost: one look at every annotation file, 3 microseconds each.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Item
from data_conversion.pipeline.reading import Export
from src.domains.config import DomainPack
from src.images import SUFFIXES

ROOT = Path(__file__).parents[2]
CODE = (
    "data_conversion",
    "src/contract",
    "src/datasets/geometry",
    "src/datasets/builders",
    "src/domains",
)
MODULES = ("src/files.py", "src/images.py", "src/errors.py")
"""What decides about a record: packages, single modules, and the libraries that decode and encode pictures."""
LIBRARIES = ("pillow", "opencv-python-headless", "simplejpeg", "numpy", "shapely")
WITHOUT_EFFECT = ("workers", "fail_fast", "overwrite", "split", "val_ratio", "seed", "limit")
"""Options that change no shard; what `seed` and `limit` choose is in the items."""


def fingerprint(
    config: ConversionConfig,
    source_format: str,
    items: Sequence[Item],
    export: Export,
    images: ImageIndex,
    pack: DomainPack | None,
) -> dict[str, str]:
    """Digests of options, items, annotation files, names of pictures, domain pack, libraries and code.

    `export` is what reads the items: its code may be that of a caller, outside this package.
    """
    options = {name: str(value) for name, value in asdict(config).items()}
    parts = {
        "code": _code(export),
        "libraries": (f"{name} {version(name)}\n".encode() for name in LIBRARIES),
        "items": (f"{i.key}\0{i.annotation}\0{i.position}\n".encode() for i in items),
        "annotation files": _files(config.input, items),
        "pictures": _names(images),
        "domain pack": [repr(pack).encode()],
    }
    parts |= {
        name: [f"{source_format if name == 'format' else value}".encode()]
        for name, value in options.items()
        if name not in WITHOUT_EFFECT
    }
    return {name: _digest(data) for name, data in sorted(parts.items())}


def _code(export: Export) -> Iterator[bytes]:
    folders = [ROOT / name for name in CODE]
    of_export = Path(inspect.getfile(type(export))).parent
    if not of_export.is_relative_to(folders[0]):
        folders.append(of_export)
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    for path in (*files, *(ROOT / name for name in MODULES)):
        yield path.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _files(source: Path, items: Sequence[Item]) -> Iterator[bytes]:
    """A line for the one file that the input is, or every file in it that is no picture, and those that items name besides.

    A list may name files elsewhere, and a walk does not enter linked folders.
    """
    root = source.parent if source.is_file() else source
    found = {item.annotation for item in items if item.annotation}
    if source.is_file():
        found.add(source.name)
    else:
        for folder, _folders, names in os.walk(source):
            below = Path(folder).relative_to(source)
            found.update(
                (below / name).as_posix() for name in names if not name.lower().endswith(SUFFIXES)
            )
    for name in sorted(found):
        yield _line(root / name, name)


def _line(path: Path, name: str) -> bytes:
    """Links count as what they lead to."""
    try:
        stat = path.stat()
    except (OSError, ValueError):  # a dangling link, or a name that no file can have
        return os.fsencode(f"{name}\0absent\n")
    return os.fsencode(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n")


def _names(images: ImageIndex) -> Iterator[bytes]:
    for paths in (images.by_name or {}).values():
        for path in paths:
            yield os.fsencode(f"{path}\n")
