"""From a wish to resume to the checkpoint that a run continues, in its own run folder. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from src.config.loader import load_config, resolve_path
from src.config.schema import TrainingConfig
from src.datasets.fingerprint import differences
from src.errors import ConfigError, Issue
from src.training.checkpoints import (
    Checkpoint,
    Torn,
    latest_checkpoint,
    read_checkpoint,
    set_aside_after,
    warn_torn,
)
from src.training.progress_page import FOLDER as EVALUATIONS
from src.training.step_logs import cut_logs
from src.utils.logger import get_logger, rank

logger = get_logger(__name__)
AUTO = "auto"
LINKS = ("last", "best")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumePlan:
    """What a start does: the checkpoint to continue (None: start anew) and the config for ms-swift that does so."""

    config: TrainingConfig
    checkpoint: Checkpoint | None


def plan_resume(config: TrainingConfig, asked: str | None) -> ResumePlan:
    """The plan for `--resume` (`auto`, a run folder or a checkpoint folder) or the config's own `resume_from_checkpoint`.

    Every rank finds the same one by itself: nothing is written to a run folder before all ranks have started. `ConfigError`
    when a named checkpoint cannot be resumed; `auto` without any starts anew.
    """
    training = config.training
    configured = training.get("resume_from_checkpoint")
    if _weights_only(config):
        if asked is not None:
            raise ConfigError.say(
                "training.resume_only_model starts a new run from old weights; it cannot be resumed too",
                path="training.resume_only_model",
                remedy="remove it, or start without --resume",
            )
        return ResumePlan(config=config, checkpoint=None)
    wish = asked or configured
    if wish is None:
        return ResumePlan(config=config, checkpoint=None)
    checkpoint = _newest(config) if wish == AUTO else _named(wish)
    if checkpoint is None:
        _say("no complete checkpoint to resume: starting anew")
        without = {k: v for k, v in training.items() if k != "resume_from_checkpoint"}
        return ResumePlan(config=replace(config, training=without), checkpoint=None)
    _say(f"resuming {checkpoint.path} after step {checkpoint.step}")
    return ResumePlan(config=_continuing(config, checkpoint), checkpoint=checkpoint)


def _say(text: str) -> None:
    if rank() == 0:
        logger.info("%s", text)


def _weights_only(config: TrainingConfig) -> bool:
    return bool(config.training.get("resume_only_model"))


def _continuing(config: TrainingConfig, checkpoint: Checkpoint) -> TrainingConfig:
    """The config in which ms-swift loads the checkpoint and goes on in its run folder."""
    training = {
        **config.training,
        "resume_from_checkpoint": str(checkpoint.path),
        "output_dir": str(checkpoint.run_dir),
        "add_version": False,
    }
    return replace(config, training=training)


def _newest(config: TrainingConfig) -> Checkpoint | None:
    """The checkpoint that was saved last among the run folders of `training.output_dir`."""
    if not config.training.get("output_dir"):
        raise ConfigError.say(
            "auto looks below training.output_dir, which is not set",
            path="training.output_dir",
            remedy="set it, or name the checkpoint: --resume PATH",
        )
    root = resolve_path(config.training["output_dir"])
    folders = (
        [root, *(path for path in sorted(root.iterdir()) if path.is_dir())] if root.is_dir() else []
    )
    found = []
    for folder in folders:
        checkpoint, torn = latest_checkpoint(folder)
        if rank() == 0:
            warn_torn(torn)
        if checkpoint is not None and checkpoint.progress.resumable:
            found.append(checkpoint)
    return max(found, key=lambda checkpoint: checkpoint.saved_at) if found else None


def _named(wish: str) -> Checkpoint:
    """The checkpoint of a checkpoint folder, or the newest of a run folder; from here or from the repository root."""
    path = Path(wish).absolute() if Path(wish).exists() else resolve_path(wish)
    found: Checkpoint | Torn | None = read_checkpoint(path)
    if isinstance(found, Torn) and path.is_dir():
        newest, torn = latest_checkpoint(path)
        if newest is not None or torn:
            warn_torn(torn)
            found = newest or torn[-1]
    if isinstance(found, Torn):
        raise ConfigError.say(
            f"cannot resume {found.path}: {found.reason}",
            remedy="name a complete checkpoint or its run folder, or write auto",
        )
    assert found is not None
    if not found.progress.resumable:
        raise ConfigError.say(
            f"cannot resume {found.path}: it holds weights without optimizer state",
            remedy="set training.resume_only_model: true to start a new run from its weights",
        )
    return found


def check_plan(
    checkpoint: Checkpoint, fingerprint: Mapping[str, str], *, allow_changed: bool
) -> None:
    """`ConfigError` naming each part of data and plan that is not the checkpoint's; a warning when that is allowed."""
    changed = differences(checkpoint.fingerprint, fingerprint)
    if not changed:
        return
    if allow_changed:
        for name, old, new in changed:
            logger.warning("%s changed since %s: %s -> %s", name, checkpoint.path.name, old, new)
        return
    raise ConfigError(
        *(
            Issue(message=f"changed since {checkpoint.path.name}: {old} -> {new}", path=name)
            for name, old, new in changed
        ),
        Issue(
            message=f"{checkpoint.path} belongs to another data plan",
            remedy="start anew without --resume, put the plan back, or set custom.resume.allow_changed: true",
        ),
    )


def take_back(run_dir: Path, step: int) -> None:
    """Bring the run folder to where it was after a step: logs cut, later checkpoints set aside, old links removed.

    Step 0 is a start anew, which finds what an earlier start in the same folder left: logs would mix, and a checkpoint of a
    higher step would pass for the newest.
    """
    cut_logs(run_dir, step)
    cut_logs(run_dir / EVALUATIONS, step)
    set_aside_after(run_dir, step)
    for name in LINKS:
        if (run_dir / name).is_symlink():
            (run_dir / name).unlink()


def warn_changed_settings(run_dir: Path, config: TrainingConfig) -> None:
    """Name every value that is not the run folder's `config.yaml`; `config` is the one as given, before resuming."""
    written = run_dir / "config.yaml"
    if not written.is_file():
        return
    try:
        before = load_config(written).config
    except ConfigError as error:
        logger.warning("%s cannot be compared: %s", written, error)
        return
    old, new = (dict(_leaves(asdict(item), "")) for item in (before, config))
    for name in dict.fromkeys((*old, *new)):
        if name.startswith(("training.resume", "training.output_dir", "training.add_version")):
            continue
        if old.get(name) != new.get(name):
            logger.warning("%s changed: %s -> %s", name, old.get(name), new.get(name))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, list(value) if isinstance(value, tuple) else value
