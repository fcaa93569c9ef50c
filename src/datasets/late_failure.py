"""What happens when a sample cannot be read while the run is on: a picture that vanished, a file that was changed.

Everything that can be checked before was checked before. `stop` hands the error over as a value, so that the main process raises
it whole, with place and remedy; `filler` hands over a sample without loss under the same key and writes one line to a log, so
that every rank keeps its micro-batches and what was not trained on is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from src.datasets.config import LateFailurePolicy
from src.datasets.plan import SampleKey
from src.datasets.unified_fusion_dataset import KeyedSample, UnifiedFusionDataset
from src.errors import DataError, ImageError, ProjectError, RecordError
from src.files import append_line
from src.utils.logger import get_logger

logger = get_logger(__name__)
Encoded = TypeVar("Encoded")


@dataclass(frozen=True, slots=True)
class FailedSample:
    """A key whose sample could not be read, and why."""

    key: SampleKey
    error: ProjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFailures(Generic[Encoded]):
    """The policy of a run; `log` gets one line an event, from whichever worker meets it."""

    policy: LateFailurePolicy
    make_filler: Callable[[], Encoded]
    log: Path

    def read(
        self, dataset: UnifiedFusionDataset[Encoded], key: SampleKey
    ) -> KeyedSample[Encoded] | FailedSample:
        """The key's sample, or what stands for it."""
        try:
            return dataset[key]
        except (RecordError, ImageError, DataError) as error:
            if self.policy == "stop":
                return FailedSample(key, error)
            number = dataset.place(key)[1].dataset
            self._write(key, dataset.names[number], error)
            return KeyedSample(key, number, self.make_filler(), True)

    def _write(self, key: SampleKey, name: str, error: ProjectError) -> None:
        logger.warning("a filler takes the place of a sample: %s", error)
        event = {**key._asdict(), "dataset": name, "reason": str(error)}
        append_line(self.log, json.dumps(event, ensure_ascii=False).encode())


class WorkerView(Generic[Encoded]):
    """A data set as loaders read it, by key or, in evaluation, by row number; never raises for a broken sample."""

    def __init__(
        self, dataset: UnifiedFusionDataset[Encoded], failures: LateFailures[Encoded]
    ) -> None:
        self.dataset = dataset
        self.failures = failures

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: SampleKey | int) -> KeyedSample[Encoded] | FailedSample:
        whole = SampleKey(0, key, 0) if isinstance(key, int) else key
        return self.failures.read(self.dataset, whole)
