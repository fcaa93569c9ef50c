"""What a conversion may do to its output folder: no source and no hand-made file is ever replaced, nothing leads out of it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.unified_processor import convert
from data_conversion.pipeline.work_folder import claimed
from src.errors import DataError, RecordError, UsageError
from tests.data_conversion.made_exports import (
    box,
    converted,
    image,
    picture,
    records,
    report_of,
    tree,
)


def test_two_pictures_in_one_place_are_both_kept_back(monkeypatch, tmp_path):
    images = [
        image("a.jpg", box(1, 1, 9, 9)),
        replace(image("x/a.jpg", box(1, 1, 9, 9)), image_name="a.jpg"),
        image("b.jpg", box(1, 1, 9, 9)),
    ]
    picture(tmp_path / "in" / "x" / "a.jpg", (100, 80))
    _, out = converted(monkeypatch, tmp_path, images)
    assert report_of(out)["quarantined_by_rule"] == {"image-name-taken": 2}
    assert [path.name for path in (out / "images").iterdir()] == ["b.jpg"]


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "a\\b.jpg", "a\0.jpg"])
def test_a_name_that_leads_out_of_the_output_is_refused(monkeypatch, tmp_path, name):
    picture(tmp_path / "in" / "a.jpg")
    raw = replace(image("a.jpg", box(1, 1, 9, 9)), image_name=name)
    done, out = converted(monkeypatch, tmp_path, [raw])
    assert (done.num_quarantined, list((out / "images").iterdir())) == (1, [])


def test_one_conversion_at_a_time(monkeypatch, tmp_path):
    (tmp_path / "out").mkdir()
    with claimed(tmp_path / "out"), pytest.raises(DataError, match="another conversion"):
        converted(monkeypatch, tmp_path, [image("a.jpg")])


def test_source_pictures_and_other_files_are_never_replaced(monkeypatch, tmp_path):
    raw = [image("images/a.jpg", box(1, 1, 9, 9))]
    converted(monkeypatch, tmp_path, raw)
    source = tmp_path / "in"
    before = tree(source)
    into = {"input": source / "made.json", "resize": True, "max_pixels": 4096, "format": "made"}
    with pytest.raises(UsageError, match="input lies inside the output"):
        convert(ConversionConfig(**into, output=source))
    with pytest.raises(UsageError, match="folder of pictures lies inside the output"):
        convert(ConversionConfig(**into, image_root=source / "images", output=source / "images"))
    other = tmp_path / "other"
    picture(other / "images" / "mine.jpg")
    with pytest.raises(DataError, match="something else"):
        convert(ConversionConfig(**into, output=other))
    with pytest.raises(DataError, match="no conversion put there"):
        convert(ConversionConfig(**into, output=other, overwrite=True))
    assert tree(source) == before
    linked = tmp_path / "linked"
    (linked / "images").mkdir(parents=True)
    (linked / "conversion_report.json").write_text("{}")
    (linked / "images" / "images").symlink_to(source / "images")
    convert(ConversionConfig(**into, image_root=source, output=linked))
    assert report_of(linked)["quarantined_by_rule"] == {"output-is-source": 1}
    (linked / "images" / "images").unlink()
    (linked / "images").rmdir()
    (linked / "images").symlink_to(source / "images")
    with pytest.raises(DataError, match="is a link"):
        convert(ConversionConfig(**into, image_root=source, output=linked))
    assert tree(source) == before
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file"):
        convert(ConversionConfig(**into, output=tmp_path / "file"))


def test_pictures_of_an_earlier_conversion_into_the_folder_go(monkeypatch, tmp_path):
    images = [image(f"site{n}/{n}.jpg", box(1, 1, 9, 9)) for n in range(6)]
    _, out = converted(monkeypatch, tmp_path, images)
    (out / "images" / "notes.txt").write_text("no picture")
    converted(monkeypatch, tmp_path, images, limit=2)
    kept = {name for name in tree(out) if name.endswith(".jpg")}
    assert kept == {record["images"][0] for record in records(out)}
    assert len(kept) == 2
    assert len(list((out / "images").iterdir())) == 3
    monkeypatch.chdir(tmp_path / "in")
    convert(ConversionConfig(input=Path(), output=out, limit=2))
    assert report_of(out)["input"] == "in"


def test_what_the_system_refuses_is_a_project_error(monkeypatch, tmp_path):
    images = [image("a.jpg", box(1, 1, 9, 9))]
    converted(monkeypatch, tmp_path, images)
    (tmp_path / "file").write_text("")
    options = {"input": tmp_path / "in", "format": "made"}
    with pytest.raises(DataError, match="cannot be used"):
        convert(ConversionConfig(**options, output=tmp_path / "file" / "out"))
    (tmp_path / "yolo" / "labels").mkdir(parents=True)
    picture(tmp_path / "yolo" / "images" / "b.jpg")
    name = os.fsdecode(b"\xe4.jpg")
    picture(tmp_path / "yolo" / "images" / name)
    (tmp_path / "yolo" / "data.yaml").write_text("train: images\nval: images\nnames: [a]\n")
    with pytest.raises(DataError, match="not UTF-8"):
        convert(ConversionConfig(input=tmp_path / "yolo", output=tmp_path / "y", format="yolo"))


def test_a_linked_folder_of_pictures_is_named(tmp_path):
    (tmp_path / "in" / "here").mkdir(parents=True)
    picture(tmp_path / "store" / "a.jpg")
    (tmp_path / "in" / "images").symlink_to(tmp_path / "store")
    (tmp_path / "in" / "inside").symlink_to(tmp_path / "in" / "here")
    index = ImageIndex.of(tmp_path / "in")
    with pytest.raises(RecordError, match="images is a link to a folder outside"):
        index.find("a.jpg", "made.json")
    assert index.links == ("images",)
