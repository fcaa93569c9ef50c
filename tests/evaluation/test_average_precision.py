"""Average precision from declared scores: hand-computed cases, parity on real scores, and no say for numbers and names."""

from dataclasses import replace

import pytest

from src.errors import DataError
from src.evaluation.average_precision import average_precision
from src.evaluation.coco import STATISTICS
from src.evaluation.config import EvaluationConfig, ScoreConfig
from src.evaluation.located import located_pairs
from src.rng import generator
from tests.evaluation.cases import box, line, poly, prediction
from tests.evaluation.prediction_making import disordered, random_predictions
from tests.reliability.test_coco_parity import reference

CONSTANT = ScoreConfig()


def means(found):
    """`bbox_AP`, `bbox_AP50`, ... `segm_AR_large`: those that are defined."""
    return {
        f"{family.overlap}_{name}": spread.mean
        for family in found.families
        for name, spread in zip(STATISTICS, family.statistics, strict=True)
        if spread is not None
    }


def figures(items, **config):
    return means(average_precision(items, ScoreConfig(**config)))


def coco_figures(predictions, scores):
    """pycocotools on boxes, images numbered by their place."""
    classes = {
        d: i for i, d in enumerate(sorted({t.desc for p in predictions for t in p.truth}), 1)
    }

    def fields(image, item):
        x1, y1, x2, y2 = item.points
        return {
            "image_id": image, "category_id": classes[item.desc],
            "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
        }  # fmt: skip

    numbered = list(enumerate(predictions, 1))
    truths = [fields(image, item) for image, p in numbered for item in p.truth]
    dataset = {
        "info": {},
        "images": [{"id": image, "width": p.width, "height": p.height} for image, p in numbered],
        "categories": [{"id": number, "name": desc} for desc, number in classes.items()],
        "annotations": [{**t, "id": i, "iscrowd": 0} for i, t in enumerate(truths, 1)],
    }
    detections = [
        {**fields(image, item), "score": score}
        for (image, p), own in zip(numbered, scores, strict=True)
        for item, score in zip(p.objects, own, strict=True)
        if item.desc in classes
    ]
    return reference(dataset, detections, "bbox").statistics


def test_a_hit_before_a_miss_is_perfect_and_after_it_half():
    item = prediction([box(0, 0, 50, 50)], [box(0, 0, 50, 50), box(60, 60, 90, 90)])
    first = replace(item, logprob_scores=(0.9, 0.1))
    last = replace(item, logprob_scores=(0.1, 0.9))
    assert figures([first], source="logprob")["bbox_AP"] == pytest.approx(1.0, abs=1e-9)
    assert figures([last], source="logprob")["bbox_AP"] == pytest.approx(0.5, abs=1e-9)
    assert figures([first], source="logprob")["bbox_AR1"] == pytest.approx(1.0)
    assert figures([last], source="logprob")["bbox_AR1"] == pytest.approx(0.0)


def test_tied_scores_give_the_mean_of_the_orders_and_its_spread():
    item = prediction([box(0, 0, 50, 50)], [box(0, 0, 50, 50), box(60, 60, 90, 90)])
    found = average_precision([item], ScoreConfig(num_orders=100))
    (family,) = found.families
    ap = family.statistics[0]
    assert found.num_orders == 100
    assert (ap.low, ap.high) == pytest.approx((0.5, 1.0), abs=1e-9)
    # Both orders are as likely: 0.75 on average, 0.25 around it.
    assert ap.mean == pytest.approx(0.75, abs=0.08)
    assert ap.deviation == pytest.approx(0.25, abs=0.03)


def test_iou_decides_per_threshold():
    # IoU 0.8: a hit at .5, .55, ... .8 (7 of 10 thresholds).
    item = prediction([box(0, 0, 50, 50)], [box(0, 0, 50, 40)])
    found = figures([item])
    assert found["bbox_AP"] == pytest.approx(0.7)
    assert (found["bbox_AP50"], found["bbox_AP75"]) == pytest.approx((1.0, 1.0))
    assert found["bbox_AP_medium"] == pytest.approx(0.7)
    assert "bbox_AP_small" not in found


def test_classes_are_exact_descriptions_and_unknown_ones_count_nowhere():
    truth = [box(0, 0, 50, 50), box(50, 50, 90, 90, desc="b")]
    objects = [box(0, 0, 50, 50), box(50, 50, 90, 90, desc="B")]
    (family,) = average_precision([prediction(truth, objects)], CONSTANT).families
    assert dict(family.class_ap) == {"a": pytest.approx(1.0), "b": 0.0}
    assert family.statistics[0].mean == pytest.approx(0.5)
    assert (family.num_truths, family.num_predicted, family.num_other_classes) == (2, 2, 1)


def test_polygons_are_compared_as_masks_and_lines_take_no_part():
    shape = poly(0, 0, 40, 0, 40, 40, 0, 40)
    items = [prediction([shape, line(0, 0, 9, 9)], [shape, box(0, 0, 40, 40), line(0, 0, 9, 9)])]
    found = average_precision(items, CONSTANT)
    assert [family.overlap for family in found.families] == ["bbox", "segm"]
    assert means(found)["segm_AP"] == pytest.approx(1.0)
    # Boxes were predicted where no truth is a box.
    assert found.families[0].statistics == (None,) * len(STATISTICS)
    assert "bbox_AP" not in means(found)
    assert {row[0] for row in found.rows()} >= {"segm AP", "segm AR100"}
    assert found.to_json()["bbox"]["AP"] is None


def test_nothing_at_all_gives_no_figure():
    assert figures([]) == {}
    assert figures([prediction([], [])]) == {}
    assert figures([prediction(None, [box(0, 0, 9, 9)])]) == {}
    assert figures([prediction([box(0, 0, 9, 9)], [])])["bbox_AP"] == 0.0


def with_scores(rng, items):
    return [
        replace(p, logprob_scores=tuple(float(v) for v in rng.random(len(p.objects))))
        for p in items
    ]


def test_real_scores_give_pycocotools_figures():
    rng = generator(1, "average-precision-parity")
    items = with_scores(rng, random_predictions(rng, 40))
    expected = coco_figures(items, [p.logprob_scores for p in items])
    found = average_precision(items, ScoreConfig(source="logprob"))
    assert found.num_orders == 1
    got = [None if s is None else s.mean for s in found.families[0].statistics]
    assert got == pytest.approx(list(expected), abs=1e-9)
    assert all(s is None or s.deviation == 0 for s in found.families[0].statistics)


def quality(item):
    """Share of the objects that stand where a truth of their class is."""
    ((_, pairs),) = located_pairs([item], EvaluationConfig())
    right = sum(item.truth[p.truth].desc == item.objects[p.predicted].desc for p in pairs)
    return right / max(1, len(item.objects))


def test_scores_of_one_move_with_the_numbers_of_images_elsewhere_but_not_here():
    """The finding that this module answers: equal boxes, images numbered by the quality of their boxes."""
    rng = generator(2, "renumbering")
    items = random_predictions(rng, 60)
    best_first = sorted(items, key=quality, reverse=True)
    ones = [(1.0,) * len(p.objects) for p in best_first]
    high = coco_figures(best_first, ones)[0]
    low = coco_figures(best_first[::-1], ones[::-1])[0]
    assert high - low > 0.05
    ours = average_precision(best_first, CONSTANT)
    assert ours == average_precision(best_first[::-1], CONSTANT)
    assert low < means(ours)["bbox_AP"] < high


@pytest.mark.parametrize("source", ["constant", "logprob", "verbalised"])
def test_order_and_names_of_images_and_order_of_objects_change_nothing(source):
    rng = generator(3, "order", source)
    items = random_predictions(rng, 25)
    items += items[:5]  # The same content twice.
    items = with_scores(rng, items)
    coarse = [tuple(round(v, 1) for v in p.logprob_scores) for p in items]
    items = [
        replace(p, logprob_scores=own, verbalised_scores=(*own[:-1], None) if own else ())
        for p, own in zip(items, coarse, strict=True)
    ]
    config = ScoreConfig(source=source)
    expected = average_precision(items, config)
    assert expected.num_orders == 10
    assert expected.families[0].statistics[0].deviation > 0
    for _ in range(3):
        assert average_precision(disordered(rng, items), config) == expected


def test_a_source_that_the_file_lacks_is_an_error_with_a_remedy():
    item = prediction([box(0, 0, 9, 9)], [box(0, 0, 9, 9)])
    scored = replace(item, logprob_scores=(0.5,), verbalised_scores=(0.5,))
    for source, items in (
        ("logprob", [item]),
        ("logprob", [scored, item]),
        ("verbalised", [item]),
        ("verbalised", [replace(item, verbalised_scores=(None,))]),
    ):
        with pytest.raises(DataError, match=f"no {source} scores.*\n.*\n.*declare the source"):
            average_precision(items, ScoreConfig(source=source))
    assert average_precision([prediction([], [])], ScoreConfig(source="logprob")).families == ()


def test_an_object_without_a_score_ranks_last():
    item = prediction(
        [box(0, 0, 50, 50)],
        [box(0, 0, 50, 50), box(60, 60, 90, 90)],
        verbalised_scores=(None, 0.1),
    )
    found = average_precision([item], ScoreConfig(source="verbalised"))
    assert found.num_missing_scores == 1
    assert means(found)["bbox_AP"] == pytest.approx(0.5, abs=1e-9)
    sure = ScoreConfig(source="verbalised", missing_score=1.0)
    assert means(average_precision([item], sure))["bbox_AP"] == pytest.approx(1.0, abs=1e-9)
