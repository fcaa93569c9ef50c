import math

import pytest

from src.errors import ConfigError
from src.typed_yaml.merging import read_merged
from src.typed_yaml.reading import read_text
from src.typed_yaml.tree import place_of, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("1E5", 1e5), (".5", 0.5), ("5.", 5.0), ("-3", -3), ("0o17", 15), ("0x1f", 31), ("010", 10),
        ("true", True), ("False", False), ("no", "no"), ("on", "on"), ("yes", "yes"), ("~", None), ("", None),
        ("null", None), ("2020-01-01", "2020-01-01"), ("1:30", "1:30"), ("1_000", "1_000"), (".inf", math.inf),
        ("'1'", "1"), ('"true"', "true"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    assert plain(read_text(f"key: {text}\n", "x")) == {"key": value}


def test_every_value_knows_its_place():
    tree = read_text("a:\n  b: [1, {c: 2}]\n", "x.yaml")
    assert str(place_of(tree, ("a", "b"))) == "x.yaml:2:3"
    assert str(place_of(tree, ("a", "b", 1, "c"))) == "x.yaml:2:11"
    assert str(place_of(tree, ("a", "missing"))) == "x.yaml:1:1"


def test_an_empty_file_is_an_empty_mapping():
    assert plain(read_text("# nothing\n", "x")) == {}


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def test_bases_merge_in_order_and_the_file_wins(tmp_path):
    write(
        tmp_path,
        one="a: {x: 1, y: 1, l: [1, 2]}\n",
        two="a: {y: 2}\nb: 2\n",
        top="extends: [one.yaml, two.yaml]\na: {l: [3]}\n",
    )
    merged = read_merged(tmp_path / "top.yaml")
    assert plain(merged.tree) == {"a": {"x": 1, "y": 2, "l": [3]}, "b": 2}
    assert str(place_of(merged.tree, ("a", "y"))).endswith("two.yaml:1:5")
    assert [file.name for file in merged.files] == ["one.yaml", "two.yaml", "top.yaml"]


def test_a_circle_is_refused_with_its_chain(tmp_path):
    write(tmp_path, a="extends: b.yaml\n", b="extends: c.yaml\n", c="extends: a.yaml\n")
    with pytest.raises(ConfigError, match="circle") as caught:
        read_merged(tmp_path / "a.yaml")
    assert caught.value.issues[0].got == "a.yaml -> b.yaml -> c.yaml -> a.yaml"


def test_extends_is_relative_to_the_file_that_says_so(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mid.yaml").write_text("extends: ../base.yaml\nb: 1\n")
    write(tmp_path, base="a: 1\n", top="extends: sub/mid.yaml\n")
    assert plain(read_merged(tmp_path / "top.yaml").tree) == {"a": 1, "b": 1}


def test_a_missing_base_names_its_place(tmp_path):
    write(tmp_path, top="x: 1\nextends: gone.yaml\n")
    with pytest.raises(ConfigError, match="does not exist") as caught:
        read_merged(tmp_path / "top.yaml")
    assert caught.value.issues[0].where.endswith("top.yaml:2:10")
