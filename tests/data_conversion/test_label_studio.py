"""Label Studio exports: regions in several results, per cents and rotations, brushes, and how pictures are named."""

import base64
import json

import cv2
import numpy as np
import pytest

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.label_studio.brush import decode_brush
from data_conversion.pipeline.readers.label_studio.json_spans import array_spans
from data_conversion.pipeline.readers.label_studio.picture_name import find_picture
from data_conversion.pipeline.readers.label_studio.reader import LabelStudioReader
from data_conversion.pipeline.writers.label_studio import LabelStudioWriter
from data_conversion.pipeline.writing import WriteOptions
from src.contract.records import ObjectAnnotation, Record, Source
from src.errors import DataError, ProjectError
from src.rng import generator
from tests.data_conversion.label_studio_brush import encode_brush
from tests.data_conversion.reading_cases import opened, read_one, rules, touch

READER = LabelStudioReader()


def result(kind, value, number=0, label="valve", **more):
    labels = {kind: [label]} if kind.endswith("labels") and label else {}
    return {
        "id": f"r{number}",
        "type": kind,
        "from_name": "shapes",
        "to_name": "img",
        "original_width": 60,
        "original_height": 40,
        "image_rotation": 0,
        "value": {**value, **labels},
        **more,
    }


def box(number=0, x=10, y=25, width=50, height=50, **more):
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
    return result("rectanglelabels", {**value, **more}, number)


def task(results, image="/data/upload/1/0123abcd-a.jpg", **more):
    annotation = {"id": 1, "was_cancelled": False, "result": results}
    return {"id": 5, "annotations": [annotation], "data": {"picture": image}, **more}


def write(folder, tasks, name="export.json"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(tasks, indent=1))
    return folder


def read(folder, results, **more):
    write(folder, [task(results, **more)])
    touch(folder, "a.jpg")
    return read_one(READER, folder)


def test_each_kind_of_region_has_its_place_or_a_finding(tmp_path):
    triangle = [[10, 10], [50, 10], [50, 50]]
    vertices = [{"x": 0, "y": 0}, {"x": 50, "y": 25, "isBezier": True}]
    raw = read(
        tmp_path,
        [
            box(0),
            result("polygonlabels", {"points": triangle, "closed": True}, 1),
            result("vectorlabels", {"vertices": vertices, "closed": False}, 2),
            result("keypointlabels", {"x": 1, "y": 1, "width": 1}, 3),
            result("rectanglelabels", {"x": 1, "y": 1, "width": 5, "height": 5}, 4, label=""),
            box(5, width=0),
            result("polygonlabels", {"points": triangle[:2]}, 6),
            box(7, x="wide"),
            box(8, x=1e300, rotation=5),
        ],
    )
    assert [(o.index, o.kind, o.points) for o in raw.objects] == [
        (0, "bbox_2d", (6, 10, 36, 30)),
        (1, "poly", (6, 4, 30, 4, 30, 20)),
        (2, "line", (0, 0, 30, 10)),
    ]
    assert rules(raw) == [
        ("fixed", "curve-straight", 2),
        ("dropped", "geometry-unsupported", 3),
        ("dropped", "label-empty", 4),
        ("dropped", "degenerate", 5),
        ("dropped", "point-number", 6),
        ("dropped", "corner-missing", 7),
        ("dropped", "corner-missing", 8),
    ]
    assert (raw.num_objects, raw.size, raw.image) == (9, (60, 40), "a.jpg")


def test_a_rectangle_turns_about_its_top_left_corner_in_pixels(tmp_path):
    (turned,) = read(tmp_path, [box(rotation=90)]).objects
    assert turned.kind == "poly"
    assert turned.points == (6, 10, 6, 40, -14, 40, -14, 10)


def test_an_ellipse_turns_about_its_centre(tmp_path):
    value = {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10, "rotation": 90}
    (item,) = read(tmp_path, [result("ellipselabels", value)]).objects
    points = np.reshape(item.points, (-1, 2))
    assert np.allclose([points.min(axis=0), points.max(axis=0)], [(26, 8), (34, 32)], atol=0.02)


def test_results_with_one_id_are_one_object(tmp_path):
    place = {"x": 10, "y": 25, "width": 50, "height": 50, "rotation": 0}
    raw = read(
        tmp_path,
        [
            result("choices", {"choices": ["night"]}, 9, from_name="time"),
            result("choices", {**place, "choices": ["open", "rusty"]}, 1, from_name="state"),
            result("rectangle", place, 1, meta={"text": ["seen twice"]}),
            result("labels", {**place, "labels": ["valve", "pump"]}, 1, label=""),
            result("textarea", {**place, "text": ["left"]}, 1, from_name="where"),
            result("number", {**place, "number": 3}, 1, from_name="size"),
            result("choices", {**place, "choices": ["true"]}, 1, from_name="wet"),
            result("taxonomy", {**place, "taxonomy": [["a", "b"]]}, 1, from_name="kind"),
        ],
    )
    (item,) = raw.objects
    assert (item.label, item.kind, item.points) == ("valve", "bbox_2d", (6, 10, 36, 30))
    assert item.attributes == {
        "state": ("open", "rusty"), "where": "left", "size": 3, "wet": True, "kind": "a/b",
        "note": "seen twice", "labels": ("valve", "pump"),
    }  # fmt: skip
    assert raw.attributes == {"time": "night"}
    assert rules(raw) == [("noted", "labels-several", 0)]


def test_the_first_annotation_that_was_not_cancelled_is_taken(tmp_path):
    other = {"id": 2, "was_cancelled": True, "result": [box(), box(1)]}
    first = task([box()])
    annotations = [other, *first["annotations"], {"result": []}]
    write(tmp_path, [{**first, "annotations": annotations, "predictions": [{"result": []}]}])
    touch(tmp_path, "a.jpg")
    raw = read_one(READER, tmp_path)
    assert len(raw.objects) == 1
    assert [rule for _, rule, _ in rules(raw)] == ["annotations-several", "predictions-ignored"]


def test_a_task_that_nobody_annotated_is_no_negative(tmp_path):
    cancelled = {"id": 2, "was_cancelled": True, "result": []}
    for annotations in ([], [cancelled]):
        write(tmp_path, [{**task([]), "annotations": annotations}])
        touch(tmp_path, "a.jpg")
        with pytest.raises(ProjectError, match="no annotation"):
            read_one(READER, tmp_path)
    assert read(tmp_path, []).objects == ()


def test_relations_are_told_and_turned_pictures_refused(tmp_path):
    relation = {"type": "relation", "from_id": "r0", "to_id": "r1", "labels": ["next to"]}
    raw = read(tmp_path, [box(0), box(1), relation])
    assert rules(raw) == [("noted", "relation-ignored", None)]
    with pytest.raises(ProjectError, match="turned"):
        read(tmp_path, [{**box(), "image_rotation": 90}])
    with pytest.raises(ProjectError, match="disagree"):
        read(tmp_path, [box(), {**box(1), "original_width": 61}])


@pytest.mark.parametrize(
    ("value", "file"),
    [
        ("/data/upload/1/0123abcd-a.jpg", "a.jpg"),
        ("/data/upload/1/0123abcd-a.jpg", "0123abcd-a.jpg"),
        ("/data/local-files/?d=set%201/a%20b.jpg", "set 1/a b.jpg"),
        ("s3://bucket/deep/a.jpg", "deep/a.jpg"),
        ("https://host/x/a%C3%A9.jpg?X-Sig=1%2F2", "a\u00e9.jpg"),
        ("100%.jpg", "100%.jpg"),
        ("a%20b.jpg", "a%20b.jpg"),
        ("a%20b.jpg", "a b.jpg"),
        ("//[1/a.jpg", "a.jpg"),
    ],
)
def test_pictures_are_found_by_name(tmp_path, value, file):
    touch(tmp_path, file)
    assert find_picture(value, ImageIndex.of(tmp_path), "t") == file


def test_of_several_pictures_the_one_that_results_refer_to_is_taken(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg")
    data = {"before": "a.jpg", "img": "b.jpg", "site": "north"}
    write(tmp_path, [task([box()], data=data)])
    assert read_one(READER, tmp_path).image == "b.jpg"
    write(tmp_path, [task([], data={"before": "a.jpg", "after": "b.jpg"})])
    with pytest.raises(ProjectError, match="several pictures"):
        read_one(READER, tmp_path)


@pytest.mark.parametrize("rotation", ["90", "nan", [90], True])
def test_a_rotation_that_is_no_number_drops_the_region(tmp_path, rotation):
    value = {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10, "rotation": rotation}
    raw = read(tmp_path, [box(rotation=rotation), result("ellipselabels", value, 1)])
    assert (raw.objects, rules(raw)) == ((), [("dropped", "rotation", n) for n in range(2)])


@pytest.mark.parametrize(
    ("previous", "order"),
    [
        ({"a": None, "b": "a", "c": "b"}, "abc"),
        ({"b": "a", "a": None, "c": "b"}, "abc"),
        ({"c": "b", "b": "a", "a": "c"}, "cab"),  # a ring
        ({"a": None, "b": None, "c": None}, "abc"),
        ({"a": None, "b": "a", "c": "a"}, ""),
        ({"a": None, "b": None, "c": "b"}, ""),
        ({"a": None, "b": "c", "c": "b"}, ""),
        ({"a": None, "b": "a", "c": "gone"}, ""),
    ],
)
def test_vertices_of_a_vector_follow_their_predecessors(tmp_path, previous, order):
    place = {"a": (0, 0), "b": (50, 0), "c": (50, 50)}
    vertices = [
        {"id": name, "x": place[name][0], "y": place[name][1], "prevPointId": before}
        for name, before in previous.items()
    ]
    raw = read(tmp_path, [result("vectorlabels", {"vertices": vertices, "closed": False})])
    pixels = [(x * 0.6, y * 0.4) for x, y in map(place.get, order)]
    assert [item.points for item in raw.objects] == (
        [tuple(value for pair in pixels for value in pair)] if order else []
    )
    assert rules(raw) == ([] if order else [("dropped", "vector-branches", 0)])


def test_results_about_several_pictures_are_refused(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg")
    data = {"image": "a.jpg", "image2": "b.jpg"}
    second = {**box(), "id": "other", "to_name": "image2"}
    write(tmp_path, [task([{**box(), "to_name": "image"}, second], data=data)])
    with pytest.raises(ProjectError, match="about several pictures"):
        read_one(READER, tmp_path)
    write(tmp_path, [task([second], data=data)])
    assert read_one(READER, tmp_path).image == "b.jpg"
    write(tmp_path, [task([{**second, "to_name": "right"}], data=data)])
    with pytest.raises(ProjectError, match="holds several pictures"):  # which of them is not told
        read_one(READER, tmp_path)


def test_an_embedded_picture_is_taken_as_it_is(tmp_path):
    data = cv2.imencode(".png", np.zeros((40, 60), np.uint8))[1].tobytes()
    value = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    raw = read(tmp_path, [box()], image=value)
    assert (raw.image, raw.image_name, raw.embedded) == ("", "task-5.png", data)


def test_the_short_export_and_damaged_files_are_refused(tmp_path):
    write(tmp_path, [{"id": 1, "picture": "a.jpg", "label": [], "annotation_id": 2}])
    assert READER.recognise(tmp_path)
    with pytest.raises(DataError, match=r'JSON_MIN(?s:.*)as "JSON"'):
        opened(READER, tmp_path)
    whole = json.dumps([task([box()]), task([box(1)])])
    (tmp_path / "export.json").write_text(whole[:-30])
    with pytest.raises(DataError, match="damaged"):
        opened(READER, tmp_path)


def test_files_named_train_and_val_are_the_split_and_repeated_names_are_kept(tmp_path):
    write(tmp_path, [task([box()]), task([box()])], "train.json")
    write(tmp_path, [task([box()], image="b.jpg")], "val.json")
    listing = opened(READER, tmp_path).listing
    name = "data/upload/1/0123abcd-a"
    assert listing.split == {name: "train", f"{name}#2": "train", "b": "val"}
    assert READER.recognise(tmp_path / "val.json")


def test_spans_are_those_of_a_parser_whatever_the_strings_hold():
    values = [{"a": ']} \\"[{', "b": [{}, [1, {"c": "\\"}]]}, [], {"\u76f4": "{"}]
    data = json.dumps(values, indent=2, ensure_ascii=False).encode()
    assert [json.loads(data[start:end]) for start, end in array_spans(data)] == values
    with pytest.raises(ValueError, match="end"):
        list(array_spans(data[:-1]))


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("word_size", [8, 12])
def test_the_brush_code_is_decoded(lists, word_size):
    for seed in range(8):
        rng = generator(seed, "brush")
        height, width = (int(side) for side in rng.integers(1, 40, 2))
        mask = rng.random((height, width)) < 0.3
        mask[: height // 2] = True
        codes = encode_brush(mask, word_size=word_size, lists=lists)
        decoded = decode_brush(bytes(codes), width, height)
        assert np.array_equal(decoded, mask)


def test_a_brush_becomes_outlines_and_a_broken_one_a_finding(tmp_path):
    mask = np.zeros((40, 60), bool)
    mask[5:10, 20:50] = mask[30:35, 2:4] = True
    codes = encode_brush(mask)
    other = encode_brush(mask.T[:30])
    raw = read(
        tmp_path,
        [
            result("brushlabels", {"format": "rle", "rle": codes}, number)
            for number, codes in enumerate((codes, codes[:-2], other, [300], []))
        ],
    )
    assert [o.parts for o in raw.objects] == [
        ((20, 5, 50, 5, 50, 10, 20, 10), (2, 30, 4, 30, 4, 35, 2, 35))
    ]
    assert rules(raw) == [("dropped", "mask-broken", index) for index in (1, 2, 3, 4)]


def test_what_is_written_says_which_interface_it_needs(tmp_path):
    shapes = tuple(
        ObjectAnnotation(desc=f"<{kind}> & co", kind=kind, points=points)
        for kind, points in (
            ("line", (1.0, 2.0, 3.5, 4.0)),
            ("poly", (0.0, 0.0, 9.1, 0.0, 9.1, 7.7)),
        )
    )
    record = Record(
        images=("sub dir/a.jpg",), width=61, height=37, objects=shapes,
        metadata={"attributes": [{"wet": False, "size": 0.1}, {"where": "left"}]},
        source=Source(file="t", line=1),
    )  # fmt: skip
    LabelStudioWriter().write({"train": [record]}, WriteOptions(output=tmp_path))
    config = (tmp_path / "label_config.xml").read_text()
    for name in ("VectorLabels", "PolygonLabels", 'Choices name="wet"', 'Number name="size"'):
        assert name in config
    assert '<Label value="&lt;line&gt; &amp; co"/>' in config
    touch(tmp_path, "sub dir/a.jpg")
    raw = read_one(READER, tmp_path)
    assert [item.points for item in raw.objects] == [item.points for item in shapes]
    assert [item.attributes for item in raw.objects] == record.metadata["attributes"]
