"""Pascal VOC through the whole conversion, on a made export and on real photographs."""

import json
import shutil

import cv2
import numpy as np
import pytest

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.voc import VocReader
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.unified_processor import convert
from data_conversion.pipeline.writers.voc import VocWriter
from data_conversion.pipeline.writing import WriteOptions
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import image_check, scan
from src.contract.records import ObjectAnnotation, Record, Source
from src.errors import ProjectError
from tests.data_conversion.reading_cases import opened, read_one, touch
from tests.real_data import BCCD, needs_bccd
from tests.report.pages import page_data

OUTPUTS = (
    "all_samples.jsonl",
    "train.jsonl",
    "val.jsonl",
    "train_tiny.jsonl",
    "val_tiny.jsonl",
    "quarantine.jsonl",
    "findings.jsonl",
    "label_vocabulary.json",
    "conversion_report.json",
    "conversion_report.html",
)


def export(folder, objects, count=4, size=(60, 40), listed=True):
    """A VOC export whose images all hold `objects`: (name, xmin, ymin, xmax, ymax)."""
    width, height = size
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    boxes = "".join(
        f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{a}</xmin><ymin>{b}</ymin>"
        f"<xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for name, a, b, c, d in objects
    )
    for number in range(count):
        xml = f"<annotation><size><width>{width}</width><height>{height}</height></size>{boxes}</annotation>"
        (folder / "Annotations" / f"i{number}.xml").write_text(xml)
        cv2.imwrite(
            str(folder / "JPEGImages" / f"i{number}.jpg"),
            np.full((height, width, 3), number, np.uint8),
        )
    if listed:
        (folder / "ImageSets" / "Main" / "train.txt").write_text(
            "".join(f"i{n}\n" for n in range(count - 1))
        )
        (folder / "ImageSets" / "Main" / "val.txt").write_text(f"i{count - 1}\n")
    return folder


def converted(source, out, **changes):
    done = convert(ConversionConfig(input=source, output=out, format="voc", **changes))
    return done, json.loads((out / "conversion_report.json").read_text())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_corners_become_pixel_edges_and_the_exports_split_is_kept(tmp_path):
    source = export(tmp_path / "voc", [("dog", 1, 1, 60, 40), ("cat", 11, 5, 20, 10)])
    done, report = converted(source, tmp_path / "out")
    assert (done.num_read, done.num_written, done.num_quarantined) == (4, 4, 0)
    record = lines(tmp_path / "out" / "train.jsonl")[0]
    assert [o["bbox_2d"] for o in record["objects"]] == [[0, 0, 60, 40], [10, 4, 20, 10]]
    assert report["split"]["source"] == "ImageSets/Main"
    assert (report["counts"]["train"], report["counts"]["val"]) == (3, 1)
    assert json.loads((tmp_path / "out" / "label_vocabulary.json").read_text()) == {
        "cat": 4,
        "dog": 4,
    }


def test_degenerate_is_judged_on_the_raw_corners(tmp_path):
    source = export(tmp_path / "voc", [("dot", 5, 5, 5, 5), ("dog", 1, 1, 2, 2)])
    _, report = converted(source, tmp_path / "out")
    assert report["findings_by_rule"] == {"dropped: degenerate": 4}
    assert report["examples"]["dropped: degenerate"][0]["object_index"] == 0
    assert all(
        len(record["objects"]) == 1 for record in lines(tmp_path / "out" / "all_samples.jsonl")
    )


def test_boxes_outside_are_clipped_and_counted(tmp_path):
    source = export(tmp_path / "voc", [("dog", 0, 0, 70, 30)])
    done, _ = converted(source, tmp_path / "out")
    assert done.num_fixed == 4
    assert lines(tmp_path / "out" / "train.jsonl")[0]["objects"][0]["bbox_2d"] == [0, 0, 60, 30]


def test_bad_items_are_quarantined_with_reasons_and_nothing_is_lost(tmp_path):
    source = export(tmp_path / "voc", [("dog", 1, 1, 9, 9)], count=5)
    (source / "Annotations" / "i0.xml").write_text("<annotation><object>")
    (source / "Annotations" / "i1.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>')
    (source / "JPEGImages" / "i2.jpg").unlink()
    data = (source / "JPEGImages" / "i3.jpg").read_bytes()
    (source / "JPEGImages" / "i3.jpg").write_bytes(data[: len(data) // 2])
    done, _ = converted(source, tmp_path / "out")
    assert done.num_read == done.num_written + done.num_quarantined == 5
    reasons = {
        entry["key"]: entry["issues"][0]["rule"]
        for entry in lines(tmp_path / "out" / "quarantine.jsonl")
    }
    assert reasons == {"i0": "xml", "i1": "xml", "i2": "image-missing", "i3": "image-file"}
    with pytest.raises(ProjectError):
        converted(source, tmp_path / "strict", fail_fast=True)


@pytest.mark.parametrize("listed", [True, False])
def test_workers_and_reruns_change_nothing(tmp_path, listed):
    source = export(tmp_path / "voc", [("dog", 1, 1, 9, 9)], count=9, listed=listed)
    for name, workers in (("one", 1), ("two", 2), ("one", 1)):
        converted(source, tmp_path / name, workers=workers, val_ratio=0.3)
    for name in OUTPUTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_page_has_the_counts_and_draws_what_was_changed(tmp_path):
    source = export(tmp_path / "voc", [("dog", 0, 0, 70, 30)], count=3)
    (source / "Annotations" / "i0.xml").write_text("<annotation><object>")
    _, report = converted(source, tmp_path / "out")
    data = page_data(tmp_path / "out" / "conversion_report.html")
    tables = {table["title"]: table["rows"] for table in data["tables"]}
    counts = {name.replace("_", " "): str(count) for name, count in report["counts"].items()}
    assert dict(tables["Counts"]) == counts
    assert [row[:2] for row in tables["Quarantined (1)"]] == [["i0", "xml"]]
    assert [sample["group"] for sample in data["samples"]] == ["changed", "changed"]
    assert all("clipped" in sample["notes"][0] for sample in data["samples"])
    assert data["samples"][0]["truth"][0]["points"] == [0, 0, 60, 30]


def test_an_output_folder_with_other_files_is_left_alone(tmp_path):
    source = export(tmp_path / "voc", [("dog", 1, 1, 9, 9)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("dear")
    with pytest.raises(ProjectError, match="holds something else"):
        converted(source, tmp_path / "out")
    with pytest.raises(ProjectError, match="inside the input"):
        converted(source, source / "out")


@needs_bccd
def test_blood_cells_convert_with_their_two_empty_boxes_reported(tmp_path):
    done, report = converted(BCCD, tmp_path / "out", workers=2)
    assert (done.num_read, done.num_written) == (292, 292)
    assert (report["counts"]["train"], report["counts"]["val"]) == (205, 87)
    dropped = [f for f in lines(tmp_path / "out" / "findings.jsonl") if f["kind"] == "dropped"]
    assert [(f["image"], f["rule"]) for f in dropped] == [
        ("JPEGImages/BloodImage_00338.jpg", "degenerate"),
        ("JPEGImages/BloodImage_00343.jpg", "degenerate"),
    ]
    assert report["counts"]["objects_read"] == report["counts"]["objects_written"] + 2
    index = JsonlIndex.open(tmp_path / "out" / "val.jsonl")
    assert len(scan(index, "fail", check=image_check(ImageResolver(tmp_path / "out"))).rows) == 87
    shutil.rmtree(tmp_path / "out")


def written(folder, *objects, name="images/a.jpg"):
    """The reading of one written record."""
    record = Record(
        images=(name,), width=60, height=40, objects=objects, source=Source(file="t", line=1)
    )
    touch(folder, name)
    losses = VocWriter().write({"train": [record]}, WriteOptions(output=folder)).losses
    return read_one(VocReader(), folder), dict(losses)


def test_written_corners_are_half_a_pixel_away_at_most_and_thin_boxes_stay_boxes(tmp_path):
    sides = (0.0, 0.1, 0.5, 1.0, 1.5, 2.49, 2.5, 3.0)
    boxes = [
        (x, y, x + w + 0.2, y + h + 0.2)
        for x in sides
        for w in sides
        for y, h in ((5, w), (7.5, 9))
    ]
    items = [ObjectAnnotation(desc="x", kind="bbox_2d", points=box) for box in boxes]
    raw, losses = written(tmp_path, *items)
    assert len(raw.objects) == len(boxes)
    assert (raw.findings, losses) == ((), {})
    off = np.subtract([item.points for item in raw.objects], boxes)
    assert np.abs(off).max() <= 0.5
    assert (
        "<xmin>4</xmin><ymin>6</ymin><xmax>6</xmax>"
        in (tmp_path / "Annotations" / "a.xml").read_text()
    )


def test_what_voc_cannot_hold_is_counted_by_the_writer(tmp_path):
    raw, losses = written(
        tmp_path,
        ObjectAnnotation(desc="a", kind="line", points=(1.0, 1.0, 9.0, 1.0)),
        ObjectAnnotation(desc="<b> &", kind="poly", points=(1.0, 1.0, 9.0, 1.0, 5.0, 6.0)),
    )
    assert [(o.label, o.kind, o.points) for o in raw.objects] == [
        ("<b> &", "bbox_2d", (1, 1, 9, 6))
    ]
    assert losses == {"lines are left out": 1, "polygons became their bounding boxes": 1}


@needs_bccd
def test_blood_cells_come_back_from_written_files(tmp_path):
    export = opened(VocReader(), BCCD)
    before = {item.key: export.read(item) for item in export.listing.items}
    parts = {
        part: [
            Record(
                images=(f"images/{raw.image_name}",),
                width=raw.size[0],
                height=raw.size[1],
                objects=tuple(
                    ObjectAnnotation(desc=item.label, kind=item.kind, points=item.points)
                    for item in raw.objects
                ),
                metadata={"attributes": [dict(item.attributes) for item in raw.objects]},
                source=Source(file="t", line=1),
            )
            for key, raw in before.items()
            if export.listing.split[key] == part
        ]
        for part in ("train", "val")
    }
    written = VocWriter().write(parts, WriteOptions(output=tmp_path))
    assert (written.num_images, dict(written.losses)) == (292, {})
    again = VocReader().open(tmp_path, ReadOptions(images=ImageIndex(root=tmp_path, by_name=None)))
    assert again.listing.split == export.listing.split
    for item in again.listing.items:
        one, other = before[item.key], again.read(item)
        assert [(o.label, o.points, o.attributes) for o in one.objects] == [
            (o.label, o.points, o.attributes) for o in other.objects
        ]
        assert one.size == other.size


def test_a_path_that_leads_out_is_not_written(tmp_path):
    with pytest.raises(ProjectError, match="leads out"):
        written(tmp_path / "in", name="../a.jpg")


def test_pictures_of_one_stem_are_refused(tmp_path):
    """Fault: two pictures whose annotations change places when they are read back."""
    records = [record(f"images/a.{suffix}") for suffix in ("jpg", "png")]
    with pytest.raises(ProjectError, match="share an annotation file"):
        VocWriter().write({"train": records}, WriteOptions(output=tmp_path))


def record(image):
    return Record(images=(image,), width=9, height=9, source=Source(file="t", line=1))


def test_an_id_with_a_space_is_one_id_and_a_class_list_has_a_second_column(tmp_path):
    source = export(tmp_path / "voc", [("dog", 1, 1, 9, 9)])
    for folder in ("Annotations", "JPEGImages"):
        for path in (source / folder).glob("i0.*"):
            path.rename(path.with_stem("i 0"))
    (source / "ImageSets" / "Main" / "train.txt").write_text("i 0\ni1  1\ni2 -1\n")
    listing = opened(VocReader(), source).listing
    assert listing.split == {"i 0": "train", "i1": "train", "i2": "train", "i3": "val"}


def test_of_several_images_with_one_stem_filename_decides(tmp_path):
    source = export(tmp_path / "voc", [("dog", 1, 1, 9, 9)], count=1, listed=False)
    touch(source, "JPEGImages/i0.png")
    with pytest.raises(ProjectError, match="several images"):
        read_one(VocReader(), source)
    text = "<annotation><filename>i0.png</filename></annotation>"
    (source / "Annotations" / "i0.xml").write_text(text)
    assert read_one(VocReader(), source).image == "JPEGImages/i0.png"


def test_an_image_of_another_split_is_not_taken(tmp_path):
    (tmp_path / "voc/train").mkdir(parents=True)
    text = "<annotation><filename>a.jpg</filename></annotation>"
    (tmp_path / "voc/train/b.xml").write_text(text)
    touch(tmp_path / "pictures", "val/a.jpg")
    with pytest.raises(ProjectError, match="other folders only"):
        read_one(VocReader(), tmp_path / "voc", tmp_path / "pictures")


def test_pictures_may_lie_elsewhere_or_nowhere(tmp_path):
    source = export(tmp_path / "voc", [("dog", 1, 1, 9, 9)], count=2)
    text = "<annotation><filename>deep.png</filename></annotation>"
    (source / "Annotations" / "i0.xml").write_text(text)
    touch(tmp_path / "pictures", "x/deep.png", "i1.jpg")
    elsewhere = opened(VocReader(), source, tmp_path / "pictures")
    assert [elsewhere.read(i).image for i in elsewhere.listing.items] == ["x/deep.png", "i1.jpg"]
    nowhere = VocReader().open(source, ReadOptions(images=ImageIndex(root=source, by_name=None)))
    assert [nowhere.read(i).image for i in nowhere.listing.items] == ["i0.png", "i1.jpg"]
