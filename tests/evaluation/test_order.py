"""Figures are bit-identical under shuffled images and objects, other names and rows, and counting on 1, 2 or 4 ranks.

Catches: sums of floats in the order of the file, a bootstrap that draws by place, ties decided by the order of objects, figures
averaged over ranks. Planted: the first two, and a row number that decides.
"""

import json
import math
import random
from dataclasses import replace

import pytest

from src.evaluation import assignment, chunks, lines, report
from src.evaluation.config import EvaluationConfig
from src.evaluation.image_counts import count_image, count_images
from src.evaluation.report import evaluate, merge, report_of
from src.evaluation.totals import Totals
from tests.evaluation.cases import box, prediction, random_predictions

CONFIG = EvaluationConfig(bootstrap_draws=100)


@pytest.fixture(scope="module")
def items():
    return list(random_predictions(80, seed=9, most=4))


def bits(found):
    return json.dumps(found.to_json()).encode()


def variants(items):
    rng = random.Random(3)
    yield "reversed", items[::-1]
    shuffled = rng.sample(items, len(items))
    yield "shuffled", shuffled
    yield (
        "renumbered",
        [replace(p, row=i, image=f"{rng.random()}.png") for i, p in enumerate(shuffled)],
    )
    yield (
        "truths shuffled",
        [
            p if p.truth is None else replace(p, truth=tuple(rng.sample(p.truth, len(p.truth))))
            for p in items
        ],
    )


def changed(items, config=CONFIG):
    """Names of the variants whose figures differ by a bit."""
    expected = bits(evaluate(items, config))
    return [
        name for name, variant in variants(items) if bits(evaluate(variant, config)) != expected
    ]


@pytest.mark.parametrize("rule", ["optimal", "greedy"])
def test_order_names_and_rows_change_nothing(items, rule):
    assert changed(items, replace(CONFIG, assignment=rule)) == []


def test_splits_over_ranks_change_nothing(items):
    expected = bits(evaluate(items, CONFIG))
    for world_size in (1, 2, 4):
        parts = [list(count_images(items[rank::world_size], CONFIG)) for rank in range(world_size)]
        random.Random(world_size).shuffle(parts)
        assert bits(report_of(merge(*parts), CONFIG)) == expected
    one_by_one = [count_image(item, CONFIG) for item in items]
    assert one_by_one == list(count_images(items, CONFIG))


@pytest.mark.parametrize("limit", [("MAX_IMAGES", 3), ("MAX_PAIRS", 1)])
def test_images_compared_at_a_time_change_nothing(items, monkeypatch, limit):
    expected = list(count_images(items, CONFIG))
    monkeypatch.setattr(chunks, *limit)
    assert list(count_images(items, CONFIG)) == expected


def test_objects_of_an_answer_may_stand_in_any_order_but_for_repeats():
    rng = random.Random(1)
    for item in random_predictions(40, seed=2):
        other = replace(item, objects=tuple(rng.sample(item.objects, len(item.objects))))
        one, two = (
            evaluate([p], replace(CONFIG, bootstrap_draws=0)).to_json() for p in (item, other)
        )
        for values in (one, two):
            for name in ("num_looped", "num_loop_answers", "loop_rate"):
                values["behaviour"].pop(name, None)
            values["behaviour"].pop("num_duplicates")
            values["behaviour"].pop("duplicate_rate", None)
            values["headline"].pop("duplicate_rate", None)
        assert one == two


def test_ties_are_decided_by_the_objects_themselves():
    # One prediction fits a small and a medium truth equally well: IoU 0.5 with either.
    small, medium = box(0, 0, 25, 32), box(0, 0, 50, 64)
    found = box(0, 0, 50, 32)
    both = [
        evaluate([prediction(truth, [found])], replace(CONFIG, thresholds=(0.5,))).to_json()
        for truth in ([small, medium], [medium, small])
    ]
    assert both[0] == both[1]


def test_planted_draws_by_place_are_seen(items, monkeypatch):
    monkeypatch.setattr(
        Totals,
        "contents",
        lambda self: [number.to_bytes(8, "big") for number in range(len(self.images))],
    )
    assert "shuffled" in changed(items)


def test_planted_sums_in_file_order_are_seen(items, monkeypatch):
    for module in (lines, report):
        monkeypatch.setattr(module, "math", PlainSums)
    assert "shuffled" in changed(items)


def test_planted_ties_by_place_are_seen(monkeypatch):
    monkeypatch.setattr(assignment, "_canonical", lambda indices, items: sorted(indices))
    with pytest.raises(AssertionError):
        test_ties_are_decided_by_the_objects_themselves()


class PlainSums:
    fsum = staticmethod(sum)
    dist = staticmethod(math.dist)
    hypot = staticmethod(math.hypot)
