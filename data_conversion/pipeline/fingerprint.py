"""What a conversion depends on, as digests by name: when all are equal, complete shards of an earlier run can be taken over.

Files are told apart by size and time of change, not read. Cost: one look at every annotation file, 3 microseconds each.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Item
from src.domains.config import DomainPack
from src.images import SUFFIXES

CODE = Path(__file__).parents[1]
WITHOUT_EFFECT = ("workers", "fail_fast", "overwrite", "split", "val_ratio", "seed", "limit")
"""Options that change no shard; what `seed` and `limit` choose is in the items."""


def fingerprint(
    config: ConversionConfig,
    source_format: str,
    items: Sequence[Item],
    images: ImageIndex,
    pack: DomainPack | None,
) -> dict[str, str]:
    """Digests of the options, the items, the annotation files, the names of pictures, the domain pack and the code."""
    options = {name: str(value) for name, value in asdict(config).items()}
    parts = {
        "code": (path.read_bytes() for path in sorted(CODE.rglob("*.py"))),
        "items": (f"{i.key}\0{i.annotation}\0{i.position}\n".encode() for i in items),
        "annotation files": _files(config.input),
        "pictures": _names(images),
        "domain pack": [repr(pack).encode()],
    }
    parts |= {
        name: [f"{source_format if name == 'format' else value}".encode()]
        for name, value in options.items()
        if name not in WITHOUT_EFFECT
    }
    return {name: _digest(data) for name, data in sorted(parts.items())}


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _files(source: Path) -> Iterator[bytes]:
    """A line for every file that is no picture, or for the one file that the input is."""
    if source.is_file():
        yield _line(source, source.name)
        return
    found = []
    for folder, _folders, names in os.walk(source):
        for name in names:
            if not name.lower().endswith(SUFFIXES):
                path = Path(folder) / name
                found.append((path.relative_to(source).as_posix(), path))
    for name, path in sorted(found):
        yield _line(path, name)


def _line(path: Path, name: str) -> bytes:
    stat = path.lstat()
    return os.fsencode(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n")


def _names(images: ImageIndex) -> Iterator[bytes]:
    for paths in (images.by_name or {}).values():
        for path in paths:
            yield os.fsencode(f"{path}\n")
