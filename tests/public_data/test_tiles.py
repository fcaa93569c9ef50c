"""Tiles are true records: together they are the picture, and what a tile shows of an object is exact."""

import numpy as np
from PIL import Image

from public_data.tiles import shown, windows
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import image_check, scan
from src.contract.records import ObjectAnnotation
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
