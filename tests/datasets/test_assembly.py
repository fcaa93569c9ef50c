"""Opening a split under each policy: counts, files, limits."""

import json
from dataclasses import replace

import numpy as np
import pytest

from src.config.loader import load_config
from src.datasets.assembly import make_dataset, open_split
from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.lengths import measure
from src.datasets.mix import member_specs
from src.datasets.over_long import fit_rows
from src.datasets.source import limited_rows
from src.errors import DataError, RecordError
from tests.datasets.lengths_by_character import Characters
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
        (spec,) = member_specs(config)
        return config, open_split(config, spec, "train", quarantine_dir=tmp_path / "aside")

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
        for line in next((tmp_path / "aside").glob("train_*_invalid.jsonl"))
        .read_text()
        .splitlines()
    ]
    assert [entry["line"] for entry in aside] == [4, 8]
    assert all(entry["issues"] for entry in aside)
    assert [data.source.record(row).source.line for row in range(4)] == [1, 2, 3, 5]


def test_over_long_samples_stop_or_are_written_aside(opened, tmp_path):
    config, data = opened("custom.on_invalid_record=quarantine")
    dataset, length_of = make_dataset(config, data.spec, data.source), Characters()
    lengths = measure(dataset, length_of)
    assert (lengths.exact == lengths.bound).all()
    assert fit_rows(dataset, lengths, None, "fail", length_of).dataset is dataset
    limit = int(np.median(lengths.exact))
    with pytest.raises(DataError, match="longer than global_max_length"):
        fit_rows(dataset, lengths, limit, "fail", length_of)
    path = tmp_path / "long.jsonl"
    kept = fit_rows(dataset, lengths, limit, "quarantine", length_of, quarantine_path=path)
    too_long = (lengths.exact > limit).sum()
    assert kept.num_quarantined == len(path.read_text().splitlines()) == too_long
    assert len(kept.dataset) + kept.dataset.source.quarantined == 20
    assert (kept.lengths.exact <= limit).all()


def test_over_long_samples_keep_their_first_objects_whole(opened):
    config, data = opened("custom.on_invalid_record=quarantine")
    dataset, length_of = make_dataset(config, data.spec, data.source), Characters()
    lengths = measure(dataset, length_of)
    limit = int(lengths.exact.max()) - 1
    kept = fit_rows(dataset, lengths, limit, "subset_objects", length_of)
    assert kept.num_cut_to_subset == (lengths.exact > limit).sum() > 0
    assert len(kept.dataset) == len(dataset)
    for row in range(len(dataset)):
        whole, cut = data.source.record(row).objects, kept.dataset.source.record(row).objects
        assert cut == whole[: len(cut)]
        assert (len(cut) < len(whole)) == (lengths.exact[row] > limit)
        talk = kept.dataset.conversation(DrawKey(0, 0, row))
        assert len(talk.target) == kept.lengths.exact[row] <= limit
        if len(cut) < len(whole):  # one object more would not have fitted
            more = _with_objects(kept.dataset, row, len(cut) + 1)
            assert len(more.conversation(DrawKey(0, 0, row)).target) > limit
    with pytest.raises(DataError, match="do not fit even with one object"):
        fit_rows(dataset, lengths, 5, "subset_objects", length_of)


def _with_objects(dataset, row, count):
    limits = np.full(len(dataset), -1)
    limits[row] = count
    return replace(dataset, source=replace(dataset.source, object_limits=limits))


class Counting(Characters):
    """Counts what it is asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self, talk):
        self.calls += 1
        return super().__call__(talk)


def measured(opened, *overrides, length_of=None):
    """(lengths, how many were not cached) of the data under some overrides and a fixed prompt."""
    given = ("custom.on_invalid_record=quarantine", 'prompts={system: "", user: Look.}')
    config, data = opened(*given, *overrides)
    length_of = length_of or Counting()
    return measure(make_dataset(config, data.spec, data.source), length_of), length_of.calls


def test_lengths_are_measured_once(opened):
    first, calls = measured(opened)
    assert calls == len(first.exact) == 18
    again, calls = measured(opened)
    assert calls == 0
    assert (again.exact == first.exact).all()
    assert (again.bound == first.bound).all()


@pytest.mark.parametrize(
    "override",
    [
        "custom.json_format=standard",
        "custom.emit_norm=norm100",
        "custom.object_ordering_policy=center_tlbr",
        "custom.min_pixels=65536",
        "custom.assistant_prefix_format='{task} {domain}'",
        "custom.sample_limit=9",
        "prompts.user=Look again.",
    ],
)
def test_whatever_a_length_depends_on_is_measured_anew(opened, override):
    measured(opened)
    lengths, calls = measured(opened, override)
    assert calls == len(lengths.exact) > 0


def test_another_tokenizer_or_file_is_measured_anew(opened, tmp_path):
    measured(opened)
    other = Counting()
    other.fingerprint = "other"
    assert measured(opened, length_of=other)[1] == 18
    path = tmp_path / "t.jsonl"
    path.write_text(path.read_text().replace("card", "cards", 1))
    assert measured(opened)[1] == 18


def test_a_damaged_cache_is_measured_anew_and_old_ones_go(opened, tmp_path):
    first, _ = measured(opened)
    (cache,) = tmp_path.glob(".t.jsonl.lengths-*")
    cache.write_bytes(cache.read_bytes()[:-4])
    again, calls = measured(opened)
    assert calls == 18
    assert (again.exact == first.exact).all()
    for number in range(6):
        measured(opened, f"custom.sample_limit={number + 3}")
    assert len(list(tmp_path.glob(".t.jsonl.lengths-*"))) == 4


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
