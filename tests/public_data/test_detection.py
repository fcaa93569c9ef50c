"""LVIS and COCO files become records: all of them at once, under readable names, with what LVIS knows of absences."""

import json
from collections import Counter

import pytest

from public_data.__main__ import main
from public_data.class_names import readable
from public_data.detection import _gathered
from src.errors import DataError, UsageError
from tests.public_data.making import picture, read_lines, tree
from tests.real_data import LVIS, needs_lvis

CATEGORIES = [
    {"id": 3, "name": "hot_dog", "frequency": "r", "synonyms": ["hot_dog", "frank"]},
    {"id": 8, "name": "bow_(weapon)", "frequency": "c", "synonyms": ["bow"]},
]
STAR = [10, 10, 30, 12, 50, 10, 48, 30, 50, 50, 30, 48, 10, 50, 12, 30]
SQUARE = [60, 60, 64, 60, 64, 64, 60, 64]


def coco(image_ids, **more):
    """Pictures 1.., each with a star-shaped hot dog in two pieces, a crowd and a dot of a quarter pixel."""
    annotations = []
    for image in image_ids:
        annotations += [
            {"segmentation": [STAR, SQUARE], "bbox": [10, 10, 54, 54], "category_id": 3, "iscrowd": 0},
            {"segmentation": [SQUARE], "bbox": [60, 60, 4, 4], "category_id": 8, "iscrowd": 1},
            {"segmentation": [[1, 1, 1.5, 1, 1.5, 1.5, 1, 1.5]], "bbox": [1, 1, 0.5, 0.5], "category_id": 8, "iscrowd": 0},
        ]  # fmt: skip
        for annotation in annotations[-3:]:
            annotation |= {"image_id": image, "id": len(annotations) + 10 * image, "area": 16}
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    images = [
        {"id": n, "file_name": f"{n}.jpg", "width": 96, "height": 80, **more} for n in image_ids
    ]
    return {"images": images, "annotations": annotations, "categories": CATEGORIES}


@pytest.fixture
def source(tmp_path):
    for split, ids in (("train", (1, 2, 3)), ("val", (4, 5))):
        for number in ids:
            picture(tmp_path / "in" / f"{split}2017" / f"{number}.jpg", (96, 80), seed=number)
        lists = {"neg_category_ids": [8], "not_exhaustive_category_ids": [3]}
        (tmp_path / "in" / f"lvis_{split}.json").write_text(json.dumps(coco(ids, **lists)))
        (tmp_path / "in" / f"instances_{split}2017.json").write_text(json.dumps(coco(ids)))
    return tmp_path / "in"


def run(kind, source, out, *words):
    names = "lvis_{}.json" if kind == "lvis" else "instances_{}2017.json"
    files = [str(source / names.format(split)) for split in ("train", "val")]
    return main([kind, "--annotations", *files, "--images", str(source), "--out", str(out), *words])


def test_several_files_at_once_keep_their_sides(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("coco", source, out, "--workers", "1", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["num_read"], done["num_written"], done["classes"]) == (5, 5, 2)
    train, val = (read_lines(out / f"{split}.jsonl") for split in ("train", "val"))
    assert (len(train), len(val)) == (3, 2)
    for record in (*train, *val):
        assert record["objects"] == [{"desc": "hot dog", "bbox_2d": [10, 10, 64, 64]}]
        assert "lvis" not in record["metadata"]
    assert main(["validate", str(out / "all_samples.jsonl"), "--images"]) == 0
    assert not list(tmp_path.glob(".*"))  # the links to the files are gone


def test_captions_are_added_from_their_own_file(source, tmp_path):
    captions = coco((4, 5))
    del captions["categories"]
    captions["annotations"] = [{"image_id": 4, "id": 1, "caption": "Two hot dogs."}]
    (source / "captions_val2017.json").write_text(json.dumps(captions))
    files = [str(source / f"{task}_val2017.json") for task in ("instances", "captions")]
    words = [
        "coco",
        "--annotations",
        *files,
        "--images",
        str(source),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*words, "--workers", "1"]) == 0
    first, second = read_lines(tmp_path / "out" / "all_samples.jsonl")
    assert first["metadata"]["captions"] == ["Two hot dogs."]
    assert "captions" not in second["metadata"]


def test_lvis_keeps_what_it_knows_of_absences_under_the_same_names(source, tmp_path):
    out = tmp_path / "out"
    run("lvis", source, out, "--workers", "1", "--keep-crowd")
    for record in read_lines(out / "all_samples.jsonl"):
        assert record["metadata"]["lvis"] == {
            "negative": ["bow (weapon)"],
            "not_exhaustive": ["hot dog"],
        }
        assert [item["desc"] for item in record["objects"]] == ["hot dog", "bow (weapon)"]
    assert read_lines_of_classes(out) == [
        {"name": "bow_(weapon)", "desc": "bow (weapon)", "synonyms": ["bow"], "frequency": "c", "images": 5, "instances": 10},
        {"name": "hot_dog", "desc": "hot dog", "synonyms": ["hot_dog", "frank"], "frequency": "r", "images": 5, "instances": 5},
    ]  # fmt: skip


def read_lines_of_classes(out):
    return json.loads((out / "class_names.json").read_text())


def test_polygons_have_a_cap_and_a_policy_for_pieces(source, tmp_path):
    run(
        "coco",
        source,
        tmp_path / "cap",
        "--workers",
        "1",
        "--geometry",
        "poly",
        "--max-vertices",
        "4",
    )
    run(
        "coco",
        source,
        tmp_path / "free",
        "--workers",
        "1",
        "--geometry",
        "poly",
        "--max-vertices",
        "0",
    )
    run(
        "coco",
        source,
        tmp_path / "split",
        "--workers",
        "1",
        "--geometry",
        "poly",
        "--parts",
        "split",
    )
    capped, free, pieces = (
        [item["poly"] for item in read_lines(tmp_path / name / "val.jsonl")[0]["objects"]]
        for name in ("cap", "free", "split")
    )
    assert len(capped[0]) == 8
    assert free == [STAR]
    assert pieces == [STAR, SQUARE]


def test_workers_change_no_byte_and_a_rerun_neither(source, tmp_path):
    run("lvis", source, tmp_path / "one", "--workers", "1")
    run("lvis", source, tmp_path / "two", "--workers", "2")
    run("lvis", source, tmp_path / "two", "--workers", "1")
    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_links_to_the_files_do_not_change_from_run_to_run(source, tmp_path):
    """Fault: a conversion that never goes on, because it takes its inputs for new ones after every kill."""
    files = sorted(source.glob("*.json"))
    times = []
    for _ in range(2):
        folder = _gathered(files, tmp_path / "out")
        times.append([(path.name, path.lstat().st_mtime_ns) for path in sorted(folder.iterdir())])
    assert times[0] == times[1] == [(file.name, file.stat().st_mtime_ns) for file in files]


@needs_lvis
def test_the_real_lvis_annotations(tmp_path):
    """977 instances of 100 pictures, counted by class in another way."""
    out = tmp_path / "out"
    words = ["lvis", "--annotations", str(LVIS), "--no-images", "--out", str(out), "--workers", "1"]
    assert main(words) == 0
    data = json.loads(LVIS.read_text())
    names = {category["id"]: category["name"] for category in data["categories"]}
    large = [one for one in data["annotations"] if one["bbox"][2] * one["bbox"][3] >= 2]
    expected = Counter(readable(names[one["category_id"]]) for one in large)
    records = read_lines(out / "all_samples.jsonl")
    found = Counter(item["desc"] for record in records for item in record["objects"])
    assert len(records) == 100
    assert found - expected == Counter()
    assert sum((expected - found).values()) == 0
    negatives = {name for record in records for name in record["metadata"]["lvis"]["negative"]}
    assert negatives
    assert negatives <= {readable(name) for name in names.values()}
    classes = read_lines_of_classes(out)
    assert len(classes) == len({entry["desc"] for entry in classes}) == 1230
    assert sum(entry["instances"] for entry in classes) == 977


def test_pictures_that_are_nowhere_are_a_failure(source, tmp_path):
    words = ("--annotations", str(source / "lvis_val.json"), "--images", str(source / "train2017"))
    out = tmp_path / "out"
    assert main(["lvis", *words, "--out", str(out), "--workers", "1"]) == 1
    assert len(read_lines(out / "quarantine.jsonl")) == 2


def test_wrong_usage(source, tmp_path):
    out = str(tmp_path / "out")
    file = str(source / "lvis_train.json")
    with pytest.raises(UsageError, match="--images"):
        main(["lvis", "--annotations", file, "--out", out])
    with pytest.raises(UsageError, match="--geometry poly"):
        main(["lvis", "--annotations", file, "--no-images", "--out", out, "--max-vertices", "9"])
    with pytest.raises(UsageError, match="same name"):
        main(["lvis", "--annotations", file, file, "--no-images", "--out", out])
    with pytest.raises(UsageError, match="file of LVIS"):
        main(["coco", "--annotations", file, "--no-images", "--out", out])
    with pytest.raises(DataError, match="does not exist"):
        main(["lvis", "--annotations", file + "x", "--no-images", "--out", out])
