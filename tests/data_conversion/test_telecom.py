"""The telecom raw export: both layouts, every geometry, answers and groups, and what is told of the rest."""

import pytest
from PIL import Image

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import RawObject
from data_conversion.pipeline.readers.telecom import TelecomReader
from data_conversion.pipeline.reading import ReadOptions
from src.errors import DataError, ProjectError, RecordError
from tests.data_conversion.telecom_exports import SQUARE, annotation, feature, read, rules, write


def test_a_file_is_read_with_its_picture_and_size(tmp_path):
    raw = read(tmp_path, annotation(feature()))
    assert (raw.annotation, raw.image, raw.image_name) == (
        "site/a.json",
        "site/a.jpeg",
        "site/a.jpeg",
    )
    assert raw.size == (100, 80)
    assert raw.num_objects == 1
    assert raw.objects == (
        RawObject(index=0, label="thing", kind="bbox_2d", parts=((10, 20, 30, 60),)),
    )


@pytest.mark.parametrize(
    ("kind", "coordinates", "result", "points", "found"),
    [
        ("ExtentPolygon", [[[30, 60], [10, 20]]], "bbox_2d", (10, 20, 30, 60), []),
        ("ExtentPolygon", [[[0, 5], [5, 0], [10, 5], [5, 10]]], "bbox_2d", (0, 0, 10, 10), ["box-slanted"]),
        ("Quad", [SQUARE], "poly", (10, 20, 30, 20, 30, 60, 10, 60), []),
        ("Square", [SQUARE[:4]], "poly", (10, 20, 30, 20, 30, 60, 10, 60), []),
        ("Polygon", [[[3, 1], [1.5, 2], [9, 9], [3, 1]]], "poly", (3, 1, 1.5, 2, 9, 9), []),
        ("Polygon", [SQUARE, [[12, 22], [14, 22], [14, 24]]], "poly", (10, 20, 30, 20, 30, 60, 10, 60), ["holes-filled"]),
        ("LineString", [[9, 9], [1, 2], [9, 9]], "line", (9, 9, 1, 2, 9, 9), []),
        ("Point", [1, 2], None, None, ["geometry-unknown"]),
        (["Quad"], [SQUARE], None, None, ["geometry-unknown"]),
        ("ExtentPolygon", [[[1, 1], [1, 5]]], None, None, ["degenerate"]),
        ("LineString", [[1, 1]], None, None, ["point-number"]),
        ("LineString", [[[1, 1], [5, 5]], [[7, 7], [9, 9]]], None, None, ["line-pieces"]),
        ("Polygon", [[[1, 1], [2, 2]]], None, None, ["point-number"]),
        ("Quad", [[[1, 1], [2, "2"], [3, 3]]], None, None, ["points"]),
        ("Quad", [[[1, 1], [2, True], [3, 3]]], None, None, ["points"]),
        ("Quad", [], None, None, ["points"]),
        ("Quad", "SQUARE", None, None, ["points"]),
        ("Quad", [[[[1, 1]]]], None, None, ["points"]),
    ],
)  # fmt: skip
def test_geometries(tmp_path, kind, coordinates, result, points, found):
    raw = read(tmp_path, annotation(feature(kind, coordinates)))
    assert [finding.rule for finding in raw.findings] == found
    assert [(item.kind, item.points) for item in raw.objects] == (
        [] if result is None else [(result, points)]
    )
    assert raw.num_objects == 1


def test_what_an_export_puts_beside_the_files_is_no_annotation(tmp_path):
    write(tmp_path, "a", annotation())
    (tmp_path / ".export.json").write_text("{}")
    (tmp_path / "fidelity_report.json").write_text("{}")
    export = TelecomReader().open(tmp_path, ReadOptions(images=ImageIndex.of(tmp_path)))
    assert [item.annotation for item in export.listing.items] == ["a.json"]


def test_the_older_layout_holds_boxes_by_two_corners(tmp_path):
    entries = [
        {"coordinates": [[30, 60], [10, 20]], "properties": {"content": {"label": "thing"}}},
        {"coordinates": [[30, 60]], "properties": {}},
        "nothing",
    ]
    raw = read(tmp_path, {"info": {"width": 100, "height": 80}, "dataList": entries})
    assert [(item.index, item.label, item.points) for item in raw.objects] == [
        (0, "thing", (10, 20, 30, 60))
    ]
    assert rules(raw) == [("dropped", "points")] * 2


def test_answers_groups_and_what_is_not_converted(tmp_path):
    answers = {
        "state": "fine",
        "defects": ["rust", "loose"],
        "one": ["x"],
        "n": 3,
        "no": None,
        "odd": {"a": 1},
        "e": [],
    }
    features = [
        feature(contentZh=answers, groups=[7], objectId="z", area=800),
        feature(content={"label": "thing", "state": "fine"}, groups="left", quality=1),
        feature(content={"state": "fine"}, groups=["a", "b"]),
        feature(contentZh="fine", groups={"id": 1}),
    ]  # fmt: skip
    raw = read(tmp_path, annotation(*features, qualityResult={}, workload=[]))
    assert [item.label for item in raw.objects] == ["thing", "thing", "", "thing"]
    assert [dict(item.attributes) for item in raw.objects] == [
        {"state": "fine", "defects": ("rust", "loose"), "one": "x", "n": 3},
        {"state": "fine"},
        {"state": "fine"},
        {},
    ]
    assert [item.group for item in raw.objects] == ["7", "left", "a", ""]
    assert rules(raw) == [
        ("noted", "attribute-ignored"), ("fixed", "group-several"),
        ("noted", "attribute-ignored"), ("noted", "group-ignored"),
        *[("noted", "element-ignored")] * 5,
    ]  # fmt: skip
    unread = [finding.got for finding in raw.findings if finding.rule == "element-ignored"]
    assert unread == ["properties.area", "properties.objectId", "properties.quality", "qualityResult", "workload"]  # fmt: skip


def test_the_picture_is_described_and_every_other_key_is_told(tmp_path):
    whole = annotation({**feature(), "id": "7", "type": "Feature"}, layers=[])
    whole["info"] |= {"site": "S1", "ticket": 9, "gps": {"x": 1}, "empty": None}
    whole["markResult"] |= {"type": "FeatureCollection", "note": "hello"}
    whole["markResult"]["features"][0]["geometry"]["crs"] = "x"
    raw = read(tmp_path, whole)
    assert raw.attributes == {"site": "S1", "ticket": 9}
    assert rules(raw) == [("noted", "attribute-ignored"), *[("noted", "element-ignored")] * 4]
    assert [finding.got for finding in raw.findings[1:]] == [
        "feature.id", "geometry.crs", "layers", "markResult.note",
    ]  # fmt: skip
    older = {"info": [], "dataList": [{"coordinates": [[1, 1], [2, 2]], "id": 3}], "markResult": 0}
    assert [f.got for f in read(tmp_path, older).findings] == ["entry.id", "info", "markResult"]


def test_answers_in_two_places_and_odd_labels_are_told(tmp_path):
    both = feature(content={"label": "thing", "state": "fine"}, contentZh={"size": "big"})
    raw = read(tmp_path, annotation(both, feature(content=[1])))
    assert [dict(item.attributes) for item in raw.objects] == [{"size": "big"}, {}]
    assert rules(raw) == [("noted", "attribute-ignored")] * 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "JSON"),
        (b"[]", "JSON object"),
        (b'{"markResult": ', "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        ({"info": {}}, "no objects"),
        ({"markResult": None}, "no objects"),
        ({"markResult": {"features": {}}}, "no objects"),
        ({"dataList": "x"}, "no objects"),
        ({"dataList": [1], "markResult": {"features": [1]}}, "no objects"),
    ],
)
def test_files_that_are_no_annotation_are_refused(tmp_path, content, message):
    with pytest.raises(RecordError, match=message):
        read(tmp_path, content)


def test_any_value_anywhere_is_refused_or_noted(tmp_path):
    values = [None, True, 3, -1.5, 1e308, "", "x", [], [[]], [None], {}, {"a": []}, "\u0000"]
    spots = ["info", "markResult", "geometry", "coordinates", "properties", "contentZh", "groups", "content"]  # fmt: skip
    for spot in spots:
        for value in values:
            entry = feature(contentZh={}, groups=1)
            whole = annotation(entry)
            home = next(
                part
                for part in (whole, entry, entry["geometry"], entry["properties"])
                if spot in part
            )
            home[spot] = value  # fmt: skip
            try:
                raw = read(tmp_path, whole)
            except ProjectError:
                continue
            assert raw.num_objects == 0 or raw.objects or raw.findings, (spot, value)


def test_a_key_given_twice_is_told(tmp_path):
    text = b'{"info": {"width": 1, "width": 100, "height": 80}, "dataList": []}'
    raw = read(tmp_path, text)
    assert rules(raw) == [("noted", "repeated-key")]
    assert raw.size == (100, 80)


def test_a_picture_is_the_one_beside_the_file(tmp_path):
    write(tmp_path, "other/a", annotation(feature()))
    assert read(tmp_path, annotation(feature())).image == "site/a.jpeg"
    (tmp_path / "site/a.jpeg").rename(tmp_path / "site/b.jpeg")
    (tmp_path / "other/a.jpeg").unlink()
    export = TelecomReader().open(tmp_path, ReadOptions(images=ImageIndex.of(tmp_path)))
    with pytest.raises(RecordError, match="not found"):
        export.read(export.listing.items[0])


@pytest.mark.parametrize("suffix", [".jpg", ".Jpg", ".webp", ".BMP", ".PNG"])
def test_a_picture_of_any_kind_and_case_is_found(tmp_path, suffix):
    write(tmp_path, "site/a", annotation(feature()))
    (tmp_path / "site/a.jpeg").rename(tmp_path / f"site/a{suffix}")
    (tmp_path / "site/a.json").rename(tmp_path / "site/a.JSON")
    export = TelecomReader().open(tmp_path, ReadOptions(images=ImageIndex.of(tmp_path)))
    (item,) = export.listing.items
    assert (item.key, item.annotation) == ("site/a", "site/a.JSON")
    assert export.read(item).image == f"site/a{suffix}"


def test_a_picture_elsewhere_is_not_taken_for_one_beside_the_file(tmp_path):
    write(tmp_path, "other/a", annotation(feature()))
    (tmp_path / "other/a.jpeg").rename(tmp_path / "other/a.jpg")
    raw = read(tmp_path, annotation(feature()))
    assert (raw.image, raw.findings) == ("site/a.jpeg", ())
    Image.new("RGB", (9, 9)).save(tmp_path / "site/a.png")
    raw = read(tmp_path, annotation(feature()))
    assert raw.image == "site/a.jpeg"
    assert [(f.kind, f.rule, f.got) for f in raw.findings] == [
        ("noted", "image-several", "site/a.png")
    ]
    for part in ("x", "y"):
        (tmp_path / part / "store").mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(tmp_path / part / "store/b.jpg")
    write(tmp_path, "store/b", annotation()).joinpath("store/b.jpeg").unlink()
    export = TelecomReader().open(tmp_path, ReadOptions(images=ImageIndex.of(tmp_path)))
    with pytest.raises(RecordError, match="several pictures"):
        export.read(next(item for item in export.listing.items if item.key == "store/b"))


def test_files_of_one_stem_and_pictures_without_a_file_are_items_of_their_own(tmp_path):
    write(tmp_path, "a", annotation())
    write(tmp_path, "b", annotation())
    (tmp_path / "b.JSON").write_bytes((tmp_path / "b.json").read_bytes())
    write(tmp_path, "c.jpg", annotation())
    Image.new("RGB", (9, 9)).save(tmp_path / "c.jpg")
    Image.new("RGB", (9, 9)).save(tmp_path / "d.webp")
    (tmp_path / ".jpg").write_bytes(b"")
    export = TelecomReader().open(tmp_path, ReadOptions(images=ImageIndex.of(tmp_path)))
    assert {item.key: item.annotation for item in export.listing.items} == {
        "a": "a.json", "b.json": "b.json", "b.JSON": "b.JSON", "c.jpg": "c.jpg.json",
        ".jpg": "", "c.jpg (picture)": "", "d.webp": "",
    }  # fmt: skip
    assert list(export.listing.items) == sorted(export.listing.items)
    for item in export.listing.items:
        if item.annotation:
            export.read(item)
        else:
            with pytest.raises(RecordError, match="no annotation lies beside"):
                export.read(item)
    store = ImageIndex.of(tmp_path)
    (tmp_path / "part").mkdir()
    (tmp_path / "a.json").rename(tmp_path / "part/a.json")
    elsewhere = TelecomReader().open(tmp_path / "part", ReadOptions(images=store))
    assert [item.key for item in elsewhere.listing.items] == ["a"]
    assert elsewhere.read(elsewhere.listing.items[0]).image == "a.jpeg"


def test_recognition_looks_at_the_beginning_of_files(tmp_path):
    reader = TelecomReader()
    assert reader.recognise(tmp_path) == ""
    with pytest.raises(DataError, match="no annotation files"):
        reader.open(tmp_path, ReadOptions(images=ImageIndex.of(tmp_path)))
    (tmp_path / "coco.json").write_text('{"images": [], "annotations": []}')
    assert reader.recognise(tmp_path) == ""
    write(tmp_path, "a", annotation())
    assert reader.recognise(tmp_path) == 'a.json has "markResult"'
    assert reader.recognise(tmp_path / "a.json")
    assert reader.recognise(tmp_path / "a.jpeg") == ""
