"""A part of a data set has exactly the asked size, keeps the order, and depends on nothing but the seed."""

import json
import os
import subprocess
import sys

import pytest

from public_data.__main__ import main
from public_data.sampling import (
    band_of,
    choose_by_band,
    choose_stratified,
    choose_uniform,
    pictures_by_label,
)
from src.errors import DataError, ImageError, UsageError
from tests.public_data.making import labelled, picture, read_lines, tree, write_lines
from tests.training_fixtures import ROOT


def long_tail(num_rows: int = 400) -> list[frozenset[str]]:
    """Label k is in every (k + 1)-th row, label 9 in 40; two rows show `rare`; every 7th row is empty."""
    rows = []
    for row in range(num_rows):
        labels = {f"label {k}" for k in range(10) if row % (k + 1) == 0}
        labels |= {"rare"} if row in (123, 321) else set()
        rows.append(frozenset() if row % 7 == 3 else frozenset(labels))
    return rows


@pytest.mark.parametrize("count", [1, 7, 50, 399, 400])
def test_counts_are_exact_and_rows_ascend(count):
    rows = long_tail()
    for choice in (choose_uniform(len(rows), count, 1), choose_stratified(rows, count, 1)):
        assert len(choice.rows) == count
        assert list(choice.rows) == sorted(set(choice.rows))


def test_more_than_there_is_is_an_error():
    with pytest.raises(DataError, match="not enough rows"):
        choose_uniform(3, 4, 1)
    with pytest.raises(DataError, match=r"not enough rows in the bands(.|\n)*--thresholds"):
        choose_by_band(long_tail(), 390, 1)  # empty rows belong to no band


def test_uniform_parts_are_nested_and_seeded():
    small, large = (set(choose_uniform(400, count, 5).rows) for count in (40, 200))
    assert small < large
    assert set(choose_uniform(400, 40, 6).rows) != small


def test_stratified_shows_every_label_and_keeps_shares():
    rows = long_tail()
    before = pictures_by_label(rows)
    for seed in range(20):
        chosen = choose_stratified(rows, 40, seed).rows
        after = pictures_by_label(rows[row] for row in chosen)
        assert after.keys() == before.keys()  # uniform misses `rare` in four of five draws
        for label, count in before.items():
            assert after[label] >= count * 40 // 400
        assert sum(not rows[row] for row in chosen) >= 5  # 57 of 400 are empty
    missed = [
        "rare" not in pictures_by_label(rows[r] for r in choose_uniform(400, 40, s).rows)
        for s in range(20)
    ]
    assert any(missed)


def test_bands_get_equal_numbers_and_share_what_one_lacks():
    rows = [frozenset({"f"})] * 200 + [
        frozenset({"f", f"c{k}"}) for k in range(3) for _ in range(20)
    ]
    rows += [frozenset({"f", "r"})] * 4
    assert [band_of(n, (10, 100)) for n in (1, 10, 11, 100, 101)] == ["r", "r", "c", "c", "f"]
    assert choose_by_band(rows, 9, 1).bands == {"r": 3, "c": 3, "f": 3}
    assert choose_by_band(rows, 31, 1).bands == {"r": 4, "c": 14, "f": 13}
    choice = choose_by_band(rows, 10, 1, bands=("c",))
    assert choice.bands == {"c": 10}
    assert all(any(label.startswith("c") for label in rows[row]) for row in choice.rows)


@pytest.fixture
def source(tmp_path):
    picture(tmp_path / "in" / "a.png", (64, 64))
    labels = [("cat", "dog"), ("cat",), ("dog", "rare"), ("cat", "owl"), (), ("owl",)]
    records = [labelled(*names, metadata={"n": n}) for n, names in enumerate(labels)]
    records[0]["metadata"]["attributes"] = [{"of": "cat"}, {"of": "dog"}]
    records[0]["metadata"]["groups"] = ["g", ""]
    records[0]["summary"] = "a cat and a dog"
    return write_lines(tmp_path / "in" / "all.jsonl", records)


def sample(source, out, *words, capsys):
    main(["sample", "--jsonl", str(source), "--out", str(out), "--json", *words])
    return json.loads(capsys.readouterr().out)


def test_lines_are_kept_byte_for_byte_and_pictures_are_linked(source, tmp_path, capsys):
    out = tmp_path / "out" / "part.jsonl"
    report = sample(source, out, "--count", "3", capsys=capsys)
    original = source.read_bytes().splitlines()
    lines = out.read_bytes().splitlines()
    assert [original.index(line) for line in lines] == sorted(
        original.index(line) for line in lines
    )
    assert report["records"] == len(lines) == 3
    assert (tmp_path / "out" / "a.png").samefile(source.parent / "a.png")
    assert main(["validate", str(out), "--images"]) == 0


def test_another_picture_of_the_same_name_is_not_replaced(source, tmp_path):
    picture(tmp_path / "out" / "a.png", (64, 64), seed=1)
    before = (tmp_path / "out" / "a.png").read_bytes()
    with pytest.raises(DataError, match="another picture of this name"):
        main(
            [
                "sample",
                "--jsonl",
                str(source),
                "--out",
                str(tmp_path / "out" / "p.jsonl"),
                "--count",
                "2",
            ]
        )
    assert (tmp_path / "out" / "a.png").read_bytes() == before


def test_another_part_is_not_laid_over_a_part(source, tmp_path, capsys):
    """Fault: the first part's pictures stay, and the folder holds more than its file says."""
    records = [labelled(image=f"{n}.png") for n in range(6)]
    for n in range(6):
        picture(source.parent / f"{n}.png", (64, 64), seed=n)
    write_lines(source, records)
    out = tmp_path / "out" / "part.jsonl"
    sample(source, out, "--count", "2", capsys=capsys)
    before = tree(tmp_path / "out")
    sample(source, out, "--count", "2", capsys=capsys)
    with pytest.raises(DataError, match="holds something else"):
        sample(source, out, "--count", "4", capsys=capsys)
    assert tree(tmp_path / "out") == before
    assert len(before) == 3


@pytest.mark.parametrize(
    ("others", "candidates", "dropped"),
    [("keep", 3, 0), ("drop-images", 1, 0), ("drop-objects", 3, 2)],
)
def test_top_k_says_what_became_of_other_labels(
    source, tmp_path, capsys, others, candidates, dropped
):
    out = tmp_path / "out" / "part.jsonl"
    words = ("--by", "top-k", "--labels", "1", "--others", others, "--count", str(candidates))
    report = sample(source, out, *words, capsys=capsys)
    assert report["top_labels"] == ["cat"]  # in three rows; dog and owl in two each
    assert report["candidates"] == candidates
    assert report["objects_dropped"] == dropped
    assert main(["validate", str(out), "--images"]) == 0
    if others == "drop-objects":
        lines = read_lines(out)
        assert {item["desc"] for line in lines for item in line["objects"]} == {"cat"}
        assert lines[0]["metadata"] == {"n": 0, "attributes": [{"of": "cat"}], "groups": ["g"]}
        assert "summary" not in lines[0]
        assert report["summaries_dropped"] == 1


def test_the_choice_does_not_depend_on_the_hash_seed(source, tmp_path):
    """Fault: a trimmed set, whose order changes from process to process."""
    write_lines(source, [labelled(*sorted(labels)) for labels in long_tail()])
    found = set()
    for hash_seed in ("0", "1"):
        out = source.with_name(f"part{hash_seed}.jsonl")
        subprocess.run(
            [sys.executable, "-m", "public_data", "sample", "--jsonl", str(source), "--out", str(out),
             "--count", "30", "--by", "stratified"],
            cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
        found.add(out.read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--count", "0"),
        ("--count", "2", "--by", "top-k"),
        ("--count", "2", "--labels", "3"),
        ("--count", "2", "--bands", "r,x"),
        ("--count", "2", "--thresholds", "9", "9"),
        ("--count", "2", "--others", "drop-images"),
    ],
)
def test_wrong_usage(source, tmp_path, words):
    with pytest.raises(UsageError):
        main(["sample", "--jsonl", str(source), "--out", str(tmp_path / "x.jsonl"), *words])


def test_records_without_pictures_are_sampled_on_request(source, tmp_path):
    (source.parent / "a.png").unlink()
    words = ["sample", "--jsonl", str(source), "--out", str(tmp_path / "x.jsonl"), "--count", "2"]
    with pytest.raises(ImageError, match="--no-images"):
        main(words)
    assert main([*words, "--no-images"]) == 0


def test_a_bad_line_stops_it(source, tmp_path):
    with source.open("a") as handle:
        handle.write('{"images": ["a.png"]}\n')
    with pytest.raises(Exception, match="width is missing"):
        main(["sample", "--jsonl", str(source), "--out", str(tmp_path / "x.jsonl"), "--count", "2"])
    assert not (tmp_path / "x.jsonl").exists()
