"""What is written as COCO is what pycocotools loads, and predictions can be evaluated against it."""

import json

import numpy as np
import pytest
from pycocotools import mask as reference
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from data_conversion.pipeline.writers.coco_results import write_results
from data_conversion.pipeline.writers.registry import WRITERS
from data_conversion.pipeline.writing import WriteOptions
from data_conversion.results import main
from src.contract.predictions import Prediction, prediction_to_line
from src.contract.records import ObjectAnnotation
from src.errors import ProjectError
from src.utils.cli import run
from tests.data_conversion.generated_records import make_parts


@pytest.fixture
def written(tmp_path):
    parts = make_parts(tmp_path)
    done = WRITERS["coco"].write(parts, WriteOptions(output=tmp_path))
    return parts, done, tmp_path / "annotations"


def prediction(record, objects, **changes):
    return Prediction(
        image=f"../out/{record.images[0]}",
        row=0,
        width=record.width,
        height=record.height,
        truth=record.objects,
        objects=tuple(objects),
        dropped=(),
        is_valid=True,
        text="",
        finish_reason="stop",
        **changes,
    )


def closed(record):
    return [item for item in record.objects if item.kind != "line"]


def test_pycocotools_loads_it_and_ids_agree_between_parts(written):
    parts, done, folder = written
    sets = {part: COCO(folder / f"instances_{part}.json") for part in parts}
    assert sets["train"].cats == sets["val"].cats
    assert not set(sets["train"].imgs) & set(sets["val"].imgs)
    assert sum(len(one.anns) for one in sets.values()) == done.num_objects
    lines = sum(o.kind == "line" for records in parts.values() for r in records for o in r.objects)
    grouped = sum("groups" in record.metadata for records in parts.values() for record in records)
    assert dict(done.losses) == {
        "lines (COCO has no open shapes)": lines,
        "records whose metadata.groups is left out": grouped,
    }
    for part, records in parts.items():
        for image, record in zip(sets[part].imgs.values(), records, strict=True):
            entries = sets[part].imgToAnns[image["id"]]
            for entry, item in zip(entries, closed(record), strict=True):
                xy = np.reshape(item.points, (-1, 2))
                low, size = xy.min(0), xy.max(0) - xy.min(0)
                assert entry["bbox"] == pytest.approx([*low, *size])
                if item.kind == "poly":
                    pixels = reference.area(sets[part].annToRLE(entry))
                    assert entry["area"] == pytest.approx(pixels, rel=0.03)


def test_the_same_records_give_the_same_bytes(written):
    parts, _, folder = written
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    WRITERS["coco"].write(parts, WriteOptions(output=folder.parent))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_perfect_prediction_has_average_precision_one(written, tmp_path):
    parts, _, folder = written
    truth = folder / "instances_val.json"
    done = write_results(
        [prediction(record, record.objects) for record in parts["val"]],
        truth,
        tmp_path / "results.json",
        "one",
    )
    assert done.losses.keys() == {"lines (COCO has no open shapes)"}
    loaded = COCO(truth)
    evaluation = COCOeval(loaded, loaded.loadRes(str(tmp_path / "results.json")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_results_carry_scores_masks_and_say_what_is_lost(written, tmp_path):
    parts, _, folder = written
    record = parts["train"][0]
    shape = next(item for item in record.objects if item.kind == "poly")
    unknown = ObjectAnnotation(desc="never seen", kind="bbox_2d", points=(0, 0, 5, 5))
    item = prediction(record, [shape, unknown, shape], logprob_scores=(0.25, 0.5, None))
    target = tmp_path / "results.json"
    done = write_results([item], folder / "instances_train.json", target, "logprob")
    first, second = json.loads(target.read_text())
    assert (first["score"], second["score"]) == (0.25, 0.0)
    assert reference.area(first["segmentation"]) > 0
    assert done.losses == {
        "objects of a class that the ground truth does not list": 1,
        "objects without a score": 1,
    }


def test_the_command_writes_results_and_says_what_is_lost(written, tmp_path, capsys):
    parts, _, folder = written
    record = parts["val"][0]
    lines = len(record.objects) - len(closed(record))
    file, target = tmp_path / "p.jsonl", tmp_path / "r.json"
    file.write_bytes(prediction_to_line(prediction(record, record.objects)))
    words = ["--predictions", str(file), "--truth", str(folder / "instances_val.json")]
    assert run(main, [*words, "--out", str(target)]) == 0
    assert [entry["score"] for entry in json.loads(target.read_text())] == [1] * len(closed(record))
    assert f"lost: {lines} lines" in capsys.readouterr().out
    assert run(main, [*words, "--out", str(file)]) == 2
    other = ["--truth", str(folder / "instances_train.json"), "--out", str(target)]
    assert run(main, [*words[:2], *other]) == 1


def test_a_prediction_of_another_data_set_is_refused(written, tmp_path):
    parts, _, folder = written
    item = prediction(parts["val"][0], [])
    with pytest.raises(ProjectError, match="was not found"):
        write_results([item], folder / "instances_train.json", tmp_path / "r.json", "one")
    assert not (tmp_path / "r.json").exists()
