"""The plan of a run on disk: enough to say later, without its tokenizer or model, which sample stood in which step.

`plan.json` holds the settings and, per data set, its file, quota and the digest of its usable rows; `plan/` the rows, lengths and
object limits as `.npy`. `open_record` gives back the data set and the plan that training used; changed files are refused.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson

from src.config.loader import resolve_path
from src.config.schema import TrainingConfig
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.datasets.assembly import augmentation_pipeline, make_dataset
from src.datasets.builders.conversation import Conversation
from src.datasets.mix import member_specs
from src.datasets.plan import EpochPlan, Pool
from src.datasets.preparation import RunData
from src.datasets.source import RecordSource
from src.datasets.tables import mix_rows
from src.datasets.unified_fusion_dataset import UnifiedFusionDataset
from src.errors import DataError
from src.files import atomic_write, file_digest

FILE = "plan.json"
FOLDER = "plan"
VERSION = 1
MAX_EPOCHS_TOLD = 20


def write_record(run_dir: Path, data: RunData) -> None:
    """Write the plan and the realised mix of each epoch (at most the first 20) into a run folder."""
    plan = data.plan
    for number, member in enumerate(data.train):
        source = member.dataset.source
        _save(run_dir, f"{number}.rows", source.rows)
        _save(run_dir, f"{number}.lengths", member.lengths.bound)
        if source.object_limits is not None:
            _save(run_dir, f"{number}.limits", source.object_limits)
    facts = {
        "version": VERSION,
        "seed": plan.seed,
        "effective_batch_size": plan.effective_batch_size,
        "shuffle": plan.shuffle,
        "tail": plan.tail,
        "group_window": plan.group_window,
        "steps_per_epoch": plan.steps_per_epoch,
        "total_steps": data.total_steps,
        "accumulation_steps": data.grid.accumulation_steps,
        "members": [
            {
                "file": str(member.opened.source.index.path),
                "stamp": member.opened.source.index.stamp,
                "digest": file_digest(member.opened.source.index.path),
                "has_limits": member.dataset.source.object_limits is not None,
                "quarantined": member.num_quarantined,
                "pool": asdict(pool),
            }
            for member, pool in zip(data.train, plan.pools, strict=True)
        ],
        "mix": [mix_rows(data, epoch) for epoch in range(min(data.num_epochs, MAX_EPOCHS_TOLD))],
    }
    with atomic_write(run_dir / FILE, "wb") as handle:
        handle.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _save(run_dir: Path, name: str, array: np.ndarray) -> None:
    with atomic_write(run_dir / FOLDER / f"{name}.npy", "wb") as handle:
        np.save(handle, array, allow_pickle=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The samples of a run again, and what its plan says of itself."""

    dataset: UnifiedFusionDataset[Conversation]
    total_steps: int

    @property
    def plan(self) -> EpochPlan:
        return self.dataset.plan


def open_record(run_dir: Path, config: TrainingConfig) -> RunRecord:
    """The record in a run folder; `config` is the run's own. `DataError` when it is missing or a data file has changed."""
    path = run_dir / FILE
    if not path.is_file():
        raise DataError.say(
            f"{run_dir} holds no {FILE}",
            remedy="name the folder of a run, the one with its config.yaml",
        )
    facts = orjson.loads(path.read_bytes())
    if facts["version"] != VERSION:
        raise DataError.say(f"{path} has version {facts['version']}", expected=str(VERSION))
    members, lengths, pools = [], [], []
    for number, (spec, told) in enumerate(zip(member_specs(config), facts["members"], strict=True)):
        index = JsonlIndex.open(told["file"])
        # A file that was only copied or touched is still the same.
        if index.stamp != told["stamp"] and file_digest(index.path) != told["digest"]:
            raise DataError.say(
                f"{told['file']} is not the file that the run was trained on",
                got=f"{index.stamp['size']} bytes",
                expected=f"{told['stamp']['size']} bytes, content {told['digest'][:12]}",
                remedy="restore it; what stands in its lines now was not seen by the run",
            )
        rows = _array(run_dir, f"{number}.rows")
        source = RecordSource(
            name=spec.name,
            index=index,
            rows=rows,
            resolver=ImageResolver(
                index.path.parent, tuple(resolve_path(root) for root in config.custom.image_roots)
            ),
            quarantined=told["quarantined"],
            fix=config.custom.on_invalid_record == "fix",
            object_limits=_array(run_dir, f"{number}.limits") if told["has_limits"] else None,
        )
        pipeline = augmentation_pipeline(config, spec, facts["total_steps"])
        members.append(make_dataset(config, spec, source, pipeline))
        lengths.append(_array(run_dir, f"{number}.lengths"))
        pools.append(Pool(**told["pool"]))
    plan = EpochPlan(
        seed=facts["seed"],
        pools=tuple(pools),
        effective_batch_size=facts["effective_batch_size"],
        shuffle=facts["shuffle"],
        tail=facts["tail"],
        lengths=tuple(lengths),
        group_window=facts["group_window"],
    )
    return RunRecord(
        dataset=UnifiedFusionDataset(members, plan, lambda talk: talk),
        total_steps=facts["total_steps"],
    )


def _array(run_dir: Path, name: str) -> np.ndarray:
    path = run_dir / FOLDER / f"{name}.npy"
    if not path.is_file():
        raise DataError.say(f"{path} is missing", remedy="the run folder is incomplete")
    array: np.ndarray = np.load(path, allow_pickle=False)
    return array
