"""COCO files: what becomes of every kind of annotation, and of files and folders as exporters lay them out."""

import json
import pickle

import pytest

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from src.errors import DataError, RecordError
from tests.data_conversion.generated_records import make_picture

SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]
CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 9, "name": "cat"}]


def document(annotations, images=None, categories=CATEGORIES):
    entries = [{"id": 1, "image_id": 5, "category_id": 7, **entry} for entry in annotations]
    for number, entry in enumerate(entries):
        entry["id"] = annotations[number].get("id", number + 1)
    images = images or [{"id": 5, "file_name": "a.png", "width": 60, "height": 40}]
    return {"images": images, "annotations": entries, "categories": categories}


def open_export(folder, content, *, format="coco", name="coco.json", images=False, **options):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    index = ImageIndex.of(folder) if images else ImageIndex(root=folder, by_name=None)
    return READERS[format].open(folder, ReadOptions(images=index, **options))


def read_one(folder, *annotations, **options):
    export = open_export(folder, document(annotations), **options)
    (item,) = export.listing.items
    return export.read(item)


def rules(raw):
    return [(finding.kind, finding.rule) for finding in raw.findings]


def test_boxes_polygons_and_parts(tmp_path):
    raw = read_one(
        tmp_path,
        {"bbox": [1.5, 2, 10, 20], "segmentation": []},
        {"category_id": 9, "segmentation": [SQUARE, [0, 0, 5, 0, 5, 5]], "bbox": [0, 0, 30, 30]},
        {"segmentation": SQUARE},
    )
    box, parts, flat = raw.objects
    assert (box.kind, box.label, box.parts) == ("bbox_2d", "dog", ((1.5, 2, 11.5, 22),))
    assert (parts.kind, parts.label) == ("poly", "cat")
    assert parts.parts == (tuple(SQUARE), (0, 0, 5, 0, 5, 5))
    assert flat.parts == (tuple(SQUARE),)
    assert (raw.size, raw.image, raw.num_objects, raw.findings) == ((60, 40), "a.png", 3, ())


def test_what_cannot_be_used_is_dropped_with_its_reason(tmp_path):
    raw = read_one(
        tmp_path,
        {"category_id": 8, "bbox": [0, 0, 5, 5]},
        {"bbox": [0, 0, 0, 5]},
        {"iscrowd": 1, "segmentation": {"size": [40, 60], "counts": [0, 2400]}},
        {"bbox": [0, 0, 5, 5]},
    )
    assert rules(raw) == [
        ("dropped", "category-unknown"),
        ("dropped", "degenerate"),
        ("dropped", "crowd"),
    ]
    assert [item.index for item in raw.objects] == [3]
    assert raw.num_objects == 4


def test_crowd_is_kept_on_demand_and_marked(tmp_path):
    segmentation = {"size": [40, 60], "counts": [0, 2400]}
    raw = read_one(tmp_path, {"iscrowd": 1, "segmentation": segmentation}, keep_crowd=True)
    (item,) = raw.objects
    assert item.parts == ((0, 0, 60, 0, 60, 40, 0, 40),)
    assert item.attributes == {"iscrowd": True}


@pytest.mark.parametrize(
    ("segmentation", "rule"),
    [
        ([[1, 2, 3, 4]], "part-degenerate"),
        ([[1, 2, 3, 4, 5, "6"]], "part-degenerate"),
        ({"size": [60, 40], "counts": [0, 2400]}, "mask-broken"),
        ({"size": [40, 60], "counts": [0, 2300]}, "mask-broken"),
        ({"size": [40, 60], "counts": [-5, 2405]}, "mask-broken"),
        ({"size": [40, 60], "counts": "zzzz\u00e9"}, "mask-broken"),
        ({"size": [40, 60], "counts": "PPPP"}, "mask-broken"),
        ({"counts": None}, "mask-broken"),
        ({"size": [40, 60], "counts": [2400]}, "mask-empty"),
        ("text", "segmentation-unknown"),
    ],
)
def test_an_outline_that_is_none_leaves_the_box_and_a_finding(tmp_path, segmentation, rule):
    raw = read_one(tmp_path, {"segmentation": segmentation, "bbox": [1, 2, 3, 4]})
    assert raw.objects[0].parts == ((1, 2, 4, 6),)
    assert rules(raw) == [("fixed", rule)]


def test_holes_are_filled_and_their_share_is_told(tmp_path):
    mask = [0] * 5 + [1] * 5 + [1, 0, 0, 0, 1] + [1] * 5
    runs = [5, 6, 3, 6]
    assert sum(runs) == len(mask)
    export = open_export(
        tmp_path,
        document(
            [{"segmentation": {"size": [5, 4], "counts": runs}}],
            images=[{"id": 5, "file_name": "a.png"}],
        ),
    )
    raw = export.read(export.listing.items[0])
    assert raw.objects[0].parts == ((1, 0, 4, 0, 4, 5, 1, 5),)
    assert (raw.findings[0].rule, raw.findings[0].result) == (
        "holes-filled",
        "20.00% of the outline",
    )
    assert raw.size is None


def test_attributes_are_kept_and_what_is_not_converted_is_noted(tmp_path):
    attributes = {
        "occluded": True,
        "turn": 4.5,
        "kinds": ["a", "b"],
        "none": None,
        "deep": {"a": 1},
    }
    raw = read_one(
        tmp_path,
        {"bbox": [0, 0, 5, 5], "attributes": attributes, "keypoints": [1, 2, 2], "score": 0.5},
    )
    assert raw.objects[0].attributes == {"occluded": True, "turn": 4.5, "kinds": ("a", "b")}
    assert rules(raw) == [("noted", "attribute-ignored"), ("noted", "key-ignored")]
    assert raw.findings[1].got == "keypoints, score"


def test_negatives_strays_and_repeated_annotation_ids(tmp_path):
    content = document(
        [
            {"bbox": [0, 0, 5, 5], "id": 3},
            {"bbox": [0, 0, 6, 6], "id": 3},
            {"bbox": [0, 0, 5, 5], "image_id": 77},
            {"bbox": [0, 0, 5, 5], "image_id": 77},
        ],
        images=[{"id": 5, "file_name": "a.png"}, {"id": 6, "file_name": "b.png"}],
    )
    export = open_export(tmp_path, content)
    first, second, stray = export.listing.items
    assert rules(export.read(first)) == [("noted", "annotation-id-repeated")] * 2
    assert export.read(second).objects == ()
    with pytest.raises(RecordError, match="2 annotations belong to a picture") as error:
        export.read(stray)
    assert error.value.issues[0].got == "image_id 77"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (document([], images=[{"id": 1, "file_name": "a"}] * 2), "stand more than once"),
        (document([], categories=CATEGORIES * 2), "stand more than once"),
        (document([], categories=[{"id": 1, "name": " "}]), "without a name"),
        ({"images": [{"id": 1, "file_name": "a"}], "categories": []}, "no list of annotations"),
        ({"annotations": [{"id": 1, "image_id": 1}]}, "no list of images"),
    ],
)
def test_files_that_contradict_themselves_are_refused(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        open_export(tmp_path, content)


def test_a_number_that_json_does_not_have_is_refused_by_line_and_byte(tmp_path):
    text = json.dumps(
        document([{"bbox": [0, 0, 5, 5]}, {"bbox": [0, 0, float("nan"), 5]}]), indent=0
    )
    export = open_export(tmp_path, text)
    with pytest.raises(RecordError) as error:
        export.read(export.listing.items[0])
    (issue,) = error.value.issues
    line = text.splitlines()[int(issue.where.rpartition(":")[2]) - 1]
    assert line == "NaN,"
    assert issue.got == f"byte {text.index('NaN')}"


def test_an_export_pickles_to_little_and_reads_the_same(tmp_path):
    content = document(
        [{"image_id": number // 10, "segmentation": [SQUARE]} for number in range(20_000)],
        images=[{"id": number, "file_name": f"{number}.png"} for number in range(2_000)],
    )
    export = open_export(tmp_path, content)
    data = pickle.dumps(export)
    assert len(data) < 20_000 * 12 + 2_000 * 100
    item = export.listing.items[17]
    assert pickle.loads(data).read(item) == export.read(item)


def test_cocos_own_layout_with_captions_and_equal_names(tmp_path):
    for part in ("train2017", "val2017"):
        make_picture(tmp_path / part / "a.png", 60, 40)
        folder = tmp_path / "annotations"
        folder.mkdir(exist_ok=True)
        (folder / f"instances_{part}.json").write_text(
            json.dumps(document([{"bbox": [0, 0, 5, 5]}]))
        )
    (folder / "person_keypoints_val2017.json").write_text(
        json.dumps(document([{"bbox": [0, 0, 5, 5]}]))
    )
    texts = [{"id": n, "image_id": 5, "caption": text} for n, text in enumerate(("one", "two"))]
    captions = {"images": [{"id": 5, "file_name": "a.png"}], "annotations": texts}
    (folder / "captions_val2017.json").write_text(json.dumps(captions))
    (tmp_path / "package.json").write_text("{}")
    export = READERS["coco"].open(tmp_path, ReadOptions(images=ImageIndex.of(tmp_path)))
    train, val = export.listing.items
    assert export.listing.split == {train.key: "train", val.key: "val"}
    assert [export.read(item).image for item in (train, val)] == [
        "train2017/a.png",
        "val2017/a.png",
    ]
    assert [export.read(item).captions for item in (train, val)] == [(), ("one", "two")]


def test_a_file_of_captions_alone_describes_pictures_without_objects(tmp_path):
    captions = {
        "images": [{"id": 5, "file_name": "a.png"}],
        "annotations": [{"id": 1, "image_id": 5, "caption": "one"}],
    }
    export = open_export(tmp_path, captions, name="captions_val2017.json")
    raw = export.read(export.listing.items[0])
    assert (raw.captions, raw.objects, raw.num_objects) == (("one",), (), 0)


def test_a_folder_for_each_part_and_one_that_is_neither(tmp_path):
    for part in ("train", "valid", "test"):
        make_picture(tmp_path / part / "a.png", 60, 40)
        name = tmp_path / part / "_annotations.coco.json"
        name.write_text(json.dumps(document([{"bbox": [0, 0, 5, 5]}])))
    export = READERS["coco"].open(tmp_path, ReadOptions(images=ImageIndex.of(tmp_path)))
    assert export.listing.split == {"train/a.png": "train", "valid/a.png": "val"}
    assert [export.read(item).image for item in export.listing.items] == [
        "test/a.png", "train/a.png", "valid/a.png",
    ]  # fmt: skip


def test_a_picture_that_is_not_there_goes_to_quarantine(tmp_path):
    export = open_export(tmp_path, document([{"bbox": [0, 0, 5, 5]}]), images=True)
    with pytest.raises(RecordError) as error:
        export.read(export.listing.items[0])
    assert error.value.issues[0].rule == "image-missing"


def test_only_coco_is_recognised_as_coco(tmp_path):
    for number, text in enumerate(
        (
            '{"images": ["a.jpg"], "messages": []}',
            '[{"image_id": 1, "bbox": []}]',
            '{"shapes": []}',
            "\x00",
        )
    ):
        (tmp_path / f"{number}.json").write_text(text)
    assert READERS["coco"].recognise(tmp_path) == ""
    (tmp_path / "z.json").write_text(json.dumps(document([{"bbox": [0, 0, 5, 5]}])))
    assert READERS["coco"].recognise(tmp_path).startswith("z.json")
    assert READERS["lvis"].recognise(tmp_path) == ""
