"""CVAT's XML: every kind of shape, tasks and projects, and what is refused."""

import numpy as np
import pytest
import shapely

from data_conversion.pipeline import safe_xml
from data_conversion.pipeline.readers.cvat import CvatReader
from data_conversion.pipeline.writers.cvat import CvatWriter
from data_conversion.pipeline.writing import WriteOptions
from src.contract.records import ObjectAnnotation, Record, Source
from src.errors import DataError, ProjectError
from tests.data_conversion.reading_cases import opened, read_one, rules, touch

READER = CvatReader()
ELLIPSE = '<ellipse label="valve" cx="30" cy="20" rx="10" ry="4" rotation="{}"/>'
META = """<meta><task><id>7</id><name>pumps</name><labels><label><name>valve</name><attributes>
<attribute><name>open</name><input_type>checkbox</input_type></attribute>
<attribute><name>size</name><input_type>number</input_type></attribute>
<attribute><name>maker</name><input_type>text</input_type></attribute></attributes></label></labels></task></meta>"""


def write(folder, images, meta=META, head=""):
    folder.mkdir(exist_ok=True)
    (folder / "annotations.xml").write_text(
        f"{head}<annotations><version>1.1</version>{meta}{images}</annotations>", encoding="utf-8"
    )
    return folder


def image(shapes, name="a.jpg", more=""):
    return f'<image id="0" name="{name}" width="60" height="40" {more}>{shapes}</image>'


def read(folder, shapes, **more):
    write(folder, image(shapes), **more)
    touch(folder, "a.jpg")
    return read_one(READER, folder)


def box(corners="10,5,30.5,20", more="", inside=""):
    x1, y1, x2, y2 = corners.split(",")
    place = f'xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}"'
    return f'<box label="valve" source="manual" {place} {more}>{inside}</box>'


def test_a_rotation_that_is_no_number_drops_the_shape(tmp_path):
    raw = read(tmp_path, box(more='rotation="ninety"') + ELLIPSE.format("nan"))
    assert (raw.objects, rules(raw)) == ((), [("dropped", "rotation", n) for n in range(2)])


def test_each_kind_of_shape_has_its_place_or_a_finding(tmp_path):
    raw = read(
        tmp_path,
        box()
        + '<polygon label="valve" points="1,1;9,1;5,8.5"/>'
        + '<polyline label="valve" points="0,0;5,9;60,40"/>'
        + '<points label="valve" points="3,3"/>'
        + '<cuboid label="valve" xtl1="1"/>'
        + '<skeleton label="valve"><points label="knee" points="1,1"/></skeleton>'
        + box("5,5,5,9")
        + '<polygon label="valve" points="1,1;9"/>'
        + box("5,nan,6,9"),
    )
    assert [(o.index, o.kind, o.points) for o in raw.objects] == [
        (0, "bbox_2d", (10, 5, 30.5, 20)),
        (1, "poly", (1, 1, 9, 1, 5, 8.5)),
        (2, "line", (0, 0, 5, 9, 60, 40)),
    ]
    assert rules(raw) == [
        ("dropped", "geometry-unsupported", 3),
        ("dropped", "geometry-unsupported", 4),
        ("dropped", "geometry-unsupported", 5),
        ("dropped", "degenerate", 6),
        ("dropped", "point-number", 7),
        ("dropped", "corner-missing", 8),
    ]
    assert (raw.num_objects, raw.size) == (9, (60, 40))


def test_a_turned_box_is_a_polygon_about_its_centre(tmp_path):
    raw = read(tmp_path, box("10,10,30,20", 'rotation="90"') + box(more='rotation="0.0"'))
    turned, plain = raw.objects
    # A quarter clockwise: the top left corner comes to the top right.
    assert turned.kind == "poly"
    assert turned.points == (25, 5, 25, 25, 15, 25, 15, 5)
    assert plain.kind == "bbox_2d"


def test_an_ellipse_turns_about_its_centre(tmp_path):
    raw = read(tmp_path, ELLIPSE.format(90))
    points = np.reshape(raw.objects[0].points, (-1, 2))
    assert np.allclose([points.min(axis=0), points.max(axis=0)], [(26, 10), (34, 30)], atol=0.02)
    assert shapely.Polygon(points).area == pytest.approx(np.pi * 40, rel=0.006)


def test_a_mask_is_run_lengths_by_rows_from_its_corner(tmp_path):
    mask = '<mask label="valve" rle="{}" left="10" top="20" width="4" height="2"/>'
    raw = read(tmp_path, mask.format("1, 2, 2, 2, 1") + mask.format("1, 2") + mask.format("8"))
    assert [o.parts for o in raw.objects] == [((11, 20, 13, 20, 13, 22, 11, 22),)]
    assert rules(raw) == [("dropped", "mask-broken", 1), ("dropped", "mask-empty", 2)]


def test_attributes_have_their_types_and_groups_their_number(tmp_path):
    inside = "".join(
        f'<attribute name="{name}">{value}</attribute>'
        for name, value in (("open", "true"), ("size", "3"), ("maker", "A &amp; B"), ("odd", "5"))
    )
    raw = read(tmp_path, box(more='occluded="1" z_order="2" group_id="4"', inside=inside) + box())
    first, second = raw.objects
    assert first.attributes == {
        "occluded": True, "z_order": 2, "open": True, "size": 3, "maker": "A & B", "odd": "5",
    }  # fmt: skip
    assert (first.group, second.group, second.attributes) == ("4", "", {})
    assert raw.attributes == {"task": "pumps"}


def test_a_project_has_subsets_tasks_and_names_that_repeat(tmp_path):
    meta = "<meta><project><tasks>" + "".join(
        f"<task><id>{number}</id><name>{name}</name></task>"
        for number, name in ((1, "north"), (2, "south"))
    )
    images = (
        image("", more='subset="Train" task_id="1"')
        + image("", "b.jpg", 'subset="Validation" task_id="2"')
        + image("", "b.jpg", 'subset="Train" task_id="2"')
        + image('<tag label="night"/>', "c.jpg", 'subset="Test" task_id="2"')
    )
    write(tmp_path, images, meta + "</tasks></project></meta>")
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    export = opened(READER, tmp_path)
    assert export.listing.split == {"a.jpg": "train", "b.jpg": "val", "b.jpg#2": "train"}
    found = [export.read(item).attributes for item in export.listing.items]
    assert found[0] == {"task": "north"}
    assert found[-1] == {"task": "south", "tags": ("night",)}


def test_tracks_are_refused_with_the_remedy(tmp_path):
    write(tmp_path, '<track id="0" label="valve"><box frame="0"/></track>')
    with pytest.raises(DataError, match="CVAT for images"):
        opened(READER, tmp_path)


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]>', "DOCTYPE"),
        ('<?xml version="1.0" encoding="latin-1"?>', "UTF-8"),
        ("<annotations>", "not well-formed"),
    ],
)
def test_dangerous_or_broken_xml_is_refused(tmp_path, head, text):
    write(tmp_path, image(box()), head=head)
    with pytest.raises(DataError, match=text):
        opened(READER, tmp_path)


def test_elements_are_found_across_blocks_and_behind_wide_characters(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_xml, "BLOCK_BYTES", 7)
    names = [f"caf\u00e9 \u76f4 {number}.jpg" for number in range(5)]
    write(tmp_path, "\n".join(image(box(f"{n},5,30,20"), name) for n, name in enumerate(names)))
    touch(tmp_path, *names)
    export = opened(READER, tmp_path)
    found = [export.read(item).objects[0].points[0] for item in export.listing.items]
    assert found == [0, 1, 2, 3, 4]


def test_an_image_nested_too_deep_is_refused(tmp_path):
    write(tmp_path, image("<a>" * 200 + "</a>" * 200))
    with pytest.raises(ProjectError, match="deep"):
        opened(READER, tmp_path)


def test_it_tells_itself_from_pascal_voc(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation><object/></annotation>")
    assert READER.recognise(tmp_path) == ""
    write(tmp_path / "cvat", image(box()))
    assert "annotations" in READER.recognise(tmp_path)


def test_an_attribute_of_several_types_and_one_of_several_answers_are_told(tmp_path):
    shape = ObjectAnnotation(desc="x", kind="line", points=(1.0, 2.0, 3.5, 4.0))
    answers = [{"size": 3}, {"size": "large"}, {"colours": ("red", "blue")}]
    record = Record(
        images=("a.jpg",), width=60, height=40, objects=(shape,) * 3,
        metadata={"attributes": answers}, source=Source(file="t", line=1),
    )  # fmt: skip
    written = CvatWriter().write({"train": [record]}, WriteOptions(output=tmp_path))
    assert sorted(written.losses.values()) == [1, 1]
    touch(tmp_path, "a.jpg")
    found = [item.attributes for item in read_one(READER, tmp_path).objects]
    assert found == [{"size": "3"}, {"size": "large"}, {"colours": "red, blue"}]
