"""Opening a split under each policy: counts, files, limits."""

import json

import numpy as np
import pytest

from src.config.loader import load_config
from src.datasets.assembly import make_budget, make_builder, measure, open_split, without_over_long
from src.datasets.source import limited_rows
from src.errors import DataError, RecordError
from tests.training_fixtures import ROOT


@pytest.fixture
def opened(tmp_path, scenes):
    """A function that opens 20 records, of which two are broken, under the given overrides."""
    lines = (scenes / "train.jsonl").read_text().splitlines()[:20]
    lines[3] = lines[3].replace('"desc"', '"dsc"', 1)
    lines[7] = lines[7][:-5]
    (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n")
    path = tmp_path / "c.yaml"
    path.write_text(
        f"extends: {ROOT}/configs/base/tiny.yaml\nmodel: {{model: m}}\n"
        f"custom: {{train_jsonl: {tmp_path}/t.jsonl, emit_norm: norm1000, json_format: qwen, image_roots: [{scenes}]}}\n"
    )
    (tmp_path / "images").symlink_to(scenes / "images")

    def open_with(*overrides):
        config = load_config(path, overrides).config
        return config, open_split(config, "train", quarantine_dir=tmp_path / "aside")

    return open_with


def test_the_default_stops_with_every_bad_line(opened):
    with pytest.raises(RecordError) as caught:
        opened()
    places = {issue.where.rsplit(":", 1)[1] for issue in caught.value.issues}
    assert places == {"4", "8"}


def test_quarantine_leaves_out_counts_and_writes_aside(opened, tmp_path):
    _, data = opened("custom.on_invalid_record=quarantine")
    assert data.scan.num_read == 20 == len(data.source) + data.source.quarantined
    aside = [
        json.loads(line)
        for line in (tmp_path / "aside" / "train_invalid.jsonl").read_text().splitlines()
    ]
    assert [entry["line"] for entry in aside] == [4, 8]
    assert all(entry["issues"] for entry in aside)
    assert [data.source.record(row).source.line for row in range(4)] == [1, 2, 3, 5]


def test_over_long_samples_stop_or_are_written_aside(opened, tmp_path):
    config, data = opened("custom.on_invalid_record=quarantine")
    builder = make_builder(config, "x")
    lengths = measure(data, make_budget(config), builder, lambda talk: len(talk.target))
    assert without_over_long(data, lengths, None, "fail") is data
    limit = int(np.median(lengths))
    with pytest.raises(DataError, match="longer than global_max_length"):
        without_over_long(data, lengths, limit, "fail")
    path = tmp_path / "long.jsonl"
    kept = without_over_long(data, lengths, limit, "quarantine", quarantine_path=path)
    assert kept.num_over_long == len(path.read_text().splitlines()) == (lengths > limit).sum()
    assert len(kept.source) + kept.source.quarantined == 20


def test_a_limit_is_a_seeded_choice_in_file_order():
    rows = np.arange(100)
    first, again, other = (
        limited_rows(rows, 10, 1),
        limited_rows(rows, 10, 1),
        limited_rows(rows, 10, 2),
    )
    assert list(first) == list(again) == sorted(first)
    assert list(first) != list(other)
    assert limited_rows(rows, None, 1) is rows
