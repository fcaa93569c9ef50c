"""Configs over several small data sets, for tests of mixes."""

from __future__ import annotations

import json
from pathlib import Path

from src.config.loader import load_config
from src.datasets.preparation import RunData, prepare
from tests.datasets.lengths_by_character import Characters

CHAT = {
    "messages": [
        {"role": "user", "content": "How many?"},
        {"role": "assistant", "content": "Two cards."},
    ]
}


def write_lines(path: Path, records) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def write_parts(folder: Path, scenes: Path) -> dict[str, Path]:
    """Five data sets cut out of the scenes: two targets, a source, chats without pictures, pictures without objects."""
    records = [json.loads(line) for line in (scenes / "train.jsonl").read_text().splitlines()]
    for part in ("a", "b", "c", "none"):
        (folder / part).mkdir(parents=True)
        (folder / part / "images").symlink_to(scenes / "images")
    blank = [
        {**{k: r[k] for k in ("images", "width", "height")}, "objects": []} for r in records[:9]
    ]
    return {
        "a": write_lines(folder / "a" / "train.jsonl", records[:40]),
        "b": write_lines(folder / "b" / "train.jsonl", records[40:70]),
        "c": write_lines(folder / "c" / "train.jsonl", records[70:90]),
        "chat": write_lines(folder / "chat" / "train.jsonl", [CHAT] * 5),
        "none": write_lines(folder / "none" / "train.jsonl", blank),
    }


def fusion_of(parts: dict[str, Path], scenes: Path) -> dict:
    return {
        "targets": [
            {"name": "a", "train_jsonl": str(parts["a"]), "val_jsonl": str(scenes / "val.jsonl")},
            {"name": "b", "train_jsonl": str(parts["b"]), "ratio": 0.5, "mode": "summary"},
        ],
        "sources": [
            {
                "name": "c",
                "train_jsonl": str(parts["c"]),
                "dataset": "lvis",
                "ratio": 0.8,
                "max_objects_per_image": 1,
            },
            {"name": "talk", "train_jsonl": str(parts["chat"]), "dataset": "chat", "ratio": 0.3},
            {"name": "none", "train_jsonl": str(parts["none"]), "role": "negative", "ratio": 0.1},
        ],
    }


def write_fusion(path: Path, fusion: dict) -> Path:
    path.write_text(json.dumps(fusion))
    return path


def prepared(
    config_file: Path, fusion: Path, scenes: Path, *overrides: str, length_of=None
) -> tuple:
    """(config, data) of the mix; no model is needed."""
    given = [
        "custom.train_jsonl=null",
        "custom.val_jsonl=null",
        f"custom.fusion_config={fusion}",
        f"custom.image_roots=[{scenes}]",
        "global_max_length=100000",
        *overrides,
    ]
    config = load_config(config_file, given).config
    data: RunData = prepare(config, lambda: length_of or Characters(), rank=0, world_size=1)
    return config, data
