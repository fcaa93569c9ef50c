"""Parts of a plan's fingerprint: what is trained on, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.datasets.fingerprint import differences, plan_fingerprint
from src.datasets.source import RecordSource


@pytest.fixture
def source(scenes, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes((scenes / "train.jsonl").read_bytes())
    return RecordSource(
        name="scenes",
        index=JsonlIndex.open(path),
        rows=np.arange(128),
        resolver=ImageResolver(scenes, ()),
        quarantined=0,
    )


def parts(source, **changes):
    given = {
        "seed": 17,
        "effective_batch_size": 16,
        "shuffle": True,
        "sources": [source],
        "settings": {"short": {"a": 1}, "long": "x" * 100},
    }
    return plan_fingerprint(**{**given, **changes})


def test_parts_are_named_and_long_ones_are_digests(source):
    found = parts(source)
    assert found["custom.seed"] == "17"
    assert found["short"] == '{"a": 1}'
    assert found["long"].startswith("[")
    assert len(found["dataset 0 content"]) == 32
    assert found["dataset 0 usable rows"].startswith("128 [")


def test_each_change_shows_in_its_own_part(source):
    whole = parts(source)
    assert [d[0] for d in differences(whole, parts(source, seed=18))] == ["custom.seed"]
    fewer = replace(source, rows=source.rows[1:])
    assert [d[0] for d in differences(whole, parts(fewer))] == ["dataset 0 usable rows"]
    assert [d[0] for d in differences(whole, parts(source, settings={}))] == ["short", "long"]
    path = source.index.path
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    assert [d[0] for d in differences(whole, parts(source))] == ["dataset 0 content"]
