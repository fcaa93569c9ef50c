"""A sample that cannot be read while the run is on.

Faults that they catch: another sample in its place, a key that goes missing, an error that loses its place or remedy on the way,
a failure that nobody counts, a programmer's mistake that is taken for bad data.
"""

from __future__ import annotations

import json

import pytest

from src.datasets.late_failure import FailedSample, LateFailures, WorkerView
from src.datasets.plan import RowRef, SampleKey
from src.datasets.unified_fusion_dataset import KeyedSample
from src.errors import ImageError

BROKEN = 3


class Rows:
    """Ten samples, of which one cannot be read; the face of a `UnifiedFusionDataset` that is needed."""

    names = ("scenes",)

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __len__(self) -> int:
        return 10

    def place(self, key):
        return None, RowRef(0, key.slot)

    def __getitem__(self, key):
        if key.slot == BROKEN:
            raise self.error
        return KeyedSample(key, 0, f"sample {key.slot}")


def error() -> ImageError:
    return ImageError.say("truncated image", where="a.jsonl:4", remedy="copy it again")


def view(tmp_path, policy, failure=None) -> WorkerView:
    failures = LateFailures(
        policy=policy, make_filler=lambda: "filler", log=tmp_path / "quarantine" / "late.jsonl"
    )
    return WorkerView(Rows(failure or error()), failures)


@pytest.mark.parametrize("policy", ["stop", "filler"])
def test_what_can_be_read_is_read(tmp_path, policy):
    rows = view(tmp_path, policy)
    assert rows[SampleKey(1, 2, 9)] == KeyedSample(SampleKey(1, 2, 9), 0, "sample 2")
    assert rows[2].key == SampleKey(0, 2, 0)
    assert not (tmp_path / "quarantine").exists()


def test_a_filler_keeps_the_key_and_is_written_down(tmp_path):
    rows = view(tmp_path, "filler")
    key = SampleKey(1, BROKEN, 9)
    assert rows[key] == KeyedSample(key, 0, "filler", True)
    rows[BROKEN]
    lines = (tmp_path / "quarantine" / "late.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 0]
    assert json.loads(lines[0]) == {
        "epoch": 1, "slot": BROKEN, "step": 9, "dataset": "scenes", "reason": str(error()),
    }  # fmt: skip


def test_stop_hands_over_the_whole_error(tmp_path):
    failed = view(tmp_path, "stop")[SampleKey(0, BROKEN, 0)]
    assert isinstance(failed, FailedSample)
    assert failed.error.issues == error().issues


def test_a_mistake_in_the_code_is_no_bad_sample(tmp_path):
    with pytest.raises(KeyError):
        view(tmp_path, "filler", KeyError("x"))[BROKEN]
