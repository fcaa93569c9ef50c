"""Counts, findings and examples add up over shards: where the images are cut changes nothing that is written."""

import json
from dataclasses import replace

import pytest

from data_conversion.pipeline import shards
from data_conversion.pipeline.page_samples import MOST_CHANGED, MOST_LISTED, MOST_PLAIN
from data_conversion.pipeline.tally import MOST_EXAMPLES
from tests.data_conversion.made_exports import (
    SQUARE,
    box,
    converted,
    image,
    picture,
    records,
    report_of,
    tree,
)

EMPTIED = MOST_LISTED + 15
CLIPPED = MOST_EXAMPLES + 25


def _images():
    """Plain, clipped and emptied ones in turns, and two far apart that claim one place."""
    made = []
    for number in range(EMPTIED):
        made.append(image("p.jpg", box(-9, -9, -1, -1, label="gone")))
        if number % 4 == 0:
            read = {"标签内容": f"kind {number % 7}"}
            plain = box(1, 1, 9 + number % 20, 9, label="标签", attributes=read)
            made.append(image("p.jpg", plain))
        if number < CLIPPED:
            size = 90 + number
            parts = (SQUARE, tuple(value + 40 for value in SQUARE))
            shape = replace(box(0, 0, 1, 1, index=1), kind="poly", parts=parts)
            made.append(image("p.jpg", box(50, 50, size, size, label="cut"), shape))
    made = [replace(raw, image_name=f"{number}.jpg") for number, raw in enumerate(made)]
    twin = next(raw for raw in made if raw.objects[0].label == "标签")
    return [*made, replace(twin, image="q.jpg")]


@pytest.mark.parametrize("workers", [1, 2])
def test_one_shard_and_many_write_the_same_bytes(monkeypatch, tmp_path, workers):
    for name in ("p.jpg", "q.jpg"):
        picture(tmp_path / "in" / name)
    trees = []
    for size in (7, 100_000):
        monkeypatch.setattr(shards, "FEWEST", size)
        monkeypatch.setattr(shards, "MOST", size)
        options = {"domain": "telecom_zh", "workers": workers, "overwrite": True}
        _, out = converted(monkeypatch, tmp_path, _images(), **options)
        trees.append(tree(out))
    assert trees[0] == trees[1]
    report = report_of(out)
    assert report["counts"]["images_read"] == len(_images())
    assert report["quarantined_by_rule"] == {"all-objects-dropped": EMPTIED, "image-name-taken": 2}
    assert len(report["examples"]["all-objects-dropped"]) == MOST_EXAMPLES
    assert report["findings_by_rule"]["fixed: clipped"] > MOST_EXAMPLES
    assert report["unmapped"]["gone"]["count"] == EMPTIED
    images, objects = (report["counts"][f"{name}_written"] for name in ("images", "objects"))
    assert len(records(out)) == images
    for name in ("pictures", "picture_megapixels", "objects_per_image"):
        assert sum(report[name].values()) == images, name
    for name in ("geometry", "object_sides"):
        assert sum(report[name].values()) == objects, name
    vocabulary = json.loads((out / "label_vocabulary.json").read_text())
    assert sum(vocabulary.values()) == objects
    page = (out / "conversion_report.html").read_text()
    assert page.count('"group":"changed"') == MOST_CHANGED
    assert page.count('"group":"as annotated"') == MOST_PLAIN
