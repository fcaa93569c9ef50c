"""Pictures found by the names that annotations give: another folder's picture never stands in for a missing one."""

import json

import pytest

from data_conversion.pipeline.image_index import ImageIndex, may_be_one
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.readers.telecom import TelecomReader
from src.errors import ProjectError, RecordError
from tests.data_conversion.made_exports import box, converted, image, picture
from tests.data_conversion.reading_cases import opened, touch


@pytest.mark.parametrize(
    ("files", "name", "found"),
    [
        ("a.jpg val/a.jpg", "a.jpg", "a.jpg"),
        ("images/a.jpg", "a.jpg", "images/a.jpg"),
        ("images/a.jpg", "/mnt/x/data/images/a.jpg", "images/a.jpg"),
        ("images/a.jpg", "C:\\data\\images\\a.jpg", "images/a.jpg"),
        ("imgs/a.jpg", "..\\imgs\\a.jpg", "imgs/a.jpg"),
        ("sets/train/a.jpg sets/val/a.jpg", "train/a.jpg", "sets/train/a.jpg"),
        ("a.jpg", "train/a.jpg", "a.jpg"),
        ("a:b.jpg", "a:b.jpg", "a:b.jpg"),
        ("val/a.jpg", "train/a.jpg", "image-missing"),
        ("val/images/a.jpg", "train/images/a.jpg", "image-missing"),
        ("a.jpg train/b.jpg", "train/a.jpg", "image-missing"),
        ("train/a.jpg val/a.jpg", "a.jpg", "image-ambiguous"),
        ("a.jpg", "x" * 5000 + "/a.jpg", "a.jpg"),
    ],
)
def test_folders_of_a_name_are_never_contradicted(tmp_path, files, name, found):
    touch(tmp_path, *files.split())
    index = ImageIndex.of(tmp_path)
    if "-" not in found:
        assert index.find(name, "t") == found
        return
    with pytest.raises(RecordError) as caught:
        index.find(name, "t")
    assert caught.value.issues[0].rule == found


def test_the_remedy_names_the_file_that_was_not_taken(tmp_path):
    touch(tmp_path, "images/B/1.png")
    with pytest.raises(RecordError) as caught:
        ImageIndex.of(tmp_path).find("A/1.png", "t")
    assert "(images/B) as image_root" in caught.value.issues[0].remedy


def test_coco_files_of_one_split_do_not_take_the_pictures_of_the_other(tmp_path):
    def content(name):
        found = {"id": 1, "file_name": name, "width": 60, "height": 40}
        return json.dumps({"images": [found], "annotations": [], "categories": []})

    touch(tmp_path, "val2017/1.jpg", "pictures/2.jpg")
    for part, name in (("train", "1.jpg"), ("val", "2.jpg")):
        path = tmp_path / f"annotations/instances_{part}2017.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content(name))
    export = opened(READERS["coco"], tmp_path)
    train, val = export.listing.items
    assert export.read(val).image == "pictures/2.jpg"  # the folder's name is a guess
    with pytest.raises(ProjectError, match="other folders only"):
        export.read(train)


def test_dota_yolo_and_telecom_do_not_take_another_folders_picture(tmp_path):
    touch(
        tmp_path, "dota/val/images/P1.png", "dota/val/labelTxt/P1.txt", "dota/train/labelTxt/P1.txt"
    )
    export = opened(READERS["dota"], tmp_path / "dota")
    assert export.pictures == {"train/images/P1": "", "val/images/P1": "val/images/P1.png"}

    yolo = tmp_path / "yolo"
    touch(yolo, "images/val/1.jpg", "labels/val/1.txt", "labels/train/1.txt")
    (yolo / "data.yaml").write_text("train: train.txt\nval: val.txt\nnames: [a]\n")
    for part in ("train", "val"):
        (yolo / f"{part}.txt").write_text(f"images/{part}/1.jpg\n")
    items = opened(READERS["yolo"], yolo).listing.items
    assert [item.key for item in items] == ["images/train/1.jpg", "images/val/1.jpg"]

    touch(tmp_path / "gone", "B/1.jpg")
    (tmp_path / "gone/A").mkdir()
    (tmp_path / "gone/A/1.json").write_text('{"dataList": []}')
    export = opened(TelecomReader(), tmp_path / "gone")
    with pytest.raises(ProjectError, match="not found"):
        export.read(next(item for item in export.listing.items if item.annotation))
    touch(tmp_path / "telecom", "A/1.png", "B/1.jpg")
    for folder in "AB":
        (tmp_path / f"telecom/{folder}/1.json").write_text('{"dataList": []}')
    export = opened(TelecomReader(), tmp_path / "telecom")
    assert [export.read(item).image for item in export.listing.items] == ["A/1.png", "B/1.jpg"]


def test_names_may_be_one_picture_when_one_is_the_end_of_the_other():
    assert may_be_one("/mnt/x/images/a.jpg", "images\\a.jpg")
    assert may_be_one("", "a.jpg")
    assert not may_be_one("A/a.jpg", "B/a.jpg")


def test_two_names_that_led_to_one_file_go_to_quarantine(monkeypatch, tmp_path):
    picture(tmp_path / "in/a.jpg", (100, 80))
    images = [
        image("a.jpg", box(1, 1, 9, 9), named=name)
        for name in ("A/a.jpg", "B/a.jpg")
    ]  # fmt: skip
    done, out = converted(monkeypatch, tmp_path, images)
    assert (done.num_read, (out / "all_samples.jsonl").read_text()) == (2, "")
    assert (out / "quarantine.jsonl").read_text().count("image-name-taken") == 2
