"""D6: average precision equals pycocotools' on random data sets, bit by bit but for rounding (1e-9).

The data sets hold ties of scores, crowds, images without truth, without predictions and without both, data sets without any,
and areas of exactly 32^2 and 96^2. Faults that it catches: crowds counted as truths, ties broken another way, an area range
that leaves out its end, one class short.
"""

import contextlib
import io

import numpy as np
import pytest
from pycocotools import mask as reference_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from src.evaluation.coco import CocoStatistics, CocoTruth
from src.rng import generator

NUM_DATA_SETS = 300
NUM_FAST = 50
SIZE = 240
TOLERANCE = 1e-9
EXACT_SIDES = (32, 96)


def random_box(rng):
    """x, y, width, height in whole pixels; every third has an area on the edge of COCO's size ranges."""
    if rng.random() < 0.33:
        width = height = int(rng.choice(EXACT_SIDES))
    else:
        width, height = (int(v) for v in rng.integers(4, 140, 2))
    x, y = (int(rng.integers(0, SIZE - side)) for side in (width, height))
    return [x, y, width, height]


def near(rng, box):
    """A box that often overlaps the given one enough to match it."""
    x, y, width, height = box
    moved = [x + int(rng.integers(-6, 7)), y + int(rng.integers(-6, 7)), width, height]
    return [max(0, moved[0]), max(0, moved[1]), width, height]


def shape_of(rng, box, overlap):
    """The COCO fields of a shape in this box."""
    if overlap == "bbox":
        return {"bbox": box, "area": box[2] * box[3]}
    x, y, width, height = box
    corners = [x, y, x + width, y, x + width, y + height, x, y + height]
    if rng.random() < 0.4:
        corners[0] += width // 3  # A cut corner: no longer a rectangle.
    (encoded,) = reference_mask.frPyObjects([corners], SIZE, SIZE)
    area = float(reference_mask.area(encoded))
    return {"segmentation": encoded, "area": area, "bbox": box}


def random_data(number):
    """(data set, detections, overlap type) of one number, the same for ever."""
    rng = generator(6, "coco-parity", number)
    overlap = ("bbox", "segm")[number % 2]
    num_images, num_classes = (int(v) for v in rng.integers((1, 1), (7, 4)))
    tied_scores = rng.random() < 0.6
    no_truth, no_predictions = number % 20 in (4, 5), number % 20 in (10, 11)
    annotations, detections = [], []
    for image in range(1, num_images + 1):
        truths = 0 if no_truth or rng.random() < 0.2 else int(rng.integers(1, 9))
        boxes = [random_box(rng) for _ in range(truths)]
        for box in boxes:
            crowd = int(rng.random() < 0.15)
            annotations.append({
                "id": len(annotations) + 1, "image_id": image, "iscrowd": crowd,
                "category_id": int(rng.integers(1, num_classes + 1)), **shape_of(rng, box, overlap),
            })  # fmt: skip
        found = 0 if no_predictions or rng.random() < 0.2 else int(rng.integers(1, 14))
        for _ in range(found):
            box = near(rng, boxes[int(rng.integers(truths))]) if truths else random_box(rng)
            score = float(rng.choice((0.25, 0.5, 1.0))) if tied_scores else float(rng.random())
            fields = shape_of(rng, box, overlap)
            wanted = "bbox" if overlap == "bbox" else "segmentation"
            detections.append({
                "image_id": image, "category_id": int(rng.integers(1, num_classes + 1)), "score": score,
                wanted: fields[wanted],
            })  # fmt: skip
    dataset = {
        "info": {},
        "images": [{"id": i, "width": SIZE, "height": SIZE} for i in range(1, num_images + 1)],
        "categories": [{"id": i, "name": str(i)} for i in range(1, num_classes + 1)],
        "annotations": annotations,
    }
    return dataset, detections, overlap


def coco_statistics(dataset, detections, overlap):
    return CocoTruth(dataset, overlap).statistics(detections)


def reference(dataset, detections, overlap):
    """The same figures from pycocotools."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {**dataset, "annotations": [dict(item) for item in dataset["annotations"]]}
        truth.createIndex()
        if detections:
            found = truth.loadRes([dict(item) for item in detections])
        else:
            found = COCO()
            found.dataset = {**dataset, "annotations": []}
            found.createIndex()
        evaluation = COCOeval(truth, found, overlap)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    by_class = []
    for position in range(len(dataset["categories"])):
        values = evaluation.eval["precision"][:, :, position, 0, -1]
        values = values[values > -1]
        by_class.append(float(values.mean()) if values.size else None)
    return CocoStatistics(
        statistics=tuple(None if v == -1 else float(v) for v in evaluation.stats),
        class_ap=tuple(by_class),
    )


def difference(first, second):
    """The largest difference of any figure; infinite where one is defined and the other is not."""
    pairs = [
        *zip(first.statistics, second.statistics, strict=True),
        *zip(first.class_ap, second.class_ap, strict=True),
    ]
    if any((a is None) != (b is None) for a, b in pairs):
        return float("inf")
    return max((abs(a - b) for a, b in pairs if a is not None), default=0.0)


def largest_difference(numbers, measure=coco_statistics):
    return max(difference(measure(*random_data(n)), reference(*random_data(n))) for n in numbers)


def test_a_share_of_the_data_sets_agrees():
    assert largest_difference(range(NUM_FAST)) <= TOLERANCE


@pytest.mark.full
def test_every_data_set_agrees():
    assert largest_difference(range(NUM_DATA_SETS)) <= TOLERANCE


def test_the_data_sets_hold_what_they_should():
    made = [random_data(number) for number in range(NUM_FAST)]
    items = [item for dataset, _, _ in made for item in dataset["annotations"]]
    assert {overlap for _, _, overlap in made} == {"bbox", "segm"}
    assert any(item["iscrowd"] for item in items)
    assert {32**2, 96**2} <= {item["area"] for item in items}
    assert any(not dataset["annotations"] for dataset, _, _ in made)
    assert any(not found for _, found, _ in made)
    assert any(len({item["score"] for item in found}) < len(found) for _, found, _ in made)
    figures = [
        f for n in range(0, NUM_FAST, 5) for f in coco_statistics(*random_data(n)).statistics
    ]
    assert None in figures
    assert any(f is not None and 0 < f < 1 for f in figures)


def without_crowds(dataset, detections, overlap):
    plain = [{**item, "iscrowd": 0} for item in dataset["annotations"]]
    return coco_statistics({**dataset, "annotations": plain}, detections, overlap)


def ties_the_other_way(dataset, detections, overlap):
    return coco_statistics(dataset, detections[::-1], overlap)


def sizes_off_by_one(dataset, detections, overlap):
    grown = [{**item, "area": item["area"] + 1} for item in dataset["annotations"]]
    return coco_statistics({**dataset, "annotations": grown}, detections, overlap)


@pytest.mark.parametrize("fault", [without_crowds, ties_the_other_way, sizes_off_by_one])
def test_the_comparison_sees_a_planted_fault(fault):
    assert largest_difference(range(20), fault) > 1e-3


def test_the_arguments_are_left_alone():
    dataset, detections, overlap = random_data(7)
    before = repr((dataset, detections))
    truth = CocoTruth(dataset, overlap)
    first = truth.statistics(detections)
    assert repr((dataset, detections)) == before
    # A truth that was evaluated once is as good as new.
    assert truth.statistics(detections[:1]) != first
    assert truth.statistics(detections) == first
    assert np.isfinite([f for f in first.statistics if f is not None]).all()
