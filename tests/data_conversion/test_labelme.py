"""LabelMe files as the tool and its relatives write them, and as ours are read again."""

import base64
import json
import math

import cv2
import numpy as np
import pytest
import shapely

from data_conversion.pipeline.readers.labelme import LabelMeReader
from data_conversion.pipeline.writers.labelme import LabelMeWriter
from data_conversion.pipeline.writing import WriteOptions
from src.contract.records import ObjectAnnotation, Record, Source
from src.errors import ProjectError
from tests.data_conversion.reading_cases import opened, read_one, rules, touch

READER = LabelMeReader()


def shape(kind, points, label="valve", **more):
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, **more}


def write(path, shapes, image="a.jpg", **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = {"version": "5.2.1", "flags": {}, "shapes": shapes, "imagePath": image, "imageData": None}
    path.write_text(json.dumps({**raw, "imageHeight": 40, "imageWidth": 60, **more}))


def read(folder, shapes, **more):
    write(folder / "a.json", shapes, **more)
    touch(folder, "a.jpg")
    return read_one(READER, folder)


def png(pixels):
    return base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode()


def test_each_kind_of_shape_has_its_place_or_a_finding(tmp_path):
    raw = read(
        tmp_path,
        [
            shape("rectangle", [[30.5, 20], [10, 5.25]]),
            shape("polygon", [[1, 1], [9, 1], [5, 8.5]]),
            shape("line", [[0, 0], [60, 40]]),
            shape("linestrip", [[0, 0], [5, 9], [60, 40]]),
            shape("point", [[3, 3]]),
            shape("rectangle", [[3, 3], [3, 9]]),
            shape("polygon", [[1, 1], [9, 1]]),
            shape("tube", [[1, 1], [9, 1]]),
            shape("polygon", [[1, 1], [9, 1], [5, 5]], label=" "),
        ],
    )
    assert [(o.index, o.kind, o.points) for o in raw.objects] == [
        (0, "bbox_2d", (10, 5.25, 30.5, 20)),
        (1, "poly", (1, 1, 9, 1, 5, 8.5)),
        (2, "line", (0, 0, 60, 40)),
        (3, "line", (0, 0, 5, 9, 60, 40)),
    ]
    assert rules(raw) == [
        ("fixed", "corners-swapped", 0),
        ("dropped", "geometry-unsupported", 4),
        ("dropped", "degenerate", 5),
        ("dropped", "point-number", 6),
        ("dropped", "geometry-unsupported", 7),
        ("dropped", "label-empty", 8),
    ]
    assert (raw.num_objects, raw.size, raw.image) == (9, (60, 40), "a.jpg")


def test_a_circle_becomes_a_polygon_that_covers_it(tmp_path):
    raw = read(tmp_path, [shape("circle", [[30, 20], [30, 30]])])
    polygon = shapely.Polygon(np.reshape(raw.objects[0].points, (-1, 2)))
    circle = shapely.Point(30, 20).buffer(10, quad_segs=200)
    assert polygon.intersection(circle).area / polygon.union(circle).area > 0.99
    assert polygon.area == pytest.approx(math.pi * 100, rel=0.006)
    assert rules(raw) == [("fixed", "ellipse-polygon", 0)]


def test_a_mask_lies_where_its_corners_say(tmp_path):
    pixels = np.zeros((4, 6), np.uint8)  # version 5 stores ones, not 255
    pixels[1:3, 1:5] = 1
    small = shape("mask", [[10, 20], [15, 23]], mask=png(pixels))
    ring = np.ones((3, 3), np.uint8)
    ring[1, 1] = 0
    raw = read(
        tmp_path,
        [
            small,
            shape("mask", [[0, 0], [2, 2]], mask=png(ring)),
            shape("mask", [[0, 0], [30, 2]], mask=png(ring)),
            shape("mask", [[0, 0], [2, 2]], mask="broken"),
        ],
    )
    assert [o.parts for o in raw.objects] == [
        ((11, 21, 15, 21, 15, 23, 11, 23),),
        ((0, 0, 3, 0, 3, 3, 0, 3),),
    ]
    assert rules(raw) == [
        ("fixed", "holes-filled", 1),
        ("dropped", "mask-size", 2),
        ("dropped", "mask-broken", 3),
    ]


def test_groups_flags_and_texts_are_kept(tmp_path):
    raw = read(
        tmp_path,
        [
            shape(
                "line",
                [[0, 0], [5, 5]],
                group_id=0,
                flags={"rusty": True, "wet": False},
                description="left one",
                attributes={"size": 3},
                score=0.5,
            )
        ],
        flags={"night": True, "rain": False},
    )
    (item,) = raw.objects
    assert item.group == "0"  # zero is a group
    assert item.attributes == {"rusty": True, "description": "left one", "size": 3}
    assert raw.attributes == {"night": True}
    assert rules(raw) == [("noted", "key-ignored", 0)]


def test_version_3_has_no_shape_type(tmp_path):
    raw = read(tmp_path, [{"label": "x", "points": [[0, 0], [9, 0], [9, 9]]}], flags=None)
    assert raw.objects[0].kind == "poly"


def test_the_picture_near_the_file_is_taken_whatever_the_separators(tmp_path):
    for site in ("one", "two"):
        write(tmp_path / site / "json" / "a.json", [], image="..\\img\\a.jpg")
        touch(tmp_path, f"{site}/img/a.jpg", f"{site}/a.jpg")
    export = opened(READER, tmp_path)
    found = [export.read(item).image for item in export.listing.items]
    assert found == ["one/img/a.jpg", "two/img/a.jpg"]


def test_an_embedded_picture_stands_in_for_a_missing_file_only(tmp_path):
    data = png(np.zeros((40, 60), np.uint8))
    write(tmp_path / "a.json", [], image="C:\\work\\gone.jpg", imageData=data)
    raw = read_one(READER, tmp_path)
    assert (raw.image, raw.image_name) == ("", "a.png")
    assert raw.embedded == base64.b64decode(data)
    touch(tmp_path, "gone.jpg")
    raw = read_one(READER, tmp_path)
    assert (raw.image, raw.embedded) == ("gone.jpg", None)
    write(tmp_path / "a.json", [], image="other.jpg", imageData="???")
    with pytest.raises(ProjectError, match="base64"):
        read_one(READER, tmp_path)


def test_the_picture_of_another_json_is_not_taken(tmp_path):
    data = png(np.zeros((40, 60), np.uint8))
    touch(tmp_path, "val/b.jpg")
    for name, image, embedded in [
        ("train/a.json", "b.jpg", data),
        ("b.json", "b.jpg", None),
        ("val/b.json", "D:\\other\\b.jpg", None),
    ]:
        write(tmp_path / name, [], image=image, imageData=embedded)
    export = opened(READER, tmp_path)
    root, train, val = export.listing.items
    assert export.read(train).embedded == base64.b64decode(data)
    assert export.read(val).image == "val/b.jpg"  # an absolute path of another machine
    with pytest.raises(ProjectError, match="another JSON"):
        export.read(root)


def test_what_an_export_puts_beside_the_files_is_no_annotation(tmp_path):
    write(tmp_path / "a.json", [])
    for name in (".export.json", "fidelity_report.json", "sub/.hidden.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    assert [item.annotation for item in opened(READER, tmp_path).listing.items] == ["a.json"]


def test_folders_named_train_and_val_are_the_split(tmp_path):
    for name in ("train", "valid"):
        write(tmp_path / name / "a.json", [])
    listing = opened(READER, tmp_path).listing
    assert listing.split == {"train/a": "train", "valid/a": "val"}


def test_other_json_is_not_taken_for_it(tmp_path):
    (tmp_path / "coco.json").write_text('{"images": [], "annotations": []}')
    assert READER.recognise(tmp_path) == ""
    write(tmp_path / "sub" / "a.json", [])
    assert "a.json" in READER.recognise(tmp_path)
    export = opened(READER, tmp_path)
    with pytest.raises(ProjectError, match="shapes"):
        export.read(export.listing.items[0])


def test_two_pictures_with_one_stem_get_two_files(tmp_path):
    box = ObjectAnnotation(desc="x", kind="bbox_2d", points=(1.0, 2.0, 3.5, 4.0))
    records = [
        Record(images=(name,), width=60, height=40, objects=(box,), source=Source(file="t", line=1))
        for name in ("a.png", "a.jpg")
    ]
    LabelMeWriter().write({"train": records}, WriteOptions(output=tmp_path))
    touch(tmp_path, "a.png", "a.jpg")
    export = opened(READER, tmp_path)
    assert [export.read(item).image for item in export.listing.items] == ["a.png", "a.jpg"]
