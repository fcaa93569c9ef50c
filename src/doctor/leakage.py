"""The same picture more than once: in several records, and in training and validation files alike.

A file's digest finds copies; a perceptual hash finds the same picture stored again (resized, re-encoded). Only with `val`
files are pictures decoded: about 8 ms each at 640x480.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from src.doctor.annotations import Annotations
from src.doctor.checks import Check
from src.doctor.pictures import Located
from src.errors import ImageError
from src.files import file_digest
from src.images import load_rgb
from src.utils.progress import progress

GRID = 16
HASH_BITS = GRID * GRID
MOST_BITS_APART = 8
FEWEST_BITS_SET = 8
MOST_EXAMPLES = 24


def check_repeated_pictures(data: Annotations, val_files: frozenset[int]) -> Check:
    """The check "repeated-pictures": one picture named by several records with objects, by its path.

    Training and validation count on their own: a picture in both is `check_leakage`'s.
    """
    named = [
        ((int(data.file[row]) in val_files, _path(data, int(row))), row)
        for row in np.flatnonzero(data.is_dense)
        if data.image[row]
    ]
    counts = Counter(name for name, _ in named)
    repeated = [row for name, row in named if counts[name] > 1]
    if not repeated:
        return Check(
            name="repeated-pictures", verdict="ok", sentence="every picture belongs to one record"
        )
    pictures = sum(count > 1 for count in counts.values())
    return Check(
        name="repeated-pictures",
        verdict="found",
        cause="repeated-pictures",
        sentence=f"{pictures} pictures belong to several records; the first at {data.place(int(repeated[0]))}",
        remedy="put a picture's objects into one record: each record is taken for the whole truth",
        evidence={"pictures": pictures, "records": len(repeated)},
        records=tuple(int(row) for row in repeated[:MOST_EXAMPLES]),
    )


def _path(data: Annotations, row: int) -> str:
    return str(Path(data.files[data.file[row]]).parent / data.image[row])


def check_leakage(data: Annotations, located: Located | None, val_files: frozenset[int]) -> Check:
    """The check "leakage": pictures of the files in `val_files` (indices) that other files have, too."""
    if not val_files:
        return Check(name="leakage", verdict="undecided", sentence="no --val file was given")
    if located is None or not located.paths:
        return Check(name="leakage", verdict="undecided", sentence="no pictures were read")
    train = {key: path for key, path in located.paths.items() if key[0] not in val_files}
    val = {key: path for key, path in located.paths.items() if key[0] in val_files}
    copies = _copies(train, val)
    alike = _alike(train, {key: path for key, path in val.items() if key not in copies})
    leaking = {**copies, **alike}
    evidence: dict[str, float | int | str] = {
        "train_pictures": len(train), "val_pictures": len(val),
        "same_file": len(copies), "same_picture": len(alike),
    }  # fmt: skip
    for key, other in list(leaking.items())[:MOST_EXAMPLES]:
        evidence[f"{data.files[key[0]]}: {key[1]}"] = other
    if not leaking:
        sentence = f"none of {len(val)} validation pictures is among {len(train)} others"
        return Check(name="leakage", verdict="ok", sentence=sentence, evidence=evidence)
    rows = [
        row for row in range(data.num_records) if (int(data.file[row]), data.image[row]) in leaking
    ]
    return Check(
        name="leakage",
        verdict="found",
        cause="leakage",
        sentence=f"{len(leaking)} of {len(val)} validation pictures are in training, too",
        remedy="take them out of one side; split by a group (group_by=) that keeps copies together",
        evidence=evidence,
        records=tuple(rows[:MOST_EXAMPLES]),
    )  # fmt: skip


Paths = Mapping[tuple[int, str], Path]


def _copies(train: Paths, val: Paths) -> dict[tuple[int, str], str]:
    """Validation pictures whose bytes a training picture has; files of a size that the other side lacks are not read."""
    sizes = {path.stat().st_size for path in train.values()}
    wanted = {key: path for key, path in val.items() if path.stat().st_size in sizes}
    if not wanted:
        return {}
    val_sizes = {path.stat().st_size for path in wanted.values()}
    known = [(key[1], path) for key, path in train.items() if path.stat().st_size in val_sizes]
    digests = {
        file_digest(path): name for name, path in progress(known, total=len(known), label="digests")
    }
    found = {key: file_digest(path) for key, path in wanted.items()}
    return {key: digests[digest] for key, digest in found.items() if digest in digests}


def _alike(train: Paths, val: Paths) -> dict[tuple[int, str], str]:
    """Validation pictures whose perceptual hash is at most `MOST_BITS_APART` bits from a training picture's.

    The hash is cut into one piece more than bits may differ, so that two such hashes share a piece.
    """
    if not val:
        return {}
    pieces: dict[tuple[int, int], list[tuple[int, str]]] = defaultdict(list)
    for name, value in _hashes(train, "hash training pictures"):
        for piece in _pieces(value):
            pieces[piece].append((value, name[1]))
    found = {}
    for key, value in _hashes(val, "hash validation pictures"):
        near = (
            name
            for piece in _pieces(value)
            for other, name in pieces.get(piece, ())
            if (value ^ other).bit_count() <= MOST_BITS_APART
        )
        match = next(near, "")
        if match:
            found[key] = match
    return found


def _hashes(paths: Paths, label: str) -> Iterable[tuple[tuple[int, str], int]]:
    for key, path in progress(paths.items(), total=len(paths), label=label):
        try:
            value = perceptual_hash(path)
        except ImageError:
            continue  # Listed by the check of pictures already.
        if min(value.bit_count(), HASH_BITS - value.bit_count()) >= FEWEST_BITS_SET:
            yield key, value


def perceptual_hash(path: Path) -> int:
    """dHash of the upright picture: 256 bits, each whether brightness rises to the right on a grid of 16 x 17 cells."""
    grey = Image.fromarray(load_rgb(path)).convert("L")
    cells = np.asarray(grey.resize((GRID + 1, GRID), Image.Resampling.BOX), dtype=np.int16)
    bits = np.packbits(cells[:, 1:] > cells[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")


def _pieces(value: int) -> Iterable[tuple[int, int]]:
    count = MOST_BITS_APART + 1
    width = -(-HASH_BITS // count)
    return [(place, (value >> (place * width)) & ((1 << width) - 1)) for place in range(count)]
