"""Every format with a reader and a writer gives back what its fidelity declares, and says what it cannot hold.

Faults caught: a pixel off by one, x and y swapped, an object, a picture or a negative lost, labels mixed up, vertices turned
round, a picture in the wrong part, a loss that is not reported, a declaration that promises too much or too little.
"""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from data_conversion.pipeline.unified_processor import convert
from data_conversion.pipeline.writers.registry import WRITERS
from data_conversion.pipeline.writing import WriteOptions
from src.contract.index import JsonlIndex
from src.contract.records import ObjectAnnotation, Record, Source
from src.errors import ProjectError
from tests.data_conversion.generated_records import FEW_NAMES, make_parts, make_picture
from tests.data_conversion.round_trip import CASES, SPACES, write_and_compare
from tests.real_data import BCCD, LVIS, needs_bccd, needs_lvis

IDS = [f"{name}-{space}" if space else name for name, space in CASES]
every_case = pytest.mark.parametrize(("name", "space"), CASES, ids=IDS)
QUICK = ("coco", "yolo_seg", "voc", "qwen-norm1000")
assert set(QUICK) <= set(IDS)


def real_cases(limit):
    """A few formats with 20 records of real data, and every one with `limit` in the slow whole."""
    named = dict(zip(IDS, CASES, strict=True))
    few = [pytest.param(*named[name], 20, id=f"{name}-20") for name in QUICK]
    whole = [
        pytest.param(*case, limit, id=f"{name}-{limit}", marks=pytest.mark.full)
        for name, case in named.items()
    ]
    return pytest.mark.parametrize(("name", "space", "limit"), few + whole)


@every_case
@pytest.mark.parametrize("seed", [6, pytest.param(7, marks=pytest.mark.full)])
def test_generated_records(tmp_path, name, space, seed):
    parts = make_parts(tmp_path, seed)
    assert write_and_compare(WRITERS[name], name, space, parts, tmp_path, complete=True) == []


def test_there_is_a_case_for_every_format():
    """Guards the cases themselves: a format on both sides that no case names would be tested by nobody."""
    assert set(READERS) & set(WRITERS) <= {name for name, _ in CASES}


@every_case
@pytest.mark.parametrize("bad", [5, "ab", {"a": 1}, [1, 2], [{"a": {"b": 1}}, {}]])
def test_attributes_that_are_none_are_counted(tmp_path, name, space, bad):
    """Fault: values taken for attributes that are not, a crash, or a loss that nobody is told."""
    record = make_parts(tmp_path, names=("plain.png",))["train"][0]
    record = replace(record, objects=record.objects[:2], summary=None, metadata={"attributes": bad})
    written = write(name, space, record, tmp_path)
    assert any(loss.startswith("attributes that are no") for loss in written.losses)


@every_case
def test_all_metadata_is_kept_or_counted(tmp_path, name, space):
    """Fault: groups, captions or what describes the picture is dropped in silence."""
    record = make_parts(tmp_path, names=("plain.png",))["train"][0]
    boxes = tuple(item for item in record.objects if item.kind == "bbox_2d")
    lost = {"image": {"site": "a"}, "lvis": {"negative": ["b"]}, "captions": ["c", "d"]}
    known = {"format": "voc", "annotation": "a.xml", "row": 1, "prompt": "p"}
    bad = {"groups": [1] * len(boxes)}
    record = replace(record, objects=boxes, summary=None, metadata=lost | known | bad)
    losses = write(name, space, record, tmp_path).losses
    groups = "groups that are not" if WRITERS[name].fidelity.groups else "metadata.groups"
    told = [text for text in losses if "metadata" in text or "group" in text]
    for word in (*(f"metadata.{key} " for key in lost), groups):
        assert [losses[text] for text in told if word in text] == [1]
    assert len(told) == 4


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in SPACES])
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    record = make_parts(tmp_path, names=("plain.png",))["train"][0]
    record = replace(record, images=("../out.png",))
    with pytest.raises(ProjectError, match="leads out"):
        write(name, None, record, tmp_path / "set")


def write(name, space, record, folder):
    options = WriteOptions(output=folder, space=space, prompt="Describe it.")
    return WRITERS[name].write({"train": [record]}, options)


# Real files: photographs with boxes, and the outlines of LVIS.


@pytest.fixture(scope="module")
def bccd(tmp_path_factory):
    """BCCD through the whole conversion: (folder, records by part)."""
    folder = tmp_path_factory.mktemp("bccd")
    convert(ConversionConfig(input=BCCD, output=folder, format="voc"))
    indexes = {part: JsonlIndex.open(folder / f"{part}.jsonl") for part in ("train", "val")}
    parts = {
        part: [index.record(row) for row in range(len(index))] for part, index in indexes.items()
    }
    return folder, parts


@needs_bccd
@real_cases(1000)
def test_real_photographs(tmp_path, bccd, name, space, limit):
    source, whole = bccd
    assert sum(map(len, whole.values())) > 250
    parts = {part: records[:limit] for part, records in whole.items()}
    (tmp_path / "images").mkdir()
    for record in (record for records in parts.values() for record in records):
        (tmp_path / record.images[0]).hardlink_to(source / record.images[0])
    assert write_and_compare(WRITERS[name], name, space, parts, tmp_path) == []


@needs_lvis
@real_cases(100)
@pytest.mark.parametrize("reader", [name for name in ("coco", "lvis") if name in READERS][-1:])
def test_real_outlines(tmp_path, reader, name, space, limit):
    options = ReadOptions(images=ImageIndex(root=LVIS.parent, by_name=None))
    export = READERS[reader].open(LVIS, options)
    records = [_largest_parts(export.read(item)) for item in export.listing.items]
    assert len(records) == 100
    assert sum(len(record.objects) for record in records) > 900
    records = records[:limit]
    for record in records:
        make_picture(tmp_path / record.images[0], record.width, record.height)
    parts = {"train": records[5:], "val": records[:5]}
    assert write_and_compare(WRITERS[name], name, space, parts, tmp_path) == []


def _largest_parts(raw):
    """A record of what was read, each object by the part of the largest box."""
    width, height = raw.size
    objects = []
    for item in raw.objects:
        shapes = [np.clip(np.reshape(part, (-1, 2)), 0, raw.size) for part in item.parts]
        largest = max(shapes, key=lambda points: np.prod(np.ptp(points, axis=0)))
        points = tuple(largest.ravel().tolist())
        objects.append(ObjectAnnotation(desc=item.label, kind=item.kind, points=points))
    return Record(
        images=(f"images/{raw.image_name}",),
        width=width,
        height=height,
        objects=tuple(objects),
        source=Source(file=raw.annotation, line=1),
    )


# Planted faults: the harness sees each of them in every format that can show it.


def moved(item, dx, dy):
    points = np.reshape(item.points, (-1, 2)) + np.array([dx, dy])
    return replace(item, points=tuple(points.ravel().tolist()))


def changed(record, change):
    return replace(record, objects=tuple(change(item) for item in record.objects))


def off_by_one(record):
    return changed(record, lambda item: moved(item, 1, 0))


def swapped(record):
    def swap(item):
        points = np.reshape(item.points, (-1, 2))[:, ::-1]
        return replace(item, points=tuple(points.ravel().tolist()))

    return changed(record, swap)


def without_the_last(record):
    return replace(record, objects=record.objects[:-1])


def mislabelled(record):
    return changed(record, lambda item: replace(item, desc=f"{item.desc}s"))


def turned_round(record):
    def turn(item):
        if item.kind != "poly":
            return item
        points = np.reshape(item.points, (-1, 2))[::-1]
        return replace(item, points=tuple(points.ravel().tolist()))

    return changed(record, turn)


def without_attributes(record):
    return replace(record, metadata={})


PART_FAULTS = {
    "parts swapped": lambda parts: {"train": parts["val"], "val": parts["train"]},
    "picture lost": lambda parts: {**parts, "val": parts["val"][1:]},
    "negative lost": lambda parts: {
        name: [record for record in records if record.objects] for name, records in parts.items()
    },
}
RECORD_FAULTS = {
    "off by one": off_by_one,
    "x and y swapped": swapped,
    "object lost": without_the_last,
    "label changed": mislabelled,
    "vertices turned round": turned_round,
    "attributes lost": without_attributes,
}
CANNOT_SHOW = {
    "vertices turned round": lambda fidelity: fidelity.poly != "exact" or not fidelity.vertex_order,
    "attributes lost": lambda fidelity: not fidelity.attributes,
    "negative lost": lambda fidelity: not fidelity.negatives,
    "parts swapped": lambda fidelity: not fidelity.splits,
    "label changed": lambda fidelity: not fidelity.labels,
}
FAULTS = [
    pytest.param(name, space, fault, id=f"{label}-{fault}")
    for (name, space), label in zip(CASES, IDS, strict=True)
    for fault in (*RECORD_FAULTS, *PART_FAULTS)
    if fault not in CANNOT_SHOW or not CANNOT_SHOW[fault](WRITERS[name].fidelity)
]


def faulty(writer, fault):
    """The writer, but what it is given is changed first; what it says it wrote is true to the unchanged records."""

    def write(parts, options):
        if fault in PART_FAULTS:
            spoiled = PART_FAULTS[fault](parts)
        else:
            spoiled = {
                part: [RECORD_FAULTS[fault](record) for record in records]
                for part, records in parts.items()
            }
        writer.write(spoiled, options)
        return writer.write(parts, replace(options, output=options.output.with_name("aside")))

    return SimpleNamespace(fidelity=writer.fidelity, write=write)


@pytest.mark.parametrize(("name", "space", "fault"), FAULTS)
def test_a_planted_fault_turns_it_red(tmp_path, name, space, fault):
    folder = tmp_path / "set"
    parts = make_parts(folder, names=FEW_NAMES)
    try:
        problems = write_and_compare(faulty(WRITERS[name], fault), name, space, parts, folder)
    except ProjectError as error:  # a writer or reader may refuse what the fault made
        problems = [str(error)]
    assert problems


def test_an_unreported_loss_and_a_false_promise_turn_it_red(tmp_path):
    for name, space in CASES:
        parts = make_parts(tmp_path / name, names=FEW_NAMES)
        writer = WRITERS[name]
        losing = [k for k in ("bbox_2d", "poly", "line") if getattr(writer.fidelity, k) != "exact"]
        silent = SimpleNamespace(
            fidelity=writer.fidelity,
            write=lambda parts, options, writer=writer: replace(
                writer.write(parts, options), losses=Counter()
            ),
        )
        promising = SimpleNamespace(
            fidelity=replace(writer.fidelity, **dict.fromkeys(losing, "exact")), write=writer.write
        )
        for bad in (silent, promising) if losing else ():
            assert write_and_compare(bad, name, space, parts, tmp_path / name) != []
