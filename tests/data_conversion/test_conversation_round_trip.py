"""Record -> conversation file -> reader: what each format's fidelity declares, and no more, is kept."""

import json
import re
from collections import Counter

import numpy as np
import pytest

from data_conversion.pipeline.answer_text import write_answer
from data_conversion.pipeline.spaces import extent
from data_conversion.pipeline.writers.registry import WRITERS
from data_conversion.pipeline.writing import WriteOptions
from src.contract.records import ObjectAnnotation, Record, Source
from src.datasets.geometry.overlap import Region, bounds
from src.errors import DataError, UsageError
from tests.data_conversion.conversations import draw_pictures, read_all, records


def written(tmp_path, name, made, **options):
    draw_pictures(tmp_path, made)
    options = WriteOptions(output=tmp_path, prompt="Find all objects.", **options)
    return WRITERS[name].write({"train": iter(made)}, options)


def step(space, record):
    """Half a step of the space's grid, in pixels of the record's picture, for x and y."""
    size = (record.width, record.height)
    return np.array(size) / extent(space, size) / 2


def matched(read, record):
    """Pairs (read object, true object) of one kind and label, nearest centres together."""
    assert Counter((item.kind, item.label) for item in read.objects) == Counter(
        (item.kind, item.desc) for item in record.objects
    )
    left = list(record.objects)
    for item in read.objects:
        centre = np.reshape(item.points, (-1, 2)).mean(axis=0)
        near = min(
            (true for true in left if (true.kind, true.desc) == (item.kind, item.label)),
            key=lambda true: np.abs(np.reshape(true.points, (-1, 2)).mean(axis=0) - centre).sum(),
        )
        left.remove(near)
        yield item, near


def same_vertices(found, true, tolerance):
    """Whether two outlines agree after a cyclic shift or a change of direction."""
    found, true = np.reshape(found, (-1, 2)), np.reshape(true, (-1, 2))
    if len(found) != len(true):
        return False
    for candidate in (true, true[::-1]):
        for shift in range(len(true)):
            if np.all(np.abs(np.roll(candidate, shift, axis=0) - found) <= tolerance):
                return True
    return False


@pytest.mark.parametrize("space", ["norm1000", "norm100", "pixels", "qwen25"])
@pytest.mark.parametrize("name", ["llama_factory", "qwen"])
def test_shapes_come_back_within_half_a_step(tmp_path, name, space):
    made = records(3, count=12)
    done = written(tmp_path, name, made, space=space)
    assert (done.num_images, done.num_objects) == (12, sum(len(r.objects) for r in made))
    assert done.losses == {}
    overlaps = []
    for read, record in zip(read_all(name, tmp_path, space=space), made, strict=True):
        assert f"images/{read.image_name}" == record.images[0]
        assert read.metadata["prompt"] == "Find all objects."
        tolerance = step(space, record) + 1e-6
        for found, true in matched(read, record):
            assert same_vertices(found.points, true.points, tolerance)
            if true.kind == "poly":
                overlaps.append(iou(found.points, true, float(np.hypot(*tolerance))))
    large = [overlap for overlap in overlaps if overlap is not None]
    assert min(large, default=1.0) >= 0.99
    assert space == "norm100" or len(large) > 3


def iou(points, true, moved):
    """The overlap of two outlines; None for one so thin that moving its vertices by `moved` may cost a hundredth."""
    mine = Region(ObjectAnnotation(desc="", kind="poly", points=points), 0.0).build()
    other = Region(true, 0.0).build()
    if other.area < 110 * moved * other.length:
        return None
    return mine.intersection(other).area / mine.union(other).area


@pytest.mark.parametrize("answer", ["standard", "qwen", "compact", "grouped"])
def test_every_answer_format_comes_back(tmp_path, answer):
    made = records(4)
    written(tmp_path, "llama_factory", made, space="norm1000", answer=answer)
    for read, record in zip(
        read_all("llama_factory", tmp_path, space="norm1000"), made, strict=True
    ):
        assert len(list(matched(read, record))) == len(record.objects)


def test_the_wrong_space_would_be_seen(tmp_path):
    """The planted fault: a set written in one grid and read in another does not come back."""
    made = records(5, kinds=("bbox_2d",))
    written(tmp_path, "qwen", made, space="norm100")
    read = read_all("qwen", tmp_path, space="norm1000")
    found = [same_vertices(a.points, b.points, 7) for r, m in zip(read, made, strict=True)
             for a, b in matched(r, m)]  # fmt: skip
    assert not any(found)


@pytest.mark.parametrize("space", [None, "pixels", "norm1"])
def test_ms_swift_keeps_boxes_exactly_and_counts_the_rest(tmp_path, space):
    made = records(6)
    kinds = Counter(item.kind for record in made for item in record.objects)
    done = written(tmp_path, "ms_swift", made, space=space)
    assert done.losses == {
        "polygons written as their enclosing boxes": kinds["poly"],
        "lines left out": kinds["line"],
    }
    for read, record in zip(read_all("ms_swift", tmp_path), made, strict=True):
        true = Counter(
            (item.desc, *(round(v, 6) for v in bounds(item.points)))
            for item in record.objects
            if item.kind != "line"
        )
        found = Counter((item.label, *(round(v, 6) for v in item.points)) for item in read.objects)
        assert found == true
        if space != "norm1":
            exact = {item.points for item in record.objects if item.kind == "bbox_2d"}
            assert exact <= {item.points for item in read.objects}


def test_ms_swift_leaves_no_record_that_says_nothing_is_there(tmp_path):
    """A picture of lines alone must not become a negative."""
    made = [record for record in records(7, kinds=("line",)) if record.objects]
    done = written(tmp_path, "ms_swift", made)
    assert done.num_images == 0
    assert done.losses["records left out because none of their objects can be written"] == len(made)


def filled_as_ms_swift_does(row, record):
    """What Template.normalize_bbox and Qwen2VLTemplate.replace_bbox of ms-swift 4.6.0 do for Qwen3-VL."""
    size = (record.width, record.height) * 2
    boxes = iter(
        str([round(v / side * 1000) for v, side in zip(box, size, strict=True)])
        for box in row["objects"]["bbox"]
    )
    refs = iter(row["objects"]["ref"])
    text = re.sub("<bbox>", lambda _: next(boxes), row["messages"][-1]["content"])
    return re.sub("<ref-object>", lambda _: next(refs), text)


def test_ms_swift_filled_for_qwen3_is_the_projects_own_answer(tmp_path):
    made = records(8, kinds=("bbox_2d",))
    written(tmp_path, "ms_swift", made)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    for row, record in zip(rows, made, strict=True):
        assert filled_as_ms_swift_does(row, record) == write_answer(
            record.objects, "norm1000", (record.width, record.height), "qwen"
        )
        assert all(type(v) is float for box in row["objects"]["bbox"] for v in box)


def test_a_space_must_be_named_and_must_suit(tmp_path):
    record = records(1, count=1)
    for name, space in (
        ("qwen", None), ("llama_factory", None), ("qwen", "norm1"), ("ms_swift", "norm1000"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            WRITERS[name].write({"train": record}, WriteOptions(output=tmp_path, space=space))
        assert "space" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    options = WriteOptions(output=tmp_path, space="norm1000", answer="compact")
    with pytest.raises(UsageError, match="qwen"):
        WRITERS["qwen"].write({"train": record}, options)


def test_an_elongated_picture_is_named(tmp_path):
    box = ObjectAnnotation(desc="a", kind="bbox_2d", points=(0.0, 0.0, 9.0, 9.0))
    record = Record(
        images=("a.png",), width=9000, height=9, objects=(box,), source=Source(file="f", line=7)
    )
    with pytest.raises(DataError, match="f:7"):
        WRITERS["qwen"].write(
            {"train": [record]}, WriteOptions(output=tmp_path, space="qwen25", prompt="")
        )
    assert not (tmp_path / "train.json").exists()
