"""Tiles are true records: together they are the picture, and what a tile shows of an object is exact."""

import json

import numpy as np
import pytest
from PIL import Image

from public_data.__main__ import main
from public_data.tiling import shown, windows
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import image_check, scan
from src.contract.records import ObjectAnnotation
from src.errors import DataError, UsageError
from tests.public_data.making import labelled, picture, read_lines, tree, write_lines
from tests.training_fixtures import run_module


def test_tiles_cover_the_picture_once():
    seen = np.zeros((41, 67), dtype=int)
    for x1, y1, x2, y2 in windows(67, 41, (3, 2)):
        seen[y1:y2, x1:x2] += 1
    assert (seen == 1).all()


def test_objects_are_cut_to_the_tile_or_left_out():
    box = ObjectAnnotation(desc="a", kind="bbox_2d", points=(90.0, 10.0, 130.0, 20.0))
    line = ObjectAnnotation(desc="b", kind="line", points=(90.0, 10.0, 130.0, 10.0))
    window = (100, 0, 200, 50)
    for item, points in ((box, (0, 10, 30, 20)), (line, (0, 10, 30, 10))):
        tile = shown(item, window, 0.75)
        assert tile is not None
        assert tile.points == points
        assert shown(item, window, 0.76) is None
        assert shown(item, (200, 0, 300, 50), 0.1) is None


def test_the_command_writes_records_that_pass_the_contract(tmp_path):
    pixels = np.linspace(100, 150, 64 * 48).reshape(48, 64).astype(np.uint8)
    Image.fromarray(np.stack([pixels] * 3, axis=-1)).save(tmp_path / "a.png")
    file = tmp_path / "train.jsonl"
    file.write_text(
        '{"images": ["a.png"], "width": 64, "height": 48, "objects": [{"desc": "x", "bbox_2d": [4, 4, 28, 20]}]}\n'
    )
    out = tmp_path / "tiles"
    run_module("public_data.tiles", "--jsonl", str(file), "--out", str(out), "--stretch")
    index = JsonlIndex.open(out / "train.jsonl")
    report = scan(index, "fail", check=image_check(ImageResolver(out)))
    assert len(report.rows) == 4
    assert [len(index.record(row).objects) for row in range(4)] == [1, 0, 0, 0]
    tile = np.asarray(Image.open(out / index.record(3).images[0]))
    assert tile.shape == (24, 32, 3)
    assert tile.max() > 240  # stretched over the whole picture


def cut(source, out, *words):
    return main(["tiles", "--jsonl", str(source), "--out", str(out), *words])


def test_what_cannot_become_true_tiles_is_put_aside(tmp_path, capsys):
    """Faults: a summary whose tiles say that nothing is there; boxes cut from a picture of another size."""
    picture(tmp_path / "a.png", (64, 64))
    picture(tmp_path / "thin.png", (1, 64))
    size = {"width": 64, "height": 64}
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    records = [
        labelled("x", "y", metadata={"n": 1, "attributes": ["ax", "ay"]}, summary="x and y"),
        labelled(summary="nothing"),
        {"images": ["a.png"], **size, "summary": "two things"},
        {"images": ["a.png", "thin.png"], **size, "summary": "two pictures"},
        labelled("x", size=(128, 64)),
        {"messages": turns},
        {"images": ["a.png"], **size, "messages": turns},
        {"images": ["thin.png"], "width": 1, "height": 64, "objects": []},
        {"images": ["none.png"], **size, "objects": []},
    ]
    records[0]["objects"][1]["bbox_2d"] = [40, 1, 60, 30]
    source = write_lines(tmp_path / "train.jsonl", records)
    assert cut(source, tmp_path / "out", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    tiles = read_lines(tmp_path / "out" / "train.jsonl")
    assert len(tiles) == report["tiles"] == 8
    assert [[item["desc"] for item in tile["objects"]] for tile in tiles] == [["x"], ["y"]] + [
        []
    ] * 6
    assert [tile["metadata"]["attributes"] for tile in tiles[:4]] == [["ax"], ["ay"], [], []]
    assert not any("summary" in tile for tile in tiles)
    assert report["summaries_dropped"] == 2
    bad = {
        line["line"]: line["issues"][0]["rule"]
        for line in read_lines(tmp_path / "out" / "quarantine.jsonl")
    }
    kind = dict.fromkeys((3, 4, 6, 7), "tiles-kind")
    assert bad == {**kind, 5: "image-size", 8: "tiles-size", 9: "image-missing"}
    assert report["records"] == 9 == report["quarantined"] + 2
    assert main(["validate", str(tmp_path / "out" / "train.jsonl"), "--images"]) == 0
    with pytest.raises(DataError, match="no record could be cut"):
        cut(source, tmp_path / "much", "--columns", "1000")


def test_neither_a_source_nor_another_files_tiles_are_overwritten(tmp_path):
    files = []
    for name in "ab":
        picture(tmp_path / name / "a.png", (64, 64))
        files.append(write_lines(tmp_path / name / "train.jsonl", [labelled("x")]))
    before = tree(tmp_path)
    with pytest.raises(UsageError, match="each needs another"):
        cut(files[0], tmp_path / "out", "--jsonl", *map(str, files))
    alike = files[0].with_suffix(".json")  # its pictures would have the same names
    with pytest.raises(UsageError, match="each needs another"):
        cut(files[0], tmp_path / "out", "--jsonl", str(files[0]), str(alike))
    with pytest.raises(UsageError, match="folder of a source"):
        cut(files[0], tmp_path / "a")
    with pytest.raises(UsageError, match="--min-visible"):
        cut(files[0], tmp_path / "out", "--min-visible", "0")
    assert tree(tmp_path) == before


def test_another_grid_leaves_no_old_tiles_and_no_link_is_written_through(tmp_path):
    picture(tmp_path / "in" / "a.png", (64, 64))
    source = write_lines(tmp_path / "in" / "train.jsonl", [labelled("x")])
    out = tmp_path / "out"
    cut(source, out)
    (out / "images" / "mine.jpg").write_bytes(b"")
    linked = tmp_path / "linked.jpg"
    linked.hardlink_to(out / "images" / "train_000000_0.jpg")
    before = linked.read_bytes()
    cut(source, out, "--columns", "1")
    names = sorted(path.name for path in (out / "images").iterdir())
    assert names == ["mine.jpg", "train_000000_0.jpg", "train_000000_1.jpg"]
    assert linked.read_bytes() == before != (out / "images" / "train_000000_0.jpg").read_bytes()
