"""The comparison shows what training would see: the same keys, the same pipeline, a page that opens from disk."""

from __future__ import annotations

import pytest

from src.config.loader import load_config
from src.datasets.assembly import augmentation_pipeline, open_split
from src.datasets.augmentation.pipeline import DrawKey
from src.datasets.mix import member_specs
from src.errors import ConfigError
from tests.report.pages import page_data
from tests.training_fixtures import run_module
from vis_tools.vis_augment_compare import comparison

BLOCK = (
    "custom.augmentation={enabled: true, ops: [{name: rotate, params: {prob: 1.0, max_degrees: 40}}, "
    "{name: random_crop, params: {area: [0.3, 0.4], min_coverage: 0.9, min_objects: 0}}], "
    "curriculum: [{until_percent: 100, ops: {rotate: {max_degrees: 0}}}]}"
)


def test_panels_are_the_samples_of_training(config_file):
    config = load_config(config_file, [BLOCK]).config
    rows = comparison(config, 3, 2, [0.0, 0.5])
    assert [len(row) for row in rows] == [5, 5, 5]
    (spec,) = member_specs(config)
    data = open_split(config, spec, "train")
    pipeline = augmentation_pipeline(config, spec, 4)
    for row, shown in zip((0, 63, 127), rows, strict=True):
        scene = data.source.scene(row)
        for sample, (epoch, step) in zip(shown[1:], [(0, 0), (1, 0), (0, 2), (1, 2)], strict=True):
            rendered, traces = pipeline.apply(scene, DrawKey(epoch, 0, row, step))
            assert (sample.picture == rendered.pixels[0]).all()
            assert len(sample.gone) == len(traces[0].dropped)
            assert len(sample.prediction.truth) == len(traces[0].kept)
    assert any(sample.gone for row in rows for sample in row)


def test_the_command_writes_a_page_without_external_requests(config_file, tmp_path):
    run_module(
        "vis_tools.vis_augment_compare", "--config", str(config_file), "--set", BLOCK,
        "--num-samples", "2", "--variants", "1", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    data = page_data(tmp_path / "out" / "index.html")
    assert [sample["group"] for sample in data["samples"]] == ["original", "epoch 0, step 0"] * 2
    assert len(data["pictures"]) == 4
    assert any(
        "random_crop" in shape["note"] for sample in data["samples"] for shape in sample["gone"]
    )
    assert (tmp_path / "out" / "sample_1.png").stat().st_size > 1000


def test_a_config_without_augmentation_is_told(config_file):
    with pytest.raises(ConfigError, match="off"):
        comparison(load_config(config_file).config, 1, 1, [0.0])
