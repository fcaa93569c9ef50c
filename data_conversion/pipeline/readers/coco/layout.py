"""Which JSON files of a folder hold COCO or LVIS annotations, what they belong to, and which of them go together.

Told by the beginning and the end of a file, whose top-level lists may come in any order. Layouts:
`annotations/instances_train2017.json` with `captions_train2017.json` beside it, LVIS's `lvis_v1_train.json`, a folder for each of
train, valid and test with its own JSON (Roboflow), or one file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from data_conversion.pipeline.raw import SplitName
from src.utils.logger import get_logger

Flavour = Literal["coco", "lvis"]
_HEAD_BYTES = 64 << 10
_LIST = re.compile(r'"(images|annotations|categories)"\s*:\s*\[')
_KEYS = re.compile(
    r'"(image_id|file_name|coco_url|category_id|supercategory|iscrowd|bbox|caption)"\s*:'
)
_LVIS = re.compile(r'"(neg_category_ids|not_exhaustive_category_ids|synset|instance_count)"\s*:')
_ROOT = re.compile(r"\ufeff?\s*\{")
_TASK = re.compile(r"(instances|captions|person_keypoints)_(.+)")
_SPLITS: dict[str, SplitName | Literal["test"]] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "testing": "test",
}  # fmt: skip
logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One annotation file, POSIX paths relative to the export's folder.

    `captions` describes the same pictures ("" without). `folder` is where its pictures probably lie: it decides between files of
    the same name. `split` is what names say: "" when they say nothing.
    """

    path: str
    captions: str = ""
    folder: str = ""
    split: SplitName | Literal["test", ""] = ""


def recognise(source: Path, flavour: Flavour) -> str:
    """Why `source` holds files of `flavour`; empty when it does not. Looks into a few files only."""
    candidates = [source] if source.is_file() else _likely(source)
    for path in candidates:
        if flavour_of(path) == flavour:
            return f"{path.name} has images and annotations" + (
                " with LVIS's category lists" if flavour == "lvis" else ""
            )
    return ""


def members(source: Path) -> tuple[Member, ...]:
    """The annotation files below a folder, or the one file, sorted. What is another JSON is logged and left."""
    root = source.parent if source.is_file() else source
    paths = [source.name] if source.is_file() else list(_json_files(source))
    found = [path for path in paths if source.is_file() or flavour_of(root / path)]
    if others := sorted(set(paths) - set(found)):
        logger.info("%d JSON files are no COCO annotations, e.g. %s", len(others), others[0])
    by_task = {
        path: match for path in found if (match := _TASK.fullmatch(PurePosixPath(path).stem))
    }
    kept = []
    for path in sorted(found):
        captions = ""
        if path in by_task:
            task, rest = by_task[path].groups()
            sibling = {
                name: str(PurePosixPath(path).with_name(f"{name}_{rest}.json"))
                for name in ("instances", "captions")
            }
            if task != "instances" and sibling["instances"] in found:
                if task == "person_keypoints":
                    logger.warning(
                        "%s is not read: its objects are those of %s", path, sibling["instances"]
                    )
                continue
            if task != "captions" and sibling["captions"] in found:
                captions = sibling["captions"]
        split = split_of(path)
        kept.append(
            Member(path=path, captions=captions, folder=_folder_of(path, split), split=split)
        )
    return tuple(kept)


def flavour_of(path: Path) -> Flavour | Literal[""]:
    """What a file's beginning and end look like; never raises for other content."""
    try:
        with path.open("rb") as handle:
            head = handle.read(_HEAD_BYTES)
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(len(head), size - _HEAD_BYTES))
            text = head.decode("utf-8", "replace") + handle.read().decode("utf-8", "replace")
    except OSError:
        return ""
    if not _ROOT.match(text) or not _LIST.search(text) or not _KEYS.search(text):
        return ""
    return "lvis" if _LVIS.search(text) else "coco"


def _likely(folder: Path) -> Iterator[Path]:
    """A few JSON files of every place where one is expected."""
    for pattern in ("*.json", "annotations/*.json", "*/*.json", "*/annotations/*.json"):
        yield from sorted(folder.glob(pattern))[:8]


def _json_files(folder: Path) -> Iterator[str]:
    for below, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith(".json"):
                yield Path(below, name).relative_to(folder).as_posix()


def split_of(path: str) -> SplitName | Literal["test", ""]:
    """The first word of a split in the file's name, or else in its folders' from the innermost."""
    for part in (PurePosixPath(path).stem, *reversed(PurePosixPath(path).parts[:-1])):
        for word in re.findall(r"[a-z]+", part.lower()):
            if word in _SPLITS:
                return _SPLITS[word]
    return ""


def _folder_of(path: str, split: str) -> str:
    match = _TASK.fullmatch(PurePosixPath(path).stem)
    if match and split:
        return match[2]
    parent = PurePosixPath(path).parent
    return "" if parent.name in ("annotations", "") else parent.as_posix()
