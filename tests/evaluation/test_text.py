"""Wording of matched pairs, by hand."""

from collections import Counter

import pytest

from src.domains.config import DescGrammar
from src.evaluation.config import EvaluationConfig
from src.evaluation.located import located_pairs
from src.evaluation.scores import Counts
from src.evaluation.similarity import word_alignment
from src.evaluation.text import desc_pairs, text_measures
from src.rng import generator
from tests.evaluation.cases import box, prediction
from tests.evaluation.prediction_making import disordered, random_predictions

CONFIG = EvaluationConfig()
PLAIN = DescGrammar()


def measures(*pairs, grammar=PLAIN):
    return text_measures(Counter(pairs), grammar)


def test_equal_normalised_and_head():
    found = measures(
        ("red bolt, loose", "red bolt, loose"),
        ("red bolt, loose", "Red bolt loose."),
        ("red bolt, loose", "red bolt, tight"),
        ("red bolt, loose", "nut"),
    )
    assert (found.pairs, found.exact, found.normalised, found.head) == (4, 1, 2, 2)
    scalars = found.scalars()
    assert (scalars["exact"], scalars["normalised"], scalars["head"]) == (0.25, 0.5, 0.5)


def test_words_are_a_multiset():
    found = measures(("a big big bolt", "big bolt"), ("nut", "bolt"))
    # 2 of 4 and 2 words shared: F1 4/6; then 0 of 1 and 1.
    assert found.token_f1 == pytest.approx((2 * 2 / 6 + 0) / 2)
    assert found.token_f1_micro == pytest.approx(4 / 8)
    assert measures(("big bolt", "big big bolt")).token_f1 == pytest.approx(2 * 2 / 5)
    assert measures(("华为设备", "华为机")).token_f1 == pytest.approx(2 * 2 / 7)


@pytest.mark.parametrize(
    ("truth", "found", "value"),
    [("+", "-", 0), ("...", "!!!", 0), ("+", " + ", 1), ("＋", "+", 1), ("+", "a", 0), ("", "", 1)],
)
def test_texts_without_words_are_compared_as_they_are(truth, found, value):
    pair = measures((truth, found))
    assert pair.token_f1 == value
    assert pair.normalised == value
    assert word_alignment(truth, found) == value


def test_slots_of_pairs_of_key_and_value():
    found = measures(
        ("类型=BBU,品牌=华为", "类型=BBU,品牌=中兴"),
        ("类型=BBU,品牌=华为", "类型=BBU"),
        ("类型=RRU", "类型=RRU,品牌=华为"),
        ("类型=RRU", "类型=BBU"),
        grammar=DescGrammar(form="key_value"),
    )
    brand, kind = found.slots
    assert (brand.name, kind.name) == ("品牌", "类型")
    assert kind.values == Counts(matched=3, truths=4, predicted=4)
    assert (kind.pairs, kind.equal, kind.accuracy) == (4, 3, 0.75)
    assert kind.values.precision == kind.values.recall == kind.values.f1 == 0.75
    # The brand is in two truths and two predictions, never the same.
    assert brand.values == Counts(matched=0, truths=2, predicted=2)
    assert (brand.pairs, brand.equal) == (3, 0)
    assert found.head == 3
    assert found.scalars()["slot_f1/类型"] == 0.75


def test_slots_of_type_and_attributes():
    found = measures(
        ("bolt/rusty,loose", "bolt/loose,rusty"),
        ("bolt/rusty,loose", "bolt/rusty"),
        ("bolt", "nut/new"),
        grammar=DescGrammar(form="type_attr"),
    )
    attributes, kind = found.slots
    assert attributes.values == Counts(matched=3, truths=4, predicted=4)
    assert attributes.accuracy == pytest.approx(1 / 3)
    assert kind.values == Counts(matched=2, truths=3, predicted=3)
    assert kind.equal == 2
    assert found.exact == 0


def test_a_value_that_is_given_twice_counts_twice():
    found = measures(("bolt/red", "bolt/red,red"), grammar=DescGrammar(form="type_attr"))
    attributes = found.slots[0]
    assert (attributes.values.precision, attributes.values.recall, attributes.accuracy) == (
        0.5,
        1.0,
        0.0,
    )


def test_pairs_are_found_by_place_alone():
    item = prediction(
        [box(0, 0, 10, 10, desc="nut"), box(50, 50, 60, 60, desc="bolt"), box(80, 80, 90, 90)],
        [box(50, 50, 60, 60, desc="nut"), box(0, 0, 10, 9, desc="washer"), box(80, 80, 90, 84)],
    )
    ((_, pairs),) = located_pairs([item], CONFIG)
    assert [(pair.truth, pair.predicted) for pair in pairs] == [(0, 1), (1, 0)]


def test_pairs_come_from_dense_answers_with_truth_alone():
    truth = [box(0, 0, 10, 10, desc="nut")]
    found = [box(0, 0, 10, 10, desc="bolt")]
    items = [
        prediction(truth, found),
        prediction(truth, found),
        prediction(None, found),
        prediction(truth, []),
    ]
    assert desc_pairs(items, CONFIG) == {("nut", "bolt"): 2}


def test_no_pair_gives_no_figure():
    found = measures()
    assert found.scalars() == {}
    assert found.rows() == []
    assert found.to_json()["pairs"] == 0


def test_order_and_split_change_nothing():
    rng = generator(1, "text-order")
    descs = ("bolt/red", "bolt/red,loose", "nut", "nut/new,red")
    items = random_predictions(rng, 60, descs)
    grammar = DescGrammar(form="type_attr")
    expected = text_measures(desc_pairs(items, CONFIG), grammar)
    assert 0 < expected.exact < expected.pairs
    for ranks in (1, 2, 4):
        mixed = disordered(rng, items)
        parts = [desc_pairs(mixed[rank::ranks], CONFIG) for rank in range(ranks)]
        assert text_measures(sum(parts, Counter()), grammar) == expected
    assert {row[0] for row in expected.rows()} >= {"exact", "slot type", "slot attributes"}
    assert expected.to_json()["slots"]["type"]["f1"] == expected.scalars()["slot_f1/type"]
