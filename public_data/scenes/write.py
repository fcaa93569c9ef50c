"""Write composed scenes as contract JSONL files beside their images.

The same options give the same bytes, for any number of workers. A finished folder holds `scenes.json`, written last; a folder
without it is unfinished and is written anew.

A training file may spell out a curriculum, to be read in file order (`custom.shuffle: false`): first single digits with a
one-word question (what is this?), then scenes of one object, then all scenes, `rounds` times over in different orders, with a
digit question now and then so that digits are not forgotten.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import cv2
import orjson

from public_data.ordered_map import ordered_map
from public_data.scenes.compose import Pixels, SceneOptions, compose
from public_data.scenes.digits import DigitSet, load_digits
from src.contract.records import ObjectAnnotation
from src.files import atomic_write, write_text
from src.rng import generator
from src.utils.progress import progress

MARKER = "scenes.json"
JPEG_QUALITY = 92
QUESTION = "Name."
NAME_SIZE = 64
NAME_EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenesPlan:
    """How many scenes of which split, what they look like, and the training file's curriculum.

    `num_names` single digits come first (0: no curriculum, no digit questions at all), then `num_single` scenes of one object,
    then `rounds` passes over all scenes.
    """

    counts: dict[str, int]
    options: SceneOptions
    seed: int
    num_names: int = 0
    num_single: int = 0
    rounds: int = 1


def summary_of(objects: Sequence[ObjectAnnotation]) -> str:
    """Counted descriptions, most frequent first: "digit seven x2, red card x1"; "nothing" for an empty scene."""
    counts = Counter(item.desc for item in objects)
    parts = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{desc} x{count}" for desc, count in parts) or "nothing"


def scene_line(image: str, size: int, objects: Sequence[ObjectAnnotation]) -> bytes:
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


def name_line(image: str, size: int, name: str) -> bytes:
    """The contract line of a digit question."""
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": name}]
    return orjson.dumps(
        {"images": [image], "width": size, "height": size, "messages": turns},
        option=orjson.OPT_APPEND_NEWLINE,
    )


def write_scenes(out: Path, plan: ScenesPlan, workers: int = 1) -> dict[str, int]:
    """Make `out/{split}.jsonl`, `out/images/` and the marker; the number of records of each split."""
    records: dict[str, int] = {}
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / MARKER).unlink(missing_ok=True)
    with ordered_map(workers) as each:
        for split, count in plan.counts.items():
            make = partial(make_scene, out, plan, split)
            made = each(make, range(count), 64)
            lines = list(progress(made, total=count, label=f"scenes {split}"))
            if split == "train" and plan.num_names:
                names = list(each(partial(make_name, out, plan), range(plan.num_names), 64))
                lines = curriculum(lines, names, plan)
            with atomic_write(out / f"{split}.jsonl", "wb") as handle:
                handle.writelines(lines)
            records[split] = len(lines)
    write_text(out / MARKER, json.dumps(asdict(plan), indent=2) + "\n")
    return records


def curriculum(scenes: list[bytes], names: list[bytes], plan: ScenesPlan) -> list[bytes]:
    """The training file's lines in the order to be learned (see the module text)."""
    single = [line for line in scenes if len(orjson.loads(line)["objects"]) == 1]
    ordered = [single[row % len(single)] for row in range(plan.num_single)] if single else []
    for number in range(plan.rounds):
        order = generator(plan.seed, "round", number).permutation(len(scenes))
        ordered += [scenes[row] for row in order]
    lines = list(names)
    for position, line in enumerate(ordered):
        if position % NAME_EVERY == 0:
            lines.append(names[(position // NAME_EVERY) % len(names)])
        lines.append(line)
    return lines


@lru_cache(maxsize=3)
def _digits(split: str) -> DigitSet:
    return load_digits(split)


def make_scene(out: Path, plan: ScenesPlan, split: str, number: int) -> bytes:
    """Compose and store one scene; its line."""
    pixels, objects = compose(plan.options, _digits(split), plan.seed, split, number)
    image = _store(out, f"{split}_{number:06d}", pixels)
    return scene_line(image, plan.options.size, objects)


def make_name(out: Path, plan: ScenesPlan, number: int) -> bytes:
    """Compose and store one digit question; its line."""
    options = replace(
        plan.options,
        size=NAME_SIZE,
        min_objects=1,
        max_objects=1,
        min_extent=0.6,
        max_extent=0.95,
        digit_share=1.0,
    )
    pixels, (item,) = compose(options, _digits("train"), plan.seed, "name", number)
    return name_line(_store(out, f"name_{number:06d}", pixels), NAME_SIZE, item.desc)


def _store(out: Path, name: str, pixels: Pixels) -> str:
    ok, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert ok
    image = f"images/{name}.jpg"
    # Not flushed one by one: the marker, written last, says that the folder is whole.
    (out / image).write_bytes(data.tobytes())
    return image
