"""YOLO data sets in the layouts that tools write, and rows that no tool should."""

import json

import pytest

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.unified_processor import convert
from data_conversion.pipeline.writers.registry import WRITERS
from data_conversion.pipeline.writing import WriteOptions
from src.contract.records import Message, Record, Source
from src.errors import ProjectError
from tests.data_conversion.exports import record
from tests.data_conversion.generated_records import make_picture
from tests.data_conversion.made_exports import picture as jpeg_picture

SIZE = (200, 100)
BOX = "0 0.5 0.5 0.2 0.4\n"


def make(root, files, yaml=None):
    """Pictures (a name with a suffix of one) and text files; None for no text."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith((".jpg", ".png")):
            make_picture(path, *SIZE)
        else:
            path.write_text(text, encoding="utf-8")
    if yaml is not None:
        (root / "data.yaml").write_text(yaml, encoding="utf-8")
    return root


def opened(root, image_root=None):
    options = ReadOptions(images=ImageIndex.of(image_root or root))
    return READERS["yolo"].open(root, options)


def read_one(tmp_path, rows, names="[cat, dog]"):
    yaml = f"train: images\nval: images\nnames: {names}\n"
    root = make(tmp_path, {"images/a.jpg": None, "labels/a.txt": rows}, yaml)
    export = opened(root)
    return export.read(export.listing.items[0])


def parts_of(export):
    return dict(export.listing.split or {})


def test_boxes_polygons_and_oriented_boxes_of_one_file_in_pixels(tmp_path):
    raw = read_one(tmp_path, f"{BOX}\n1 0 0 1 0 0.5 1\n1 0.1 0.1 0.4 0.2 0.3 0.6 0.05 0.5\n")
    assert [(item.index, item.label, item.kind) for item in raw.objects] == [
        (0, "cat", "bbox_2d"), (1, "dog", "poly"), (2, "dog", "poly"),
    ]  # fmt: skip
    assert raw.objects[0].points == pytest.approx((80, 30, 120, 70))
    assert raw.objects[1].points == (0, 0, 200, 0, 100, 100)
    assert raw.objects[2].points == pytest.approx((20, 10, 80, 20, 60, 60, 10, 50))
    assert (raw.size, raw.num_objects, raw.findings) == (SIZE, 3, ())


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("0 100 50 20 10", "not-normalised"),
        ("0 0.5 0.5 0.2 1.2", "not-normalised"),
        ("0 0.1 0.1 0.5 -0.2 0.3 0.3", "not-normalised"),
        ("0 0.1 0.1 nan 0.2 0.3 0.3", "number"),
        ("0 0.5 0.5 inf 0.2", "number"),
        ("0 0.5 0.5 1_0 0.2", "number"),
        ("2 0.5 0.5 0.2 0.2", "class-unknown"),
        ("cat 0.5 0.5 0.2 0.2", "class-number"),
        ("0.5 0.5 0.5 0.2 0.2", "class-number"),
        ("-1 0.5 0.5 0.2 0.2", "class-number"),
        ("0 0.5 0.5 0 0.2", "degenerate"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3", "degenerate"),
        ("0 0.5 0.5 0.2", "field-count"),
        ("0 0.5 0.5 0.2 0.4", "duplicate-row"),
    ],
)
def test_a_bad_row_is_dropped_with_its_reason(tmp_path, row, rule):
    raw = read_one(tmp_path, f"{BOX}{row}\n")
    assert [item.index for item in raw.objects] == [0]
    assert [(f.kind, f.rule, f.object_index, f.got) for f in raw.findings] == [
        ("dropped", rule, 1, row)
    ]
    assert raw.num_objects == 2


@pytest.mark.parametrize("row", ["0 0.5 0.5 0.2 0.4 0.93", "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2 0.9"])
def test_predictions_are_refused_with_their_line(tmp_path, row):
    with pytest.raises(ProjectError, match=r"labels/a\.txt:2: .*confidence"):
        read_one(tmp_path, f"{BOX}{row}\n")


def test_rounding_at_the_edge_is_no_finding_and_real_overhang_stays(tmp_path):
    raw = read_one(tmp_path, "0 0.1666665 0.5 0.333334 1\n0 0.1 0.5 0.4 0.2\n")
    assert raw.objects[0].points[0] == 0.0
    assert raw.objects[1].points[0] == pytest.approx(-20)
    assert raw.findings == ()


def test_negatives_with_and_without_a_label_file(tmp_path):
    yaml = "train: images\nval: images\nnames: {0: cat}\n"
    files = {"images/a.jpg": None, "images/b.jpg": None, "labels/a.txt": ""}
    export = opened(make(tmp_path, files, yaml))
    empty, missing = (export.read(item) for item in export.listing.items)
    assert empty.objects == missing.objects == ()
    assert empty.findings == ()
    assert [(f.kind, f.rule) for f in missing.findings] == [("noted", "label-file-missing")]


FILES = {
    "train/images/a.jpg": None, "train/labels/a.txt": BOX, "valid/images/b.jpg": None, "valid/labels/b.txt": BOX,
    "test/images/c.jpg": None, "test/labels/c.txt": BOX,
}  # fmt: skip


@pytest.mark.parametrize(
    "yaml",
    [
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 1\nnames: ['cat']\n",
        "path: /somewhere/else\ntrain: train/images\nval: [valid/images]\ntest: test\nnames:\n  0: cat\n",
        "path: .\ntrain: lists/train.txt\nval: lists/val.txt\ntest: ./test/images\nnames: [cat]\n",
    ],
)
def test_layouts_of_the_yaml_file(tmp_path, yaml):
    lists = {
        "lists/train.txt": "../train/images/a.jpg\n",
        "lists/val.txt": "/content/set/valid/images/b.jpg\n",
    }
    export = opened(make(tmp_path, FILES | lists, yaml))
    assert [item.key for item in export.listing.items] == [
        "test/images/c.jpg", "train/images/a.jpg", "valid/images/b.jpg",
    ]  # fmt: skip
    assert parts_of(export) == {"train/images/a.jpg": "train", "valid/images/b.jpg": "val"}
    assert all(len(export.read(item).objects) == 1 for item in export.listing.items)


def test_without_a_yaml_file_names_come_from_the_class_list(tmp_path):
    files = {
        "images/train/a.jpg": None, "labels/train/a.txt": BOX, "images/val/b.jpg": None, "classes.txt": "red cat\n\n",
    }  # fmt: skip
    root = make(tmp_path, files)
    export = opened(root)
    assert READERS["yolo"].recognise(root)
    assert parts_of(export) == {"images/train/a.jpg": "train", "images/val/b.jpg": "val"}
    assert export.read(export.listing.items[0]).objects[0].label == "red cat"
    (root / "classes.txt").unlink()
    with pytest.raises(ProjectError, match="no class names"):
        opened(root)


def test_an_image_root_inside_the_data_set(tmp_path):
    root = make(tmp_path, FILES, "train: train/images\nval: valid/images\nnames: [cat]\n")
    export = opened(root, root / "train")
    raw = export.read(export.listing.items[0])
    assert (raw.image, len(raw.objects)) == ("images/a.jpg", 1)


def test_what_is_listed_or_labelled_but_not_there_ends_in_quarantine(tmp_path):
    yaml = "train: train.txt\nval: images/val\nnames: [cat]\n"
    files = {
        "images/a.jpg": None, "train.txt": "images/a.jpg\nimages/gone.jpg\n", "images/val/b.jpg": None,
        "labels/val/b.txt": BOX, "labels/val/lonely.txt": BOX,
    }  # fmt: skip
    root = make(tmp_path / "set", files, yaml)
    done = convert(ConversionConfig(input=root, output=tmp_path / "out", format="yolo"))
    assert (done.num_read, done.num_written) == (4, 2)
    lines = (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()
    keys = [json.loads(line)["key"] for line in lines]
    assert sorted(keys) == ["images/gone.jpg", "labels/val/lonely.txt"]


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("train: images\nval: nowhere\nnames: [cat]\n", "data.yaml:2.*not in the input"),
        ("train: images\nval: ../../other\nnames: [cat]\n", "not in the input"),
        ("train: images\nval: /etc\nnames: [cat]\n", "not in the input"),
        ("train: images\nnames: [cat]\nnc: 2\n", "nc disagrees"),
        ("train: images\nnames: {a: cat}\n", "class numbers"),
        ("train: images\nnames: [null]\n", "no text"),
        ("train: images\nnames: [cat]\nkpt_shape: [17, 3]\n", "pose"),
        ("train: images\nval: some.txt\nnames: [cat]\n", "several parts"),
        ("train: images\nnames: [cat]\nnames: [dog]\n", "duplicate key"),
        ("train: images\nnames: !!python/name:os.system [cat]\n", "tags are not allowed"),
    ],
)
def test_a_yaml_file_that_cannot_be_right_is_refused(tmp_path, yaml, message):
    files = {"images/a.jpg": None, "images/b.jpg": None, "some.txt": "images/a.jpg\n"}
    with pytest.raises(ProjectError, match=message):
        opened(make(tmp_path, files, yaml))


def test_links_that_lead_out_are_not_followed(tmp_path):
    files = {"images/a.jpg": None, "images/b.jpg": None, "labels/b.txt": BOX}
    root = make(tmp_path / "set", files, "train: images\nnames: [cat]\n")
    (tmp_path / "secret.txt").write_text(BOX)
    (root / "labels" / "a.txt").symlink_to(tmp_path / "secret.txt")
    export = opened(root)
    with pytest.raises(ProjectError, match="outside"):
        export.read(export.listing.items[0])
    (root / "data.yaml").write_text("train: list.txt\nnames: [cat]\n")
    (root / "list.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(ProjectError, match="not in the input"):
        opened(root)


@pytest.mark.parametrize("orientation", [3, 6])
def test_shares_are_of_the_upright_picture_whatever_the_exif_tag(tmp_path, orientation):
    root = make(tmp_path / "set", {"images/a.jpg": None, "labels/a.txt": BOX, "classes.txt": "cat"})
    jpeg_picture(root / "images/a.jpg", SIZE, orientation)
    convert(ConversionConfig(input=root, output=tmp_path / "out"))
    (line,) = (tmp_path / "out/all_samples.jsonl").read_text().splitlines()
    expected = (80, 30, 120, 70) if orientation == 3 else (40, 60, 60, 140)
    assert json.loads(line)["objects"][0]["bbox_2d"] == pytest.approx(expected)
    convert(ConversionConfig(input=root, output=tmp_path / "raw", exif="raw"))
    assert "exif-contradicted" in (tmp_path / "raw/quarantine.jsonl").read_text()


def test_sizes_need_pictures(tmp_path):
    root = make(tmp_path, FILES, "train: train/images\nnames: [cat]\n")
    with pytest.raises(ProjectError, match="need their pictures"):
        READERS["yolo"].open(root, ReadOptions(images=ImageIndex(root=root, by_name=None)))


def test_the_writer_stays_in_its_folder(tmp_path):
    with pytest.raises(ProjectError, match="leads out"):
        WRITERS["yolo_det"].write({"train": [record("../a.png")]}, WriteOptions(output=tmp_path))


def test_the_writer_counts_what_is_no_picture_and_refuses_shared_label_files(tmp_path):
    source = Source(file="generated", line=1)
    chat = Record(
        images=(), width=0, height=0, messages=(Message(role="user", content="hi"),), source=source
    )
    options = WriteOptions(output=tmp_path)
    written = WRITERS["yolo_det"].write({"train": [chat, record("images/a.png")]}, options)
    assert written.num_images == 1
    assert written.losses["chat records"] == 1
    with pytest.raises(ProjectError, match="share a label file"):
        WRITERS["yolo_seg"].write(
            {"train": [record("images/a.png"), record("images/a.jpg")]}, options
        )
