"""DOTA folders: corners in order, difficulty, headers, splits and what is missing."""

import pytest

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from src.errors import ProjectError
from tests.data_conversion.generated_records import make_picture

HEADER = "imagesource:GoogleEarth\ngsd:0.146343\n"
SHIP = "50 20 90.5 30 80 60 40 50 ship 0"


def make(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".txt"):
            path.write_text(text)
        else:
            make_picture(path, 100, 80)
    return root


def opened(root):
    return READERS["dota"].open(root, ReadOptions(images=ImageIndex.of(root)))


def read_one(root, text):
    export = opened(make(root, {"images/P1.png": None, "labelTxt/P1.txt": text}))
    return export.read(export.listing.items[0])


def test_corners_keep_their_order_and_headers_become_attributes(tmp_path):
    raw = read_one(tmp_path, f"{HEADER}{SHIP}\n1 1 9 1 9 9 1 9 small-vehicle 1\n")
    first, second = raw.objects
    assert (first.label, first.kind, first.attributes) == ("ship", "poly", {})
    assert first.points == (50, 20, 90.5, 30, 80, 60, 40, 50)
    assert (second.index, second.attributes) == (1, {"difficulty": 1})
    assert raw.attributes == {"imagesource": "GoogleEarth", "gsd": 0.146343}
    assert (raw.image, raw.image_name, raw.size, raw.num_objects) == (
        "images/P1.png",
        "P1.png",
        None,
        2,
    )


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("1 1 2 2 3 3 4 4 ship 0", "degenerate"),
        ("1 1 9 1 9 9 1 ship 0", "number"),
        ("1 1 9 1 9 9 1 9", "field-count"),
        ("1 1 9 1 9 9 1 nan ship 0", "number"),
        ("1 1 9 1 9 9 1 9 large vehicle 0", "field-count"),
        ("1 1 9 1 9 9 1 9 ship hard", "difficulty"),
    ],
)
def test_a_bad_line_is_dropped_with_its_reason(tmp_path, line, rule):
    raw = read_one(tmp_path, f"gsd:null\n{SHIP}\n{line}\n")
    assert len(raw.objects) == 1
    assert raw.attributes == {}
    assert [(f.kind, f.rule, f.object_index, f.got) for f in raw.findings] == [
        ("dropped", rule, 1, line)
    ]


def test_split_by_folders_and_pictures_or_labels_alone(tmp_path):
    files = {
        "train/images/P1.png": None, "train/labelTxt-v1.5/P1.txt": SHIP, "val/images/P2.png": None,
        "val/labelTxt-v1.5/P2.txt": "", "train/images/P3.png": None, "val/labelTxt-v1.5/P4.txt": SHIP,
    }  # fmt: skip
    root = make(tmp_path, files)
    assert READERS["dota"].recognise(root)
    export = opened(root)
    assert export.listing.split == {
        "train/images/P1": "train", "val/images/P2": "val", "val/images/P4": "val",
    }  # fmt: skip
    read, reasons = {}, {}
    for item in export.listing.items:
        try:
            read[item.key] = len(export.read(item).objects)
        except ProjectError as error:
            reasons[item.key] = error.issues[0].rule
    assert read == {"train/images/P1": 1, "val/images/P2": 0}
    assert reasons == {"train/images/P3": "annotation-missing", "val/images/P4": "image-missing"}


def test_two_versions_of_labels_and_links_that_lead_out_are_refused(tmp_path):
    root = make(tmp_path / "set", {"images/P1.png": None, "labelTxt/P1.txt": SHIP})
    (tmp_path / "secret.txt").write_text(SHIP)
    (root / "labelTxt" / "P1.txt").unlink()
    (root / "labelTxt" / "P1.txt").symlink_to(tmp_path / "secret.txt")
    export = opened(root)
    with pytest.raises(ProjectError, match="outside"):
        export.read(export.listing.items[0])
    make(root, {"labelTxt-v2.0/P1.txt": SHIP})
    with pytest.raises(ProjectError, match="two versions"):
        opened(root)
