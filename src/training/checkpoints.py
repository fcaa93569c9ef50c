"""Checkpoints of a run folder that are complete or absent.

HF writes `checkpoint-N` file by file. A marker, `complete.json`, is written last, atomically, after every file is on disk; it
lists name and size of each file, so a folder without marker, or with a deleted or shortened file, is torn: it is named and never
used. Transformers' own search takes the highest number and so picks the torn one.

A second save at a step that has a complete checkpoint (a save at the last step of an epoch, then one at its end) first moves that
one to `checkpoint-N.old`, where it is still found, so that no moment is without a complete checkpoint. No torch here. Cost: one
fsync a file when saving; one `stat` a file when reading.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from src.files import write_text
from src.utils.logger import get_logger

logger = get_logger(__name__)
MARKER = "complete.json"
FORMAT = 1
_NAME = re.compile(r"checkpoint-(\d+)(\.old)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stood when it saved.

    `step` counts optimizer steps done. `left` names what the uninterrupted run does at this step after the save: `evaluate`,
    `epoch_end`. `resumable` is False for weights without optimizer state.
    """

    step: int
    epoch: float
    world_size: int
    left: tuple[str, ...] = ()
    resumable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A complete checkpoint; `fingerprint` is the plan that it belongs to, as the caller described it."""

    path: Path
    progress: Progress
    saved_at: float
    fingerprint: Mapping[str, str]

    @property
    def step(self) -> int:
        return self.progress.step

    @property
    def run_dir(self) -> Path:
        return self.path.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """A checkpoint folder that must not be used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The checkpoints of a run folder: complete ones by step, ascending, and torn ones."""

    complete: tuple[Checkpoint, ...]
    torn: tuple[Torn, ...]


def checkpoint_dir(run_dir: Path, step: int) -> Path:
    """The folder that HF writes the checkpoint of a step to."""
    return run_dir / f"checkpoint-{step}"


def mark_complete(folder: Path, progress: Progress, fingerprint: Mapping[str, str]) -> None:
    """Flush every file of the folder to disk, then write the marker; call it when all ranks have written their part."""
    files = _files(folder)
    for name in files:
        _fsync(folder / name)
    content = {
        "format": FORMAT,
        **asdict(progress),
        "saved_at": time.time(),
        "fingerprint": dict(fingerprint),
        "files": files,
    }
    write_text(folder / MARKER, json.dumps(content, indent=1) + "\n")
    _fsync(folder)
    _fsync(folder.parent)


def _files(folder: Path) -> dict[str, int]:
    """Size of every file below the folder by its relative name; the marker itself left out."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MARKER
    }


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_checkpoint(folder: Path) -> Checkpoint | Torn:
    """The checkpoint in a folder, or the reason why it is none."""
    if not folder.is_dir():
        return Torn(path=folder, reason="no such folder")
    if not (folder / MARKER).is_file():
        return Torn(path=folder, reason=f"no {MARKER}: the save was cut short")
    try:
        found = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            return Torn(path=folder, reason=f"{MARKER} has format {found['format']}, not {FORMAT}")
        checkpoint = _decoded(folder, found)
        files: Mapping[str, int] = dict(found["files"])
    except (ValueError, KeyError, TypeError) as error:
        return Torn(path=folder, reason=f"{MARKER} is damaged ({error})")
    named = _NAME.fullmatch(folder.name)
    if named is not None and int(named[1]) != checkpoint.step:
        return Torn(path=folder, reason=f"{MARKER} is of step {checkpoint.step}")
    reason = _missing(folder, files)
    return checkpoint if reason is None else Torn(path=folder, reason=reason)


def _decoded(folder: Path, found: Mapping[str, Any]) -> Checkpoint:
    progress = Progress(
        step=int(found["step"]),
        epoch=float(found["epoch"]),
        world_size=int(found["world_size"]),
        left=tuple(found["left"]),
        resumable=bool(found["resumable"]),
    )
    return Checkpoint(
        path=folder,
        progress=progress,
        saved_at=float(found["saved_at"]),
        fingerprint=dict(found["fingerprint"]),
    )


def _missing(folder: Path, files: Mapping[str, int]) -> str | None:
    """The first file of the manifest that is not there in full."""
    for name, size in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes, not {size}"
    return None


def survey(run_dir: Path) -> Survey:
    """Every checkpoint folder of a run folder."""
    folders = []
    for path in run_dir.iterdir() if run_dir.is_dir() else ():
        named = _NAME.fullmatch(path.name)
        if named is not None and path.is_dir():
            folders.append((int(named[1]), named[2] is None, path))
    read = [read_checkpoint(path) for *_, path in sorted(folders)]
    return Survey(
        complete=tuple(item for item in read if isinstance(item, Checkpoint)),
        torn=tuple(item for item in read if isinstance(item, Torn)),
    )


def latest_checkpoint(run_dir: Path) -> tuple[Checkpoint | None, tuple[Torn, ...]]:
    """The newest complete checkpoint of a run folder, and the torn ones; see `warn_torn`."""
    found = survey(run_dir)
    return (found.complete[-1] if found.complete else None), found.torn


def warn_torn(torn: Iterable[Torn]) -> None:
    """Name each torn checkpoint in a warning."""
    for item in torn:
        logger.warning("%s is torn and skipped: %s", item.path, item.reason)


def make_room(folder: Path) -> None:
    """Clear the place of a checkpoint that is about to be written: torn ones go, a complete one moves to `.old`."""
    if not folder.exists():
        return
    aside = folder.with_name(f"{folder.name}.old")
    if isinstance(read_checkpoint(folder), Checkpoint):
        _remove(aside)
        folder.replace(aside)
    else:
        logger.warning("%s was torn; it is written anew", folder)
        _remove(folder)


def rotate(run_dir: Path, limit: int | None, best: Path | None) -> None:
    """Keep at most `limit` complete checkpoints, never fewer than the newest and the best; call it after the marker.

    With a limit, torn folders below the newest complete step go too: a limit asks for bounded disk. Without one nothing is
    deleted but the `.old` twin of a checkpoint that is complete again.
    """
    found = survey(run_dir)
    twins = {checkpoint.path for checkpoint in found.complete}
    for checkpoint in found.complete:
        if checkpoint.path.suffix == ".old" and checkpoint.path.with_suffix("") in twins:
            _remove(checkpoint.path)
    if limit is None or limit <= 0:
        return
    kept = list(survey(run_dir).complete)
    protected = {checkpoint.path for checkpoint in kept[-1:]} | ({best} if best else set())
    excess = len(kept) - max(limit, len(protected & {checkpoint.path for checkpoint in kept}))
    for checkpoint in [c for c in kept if c.path not in protected][: max(excess, 0)]:
        logger.info("%s goes: save_total_limit is %d", checkpoint.path.name, limit)
        _remove(checkpoint.path)
    for item in found.torn:
        named = _NAME.fullmatch(item.path.name)
        if kept and named is not None and int(named[1]) < kept[-1].step:
            logger.info("%s goes: it is torn (%s)", item.path.name, item.reason)
            _remove(item.path)


def set_aside_after(run_dir: Path, step: int) -> None:
    """Rename complete checkpoints beyond a step, which a run resumed there is going to write anew."""
    for checkpoint in survey(run_dir).complete:
        if checkpoint.step > step:
            target = checkpoint.path.with_name(f"replaced-{checkpoint.path.name}-{time.time_ns()}")
            logger.warning("%s is of the run that is taken back; now %s", checkpoint.path, target)
            checkpoint.path.replace(target)


def _remove(folder: Path) -> None:
    """Marker first: a removal that is cut short leaves a folder without one."""
    if folder.is_dir():
        (folder / MARKER).unlink(missing_ok=True)
        shutil.rmtree(folder)


def put_in_place(written: Path, folder: Path) -> None:
    """Give a folder that has been written in full its name; an older one of that name is removed after it was moved."""
    for name in _files(written):
        _fsync(written / name)
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    written.replace(folder)
    _fsync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)
