"""COCO and LVIS readings equal pycocotools': boxes, areas, and masks of generated run lengths, on real and made files."""

import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as reference
from pycocotools.coco import COCO

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.coco.categories import category_table
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.rle import decode_rle, encode_rle
from src.datasets.geometry.clip import area_of
from src.rng import generator
from tests.real_data import LVIS, needs_lvis

SIZES = ((1, 1), (1, 7), (7, 1), (33, 20), (64, 48))


def pairs(part):
    return list(zip(part[::2], part[1::2], strict=True))


def uncompressed(mask):
    """Run lengths down the columns, from zeros, written without any library."""
    flat = mask.T.ravel().astype(np.int8)
    edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    return np.diff([0, *edges, len(flat)]).tolist()


def masks():
    """Blobs, noise, rings, nothing and everything, by name."""
    found = {}
    for width, height in SIZES:
        rng = generator(5, "masks", f"{width}x{height}")
        noise = rng.random((height, width)).astype(np.float32)
        ring = np.zeros((height, width), np.uint8)
        cv2.circle(ring, (width // 2, height // 2), min(width, height) // 3, 1, 2)
        kinds = {
            "empty": noise > 2,
            "full": noise < 2,
            "noise": noise > 0.6,
            "blobs": cv2.GaussianBlur(noise, (0, 0), 3) > 0.5,
            "ring": ring > 0,
        }
        found |= {f"{kind}-{width}x{height}": mask for kind, mask in kinds.items()}
    return found


@pytest.fixture(scope="module")
def real():
    """(what pycocotools reads, what the reader reads, by image id)."""
    if not LVIS.is_file():
        pytest.skip("the annotations of LVIS are absent")
    options = ReadOptions(images=ImageIndex(root=LVIS.parent, by_name=None))
    export = READERS["lvis"].open(LVIS, options)
    truth = COCO(LVIS)
    ids = {image["file_name"]: number for number, image in truth.imgs.items()}
    read = {ids[item.key]: export.read(item) for item in export.listing.items}
    return truth, read


def test_lvis_has_the_same_objects_boxes_and_areas(real):
    """All but 13 boxes, which lie elsewhere than their own outlines in the file itself: each of these is noted."""
    truth, read = real
    assert read.keys() == truth.imgs.keys()
    assert sum(len(raw.objects) for raw in read.values()) == len(truth.anns) == 977
    noted = 0
    for number, raw in read.items():
        image = truth.imgs[number]
        assert raw.size == (image["width"], image["height"])
        assert {finding.rule for finding in raw.findings} <= {"box-disagrees"}
        wrong = {finding.object_index for finding in raw.findings}
        noted += len(wrong)
        for item, annotation in zip(raw.objects, truth.imgToAnns[number], strict=True):
            assert item.label == truth.cats[annotation["category_id"]]["name"]
            assert [list(part) for part in item.parts] == annotation["segmentation"]
            xy = np.concatenate([np.reshape(part, (-1, 2)) for part in item.parts])
            x, y, width, height = annotation["bbox"]
            away = np.abs([*xy.min(0), *xy.max(0)] - np.array([x, y, x + width, y + height])).max()
            assert (away > 2) == (item.index in wrong)
            assert away < 0.02 or item.index in wrong
            drawn = reference.frPyObjects([list(part) for part in item.parts], *raw.size[::-1])
            assert reference.area(reference.merge(drawn)) == reference.area(
                truth.annToRLE(annotation)
            )
    assert noted == 13


def test_lvis_keeps_which_categories_were_looked_for(real):
    truth, read = real
    for number, raw in read.items():
        image = truth.imgs[number]
        assert raw.metadata["lvis"] == {
            name: [truth.cats[category]["name"] for category in image[key]]
            for key, name in (
                ("neg_category_ids", "negative"),
                ("not_exhaustive_category_ids", "not_exhaustive"),
            )
        }


@needs_lvis
def test_lvis_is_recognised_and_is_not_coco():
    assert READERS["lvis"].recognise(LVIS)
    assert READERS["lvis"].recognise(LVIS.parent)
    assert not READERS["coco"].recognise(LVIS)


@needs_lvis
def test_lvis_v1_names_pictures_by_their_address(tmp_path):
    content = json.loads(LVIS.read_text())
    for image in content["images"]:
        del image["file_name"]
    (tmp_path / "lvis_v1_val.json").write_text(json.dumps(content))
    index = ImageIndex(root=tmp_path, by_name=None)
    export = READERS["lvis"].open(tmp_path, ReadOptions(images=index))
    first = export.listing.items[0]
    assert export.read(first).image == first.key == "val2017/000000006460.jpg"


def test_the_table_of_categories_counts_this_file(real):
    truth, _ = real
    table = {category.id: category for category in category_table(LVIS)}
    assert table.keys() == truth.cats.keys()
    for number, category in table.items():
        own = truth.cats[number]
        assert (category.name, category.frequency) == (own["name"], own["frequency"])
        assert category.synonyms == tuple(own["synonyms"])
        annotations = truth.loadAnns(truth.getAnnIds(catIds=[number]))
        assert category.num_instances == len(annotations)
        assert category.num_images == len({entry["image_id"] for entry in annotations})


@pytest.mark.parametrize(("name", "mask"), masks().items(), ids=masks().keys())
def test_masks_decode_as_in_pycocotools(name, mask):
    height, width = mask.shape
    counts = uncompressed(mask)
    compressed = reference.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = compressed["counts"].decode()
    assert (
        reference.frPyObjects({"size": [height, width], "counts": counts}, height, width)
        == compressed
    )
    for given in (counts, text):
        decoded = decode_rle({"size": [height, width], "counts": given}, (width, height))
        assert np.array_equal(decoded, reference.decode(compressed))
    assert encode_rle(mask.astype(np.uint8)) == {"size": [height, width], "counts": text}


def test_outlines_of_masks_in_a_file_have_the_area_that_pycocotools_counts(tmp_path):
    images, annotations = [], []
    for number, mask in enumerate(masks().values()):
        height, width = mask.shape
        images.append(
            {"id": number, "file_name": f"{number:03}.png", "width": width, "height": height}
        )
        encoded = {"size": [height, width], "counts": uncompressed(mask)}
        if number % 2:
            encoded = encode_rle(mask.astype(np.uint8))
        entry = {"id": number, "image_id": number, "category_id": 1, "segmentation": encoded}
        annotations.append(entry | {"bbox": [0, 0, 1, 1], "iscrowd": 0})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "a"}]}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    truth = COCO(tmp_path / "coco.json")
    index = ImageIndex(root=tmp_path, by_name=None)
    export = READERS["coco"].open(tmp_path, ReadOptions(images=index))
    for number, item in enumerate(export.listing.items):
        raw = export.read(item)
        area = float(reference.area(truth.annToRLE(truth.anns[number])))
        if area == 0:
            assert [finding.rule for finding in raw.findings] == ["mask-empty"]
            continue
        outlined = sum(area_of(pairs(part)) for part in raw.objects[0].parts)
        shares = [f.result for f in raw.findings if f.rule == "holes-filled"]
        filled = float(shares[0].split("%")[0]) / 100 if shares else 0.0
        assert outlined * (1 - filled) == pytest.approx(area, abs=1e-4 * outlined)
        assert filled or outlined == area
