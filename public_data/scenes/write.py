"""Write composed scenes as contract JSONL files beside their images.

The same options give the same bytes. A finished folder holds `scenes.json`, written last; a folder without it is unfinished and
is written anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import orjson

from public_data.scenes.compose import Pixels, SceneOptions, compose
from public_data.scenes.digits import load_digits
from src.contract.records import ObjectAnnotation
from src.files import atomic_write, write_text
from src.utils.progress import progress

MARKER = "scenes.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenesPlan:
    """How many scenes of which split, and what they look like."""

    counts: dict[str, int]
    options: SceneOptions
    seed: int


def summary_of(objects: Sequence[ObjectAnnotation]) -> str:
    """Counted descriptions, most frequent first: "digit seven x2, red card x1"; "nothing" for an empty scene."""
    counts = Counter(item.desc for item in objects)
    parts = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{desc} x{count}" for desc, count in parts) or "nothing"


def record_line(image: str, size: int, objects: Sequence[ObjectAnnotation]) -> bytes:
    """The contract line of a scene."""
    return orjson.dumps(
        {
            "images": [image],
            "width": size,
            "height": size,
            "objects": [{"desc": item.desc, item.kind: list(item.points)} for item in objects],
            "summary": summary_of(objects),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def write_scenes(out: Path, plan: ScenesPlan) -> None:
    """Make `out/{split}.jsonl`, `out/images/` and the marker."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / MARKER).unlink(missing_ok=True)
    for split, count in plan.counts.items():
        with atomic_write(out / f"{split}.jsonl", "wb") as handle:
            lines = _scenes(out, plan, split, count)
            for line in progress(lines, total=count, label=f"scenes {split}"):
                handle.write(line)
    write_text(out / MARKER, json.dumps(asdict(plan), indent=2) + "\n")


def _scenes(out: Path, plan: ScenesPlan, split: str, count: int) -> Iterator[bytes]:
    digits = load_digits(split)
    for number in range(count):
        pixels, objects = compose(plan.options, digits, plan.seed, split, number)
        image = f"images/{split}_{number:06d}.png"
        # Not flushed one by one: the marker, written last, says that the folder is whole.
        (out / image).write_bytes(_png(pixels))
        yield record_line(image, plan.options.size, objects)


def _png(pixels: Pixels) -> bytes:
    ok, data = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert ok
    return data.tobytes()
