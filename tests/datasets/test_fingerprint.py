"""Parts of a plan's fingerprint: what is trained on, and nothing else."""

import pytest

from src.config.loader import load_config
from src.datasets.fingerprint import differences, fingerprint_of
from src.datasets.preparation import prepare
from tests.datasets.lengths_by_character import Characters


@pytest.fixture
def parts_of(config_file, scenes, tmp_path):
    """A function: overrides -> fingerprint of a run on a copy of the scenes."""
    path = tmp_path / "train.jsonl"
    path.write_bytes((scenes / "train.jsonl").read_bytes())
    where = (f"custom.train_jsonl={path}", f"custom.image_roots=[{scenes}]")
    (tmp_path / "images").symlink_to(scenes / "images")

    def parts(*overrides, length_of=None):
        given = [*where, "global_max_length=100000", *overrides]
        config = load_config(config_file, given).config
        data = prepare(config, lambda: length_of or Characters(), rank=0, world_size=1)
        return fingerprint_of(config, data)

    parts.path = path
    return parts


CHANGES = {
    "custom.seed=18": {"custom.seed", "dataset 0 draws"},
    "training.effective_batch_size=32": {"training.effective_batch_size"},
    "custom.batching.group_window=3": {"custom.batching.group_window"},
    "custom.augmentation={enabled: true, ops: [{name: hflip}]}": {
        "custom.augmentation",
        "dataset 0 lengths",
    },
    "prompts.user=Look.": {"dataset 0 prompts"},
    "template.max_pixels=65536": {"dataset 0 pixel budget"},
    "training.learning_rate=0.5": set(),
    "training.per_device_train_batch_size=8": set(),
}


@pytest.mark.parametrize("override", CHANGES)
def test_each_change_shows_in_its_own_parts(parts_of, override):
    found = {name for name, *_ in differences(parts_of(), parts_of(override))}
    assert found == CHANGES[override]


def test_changed_rows_content_and_lengths_are_told(parts_of):
    whole = parts_of()
    fewer = {name for name, *_ in differences(whole, parts_of("custom.sample_limit=100"))}
    assert "dataset 0 usable rows" in fewer
    assert "dataset 0 content" not in fewer

    class Longer(Characters):
        fingerprint = "longer"

        def __call__(self, talk):
            return 2 * super().__call__(talk)

    lengths = differences(whole, parts_of(length_of=Longer()))
    assert [name for name, *_ in lengths] == ["dataset 0 lengths"]
    parts_of.path.write_bytes(parts_of.path.read_bytes().replace(b'card"', b'cart"', 1))
    assert [name for name, *_ in differences(whole, parts_of())] == ["dataset 0 content"]
