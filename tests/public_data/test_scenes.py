import filecmp
import json

import numpy as np

from public_data.scenes.compose import CARD_COLOURS, SceneOptions, compose
from public_data.scenes.digits import SPLITS, load_digits
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import image_check, scan
from tests.training_fixtures import run_module


def make(out, *words):
    done = run_module("public_data.scenes", "--out", str(out), "--size", "64", "--json", *words)
    for split, count in json.loads(done.stdout)["records"].items():
        assert len((out / f"{split}.jsonl").read_text().splitlines()) == count
    return out


def test_scenes_are_equal_bytes_for_any_number_of_workers(tmp_path):
    words = (
        "--num-train",
        "30",
        "--num-val",
        "6",
        "--num-names",
        "5",
        "--num-single",
        "4",
        "--rounds",
        "2",
    )
    one = make(tmp_path / "one", *words, "--workers", "1")
    two = make(tmp_path / "two", *words, "--workers", "2")
    names = [
        p.relative_to(one) for p in sorted(one.rglob("*")) if p.is_file() and ".index" not in p.name
    ]
    assert len(names) == 30 + 6 + 5 + 3
    assert filecmp.cmpfiles(one, two, names, shallow=False)[0] == names


def test_records_pass_the_contract_with_their_images(scenes):
    for split in ("train", "val"):
        index = JsonlIndex.open(scenes / f"{split}.jsonl")
        report = scan(index, "fail", check=image_check(ImageResolver(scenes)))
        assert len(report.rows) == len(index) > 0


def test_a_curriculum_begins_with_questions_and_single_objects(tmp_path):
    out = make(
        tmp_path / "c",
        "--num-train",
        "40",
        "--num-names",
        "6",
        "--num-single",
        "8",
        "--workers",
        "1",
    )
    lines = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert all("messages" in line for line in lines[:6])
    assert lines[0]["messages"][1]["content"].startswith("digit ")
    following = [line for line in lines[6:] if "objects" in line]
    assert all(len(line["objects"]) == 1 for line in following[:8])
    assert len(following) == 48


def test_no_digit_picture_is_in_two_splits():
    seen = [{p.tobytes() for p in load_digits(split).pictures} for split in SPLITS]
    assert sum(len(load_digits(split).labels) for split in SPLITS) == 1797
    # The same picture does occur twice in the source; a split takes numbers, so compare counts of sharing.
    assert len(seen[0] & seen[1]) + len(seen[0] & seen[2]) + len(seen[1] & seen[2]) == 0


def test_shapes_sit_on_their_pixels():
    digits = load_digits("val")
    options = SceneOptions(size=128)
    cards = boxes = 0
    for number in range(60):
        pixels, objects = compose(options, digits, 1, "val", number)
        for item in objects:
            points = np.array(item.points).reshape(-1, 2)
            assert points.min() >= 0
            assert points.max() <= 128
            x, y = points.mean(axis=0).astype(int)
            if item.kind == "poly":
                cards += 1
                colour = np.array(CARD_COLOURS[item.desc.split()[0]])
                assert (
                    np.abs(pixels[y, x] / max(1, pixels[y, x].max()) - colour / colour.max()).max()
                    < 0.2
                )
            elif item.kind == "bbox_2d":
                boxes += 1
                (x1, y1), (x2, y2) = points.astype(int)
                assert pixels[y1:y2, x1:x2].min() < 90
    assert cards > 10 < boxes
