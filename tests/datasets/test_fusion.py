"""Mixing data sets: quotas, draws, roles, prompts, files."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from src.config.loader import load_config
from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.fusion.loader import load_fusion
from src.datasets.mix import member_specs
from src.datasets.plan import EpochPlan, Pool
from src.datasets.tables import mix_rows, mix_table
from src.datasets.unified_fusion_dataset import UnifiedFusionDataset
from src.errors import ConfigError, DataError, RecordError
from src.final_evaluation import held_out
from tests.datasets import mixes
from tests.training_fixtures import ROOT, run_module

AUGMENTED = "custom.augmentation={enabled: true, ops: [{name: hflip}], curriculum: [{until_percent: 50, bypass_prob: 0.5}]}"


@pytest.fixture
def parts(tmp_path, scenes):
    return mixes.write_parts(tmp_path / "parts", scenes)


@pytest.fixture
def fusion(tmp_path, parts, scenes):
    return mixes.write_fusion(tmp_path / "mix.yaml", mixes.fusion_of(parts, scenes))


def test_quotas_follow_the_rule_and_the_tail_is_told(config_file, fusion, scenes):
    _, data = mixes.prepared(config_file, fusion, scenes)
    requested = {pool.name: pool.quota for pool in data.plan.pools}
    targets = 40 + 15
    assert requested == {
        "a": 40,
        "b": 15,
        "c": round(0.8 * targets),
        "talk": round(0.3 * targets),
        "none": round(0.1 * targets),
    }
    for epoch in range(3):
        rows = {row["data set"]: row for row in mix_rows(data, epoch)}
        realised = sum(row["realised"] for row in rows.values())
        assert realised == data.plan.slots == data.plan.total - data.plan.tail_size
        for row in rows.values():
            assert 0 <= row["requested"] - row["realised"] <= data.plan.tail_size
            assert row["repeats"] == row["realised"] - row["unique"]
        assert rows["c"]["repeats"] > 0  # 44 draws from 20 records
    assert len(mix_table(data, 0)) == 6


def test_draws_exhaust_a_pool_before_they_repeat_and_change_each_epoch():
    pool = Pool(name="x", num_rows=10, quota=25, seed=3)
    drawn = [pool.draw(epoch, True) for epoch in range(3)]
    for rows in drawn:
        counts = np.bincount(rows, minlength=10)
        assert counts.min() == 2
        assert counts.max() == 3
    assert not np.array_equal(*map(np.sort, drawn[:2]))
    with_replacement = Pool(name="x", num_rows=10, quota=10, seed=3, without_replacement=False)
    assert len(np.unique(with_replacement.draw(0, True))) < 10


def test_a_repeated_tail_fills_the_last_batch(config_file, fusion, scenes):
    _, data = mixes.prepared(config_file, fusion, scenes, "custom.batching.epoch_tail=repeat")
    assert data.plan.tail_size < 0
    assert data.plan.slots == data.plan.steps_per_epoch * 16
    whole = {row["data set"]: row["realised"] for row in mix_rows(data, 0)}
    assert sum(whole.values()) == data.plan.total - data.plan.tail_size


def test_each_data_set_keeps_its_own_ways(config_file, fusion, scenes):
    config, data = mixes.prepared(config_file, fusion, scenes, AUGMENTED)
    mix = UnifiedFusionDataset(data.training_sets(config), data.plan, lambda talk: talk)
    a, b, c, talk, none = mix.members
    assert [member.name for member in mix.members] == ["a", "b", "c", "talk", "none"]
    assert [member.pipeline is not None for member in mix.members] == [
        True,
        True,
        False,
        False,
        True,
    ]
    assert json.loads(a.conversation(DrawKey(0, 0, 0)).target)
    assert b.conversation(DrawKey(0, 1, 0)).target == b.source.record(0).summary
    assert a.builder.prompts.user == "Detect."  # the run's own
    assert "name its class" in c.builder.prompts.user  # the pack's, for sources
    capped = json.loads(c.conversation(DrawKey(0, 2, 1)).target)
    assert len(capped) == 1 < len(c.source.record(1).objects)
    chat = talk.conversation(DrawKey(0, 3, 0))
    assert chat.pixels == ()
    assert chat.target == "Two cards."
    assert none.conversation(DrawKey(0, 4, 0)).target == "{}"


def test_a_capped_record_shows_other_objects_in_other_epochs(config_file, fusion, scenes):
    config, data = mixes.prepared(config_file, fusion, scenes)
    c = data.training_sets(config)[2]
    row = max(range(20), key=lambda row: len(c.source.record(row).objects))
    told = {c.conversation(DrawKey(epoch, 2, row)).target for epoch in range(12)}
    assert len(told) == len(c.source.record(row).objects)


def test_prompts_and_packs_by_priority(config_file, tmp_path, parts, scenes):
    pack = tmp_path / "blood"
    pack.mkdir()
    text = (ROOT / "configs/domains/generic/pack.yaml").read_text()
    pack.joinpath("pack.yaml").write_text(
        text.replace("id: generic", "id: blood\nnegative_answer: nothing here").replace(
            "Describe every object", "List all cells"
        )
    )
    fusion = mixes.fusion_of(parts, scenes)
    fusion["targets"][0] |= {"dataset": str(pack)}
    fusion["targets"][1] |= {
        "dataset": str(pack),
        "user_prompt": "Sum up.",
        "system_prompt": "Be brief.",
    }
    fusion["sources"][2] |= {"dataset": str(pack)}
    config, data = mixes.prepared(
        config_file, mixes.write_fusion(tmp_path / "m.yaml", fusion), scenes
    )
    a, b, *_, none = data.training_sets(config)
    assert a.builder.prompts.user.startswith("List all cells")
    assert (b.builder.prompts.system, b.builder.prompts.user) == ("Be brief.", "Sum up.")
    assert none.conversation(DrawKey(0, 4, 0)).target == "nothing here"


def test_negative_pictures_of_a_summary_run_get_the_packs_word(
    config_file, tmp_path, parts, scenes
):
    fusion = mixes.fusion_of(parts, scenes)
    fusion["sources"][2] |= {"mode": "summary"}
    config, data = mixes.prepared(
        config_file, mixes.write_fusion(tmp_path / "m.yaml", fusion), scenes
    )
    none = data.training_sets(config)[4]
    assert none.conversation(DrawKey(0, 4, 0)).target == "irrelevant image"


def test_held_out_records_of_targets_are_evaluated_and_of_sources_when_given(
    config_file, tmp_path, parts, scenes
):
    fusion = mixes.fusion_of(parts, scenes)
    _, data = mixes.prepared(config_file, mixes.write_fusion(tmp_path / "m.yaml", fusion), scenes)
    assert [member.name for member in data.val] == ["a"]
    fusion["sources"][0]["val_jsonl"] = str(parts["c"])
    _, data = mixes.prepared(config_file, mixes.write_fusion(tmp_path / "m.yaml", fusion), scenes)
    assert [member.name for member in data.val] == ["a", "c"]


def test_extends_merges_entries_by_name(tmp_path, fusion):
    variant = tmp_path / "variant.yaml"
    variant.write_text(
        "extends: mix.yaml\nsources:\n- {name: c, ratio: 0.1}\n"
        "- {name: more, train_jsonl: x.jsonl, ratio: 1.0}\n"
    )
    merged = load_fusion(variant)
    assert [entry.name for entry in merged.sources] == ["c", "talk", "none", "more"]
    assert (merged.sources[0].ratio, merged.sources[0].max_objects_per_image) == (0.1, 1)
    assert merged.targets == load_fusion(fusion).targets


MISTAKES = {
    "a source without a ratio": (lambda f: f["sources"][0].pop("ratio"), "sources[0].ratio", "needs a ratio"),
    "a name twice": (lambda f: f["sources"][0].update(name="a"), "sources[0].name", "twice"),
    "a negative ratio": (lambda f: f["targets"][1].update(ratio=-1), "targets[1].ratio", "negative"),
    "a typo": (lambda f: f["targets"][0].update(ratios=1), "targets[0].ratios", "unknown"),
    "no target": (lambda f: f.update(targets=[]), "targets", "needs a target"),
    "a source as target": (lambda f: f["sources"][0].update(role="target"), "sources[0].role", "role of a target"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named_with_their_place(tmp_path, parts, scenes, mistake):
    change, path, text = MISTAKES[mistake]
    fusion = mixes.fusion_of(parts, scenes)
    change(fusion)
    with pytest.raises(ConfigError) as caught:
        load_fusion(mixes.write_fusion(tmp_path / "m.yaml", fusion))
    issue = next(issue for issue in caught.value.issues if issue.path == path)
    assert text in issue.message
    assert "m.yaml:" in issue.where


def test_an_unknown_wrapper_is_told_with_what_is_known(config_file, tmp_path, parts, scenes):
    fusion = mixes.fusion_of(parts, scenes)
    fusion["sources"][0]["dataset"] = "lvls"
    path = mixes.write_fusion(tmp_path / "m.yaml", fusion)
    given = ["custom.train_jsonl=null", "custom.val_jsonl=null", f"custom.fusion_config={path}"]
    with pytest.raises(ConfigError, match="did you mean") as caught:
        member_specs(load_config(config_file, given).config)
    assert "lvis" in str(caught.value)


def test_roles_are_checked_with_the_records(config_file, tmp_path, parts, scenes):
    fusion = mixes.fusion_of(parts, scenes)
    fusion["sources"][2]["train_jsonl"] = str(parts["c"])
    with pytest.raises(RecordError, match="a picture without objects"):
        mixes.prepared(config_file, mixes.write_fusion(tmp_path / "m.yaml", fusion), scenes)
    fusion = mixes.fusion_of(parts, scenes)
    fusion["sources"][1]["train_jsonl"] = str(parts["c"])
    with pytest.raises(RecordError, match="holds records with messages"):
        mixes.prepared(config_file, mixes.write_fusion(tmp_path / "m.yaml", fusion), scenes)


def test_like_lengths_meet_and_a_step_keeps_its_window():
    lengths = np.random.default_rng(0).integers(10, 1000, 640).astype(np.int32)
    pool = Pool(name="x", num_rows=640, quota=640, seed=1)
    plain, grouped = (
        EpochPlan(
            seed=1, pools=(pool,), effective_batch_size=8, lengths=(lengths,), group_window=window
        )
        for window in (1, 10)
    )

    def spread(plan):
        batches = plan.batch_lengths(0)
        assert (np.diff(batches, axis=1) <= 0).all()
        return float((batches.max(axis=1) - batches.min(axis=1)).mean())

    assert spread(grouped) < 0.2 * spread(plain)
    windows = [np.sort(plan.order(0).rows.reshape(8, 80), axis=1) for plan in (plain, grouped)]
    assert (windows[0] == windows[1]).all()
    first = grouped.batch_lengths(0)[:, 0].reshape(8, 10)
    assert all((np.diff(row) > 0).any() and (np.diff(row) < 0).any() for row in first)


def test_the_offline_mix_is_the_plans_epoch_in_the_same_bytes(
    config_file, tmp_path, fusion, scenes
):
    out, again = tmp_path / "out" / "mixed.jsonl", tmp_path / "out" / "again.jsonl"
    for path, seed in ((out, "0"), (again, "1")):
        run_module(
            "scripts.fuse_datasets", "--config", str(fusion), "--out", str(path), "--epoch", "1",
            env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
    assert out.read_bytes() == again.read_bytes()
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    _, data = mixes.prepared(
        config_file,
        fusion,
        scenes,
        "training.effective_batch_size=1",
        "training.per_device_train_batch_size=1",
        "custom.batching.group_window=1",
    )
    order = data.plan.order(1)
    names = [data.plan.pools[number].name for number in order.datasets]
    assert [line["metadata"]["fusion"]["name"] for line in lines] == names
    assert all((out.parent / line["images"][0]).is_file() for line in lines if line.get("images"))
    assert all(
        len(line["objects"]) <= 1 for line in lines if line["metadata"]["fusion"]["name"] == "c"
    )
    refused = subprocess.run(
        [sys.executable, "-m", "scripts.fuse_datasets", "--config", str(fusion), "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "exists" in refused.stderr


def test_an_empty_file_in_a_mix_is_told(config_file, tmp_path, parts, scenes):
    parts["c"].write_text("")
    with pytest.raises(DataError, match="no records"):
        mixes.prepared(
            config_file,
            mixes.write_fusion(tmp_path / "m.yaml", mixes.fusion_of(parts, scenes)),
            scenes,
        )


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "fusion").glob("*.yaml")))
def test_shipped_mixes_load(path):
    assert load_fusion(path).targets


def test_a_missing_fusion_file_is_told(config_file):
    given = ["custom.train_jsonl=null", "custom.val_jsonl=null", "custom.fusion_config=no.yaml"]
    with pytest.raises(ConfigError, match=r"no\.yaml"):
        load_config(config_file, given)


def test_the_final_evaluation_takes_the_first_held_out_records_of_a_mix(
    config_file, tmp_path, parts, scenes
):
    fusion = mixes.fusion_of(parts, scenes)
    enabled = "custom.final_evaluation.enabled=true"
    path = mixes.write_fusion(tmp_path / "m.yaml", fusion)
    config, _ = mixes.prepared(config_file, path, scenes, enabled)
    assert held_out(config) == scenes / "val.jsonl"
    del fusion["targets"][0]["val_jsonl"]
    config, _ = mixes.prepared(config_file, mixes.write_fusion(path, fusion), scenes, enabled)
    with pytest.raises(ConfigError, match="nothing to predict"):
        held_out(config)
