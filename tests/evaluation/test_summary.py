"""Summaries, by hand."""

import time
from collections import Counter

import pytest

from src.domains.config import SummaryGrammar
from src.evaluation.summary import summary_counts, summary_measures
from src.evaluation.summary_items import answered_summary, plain_items, true_summary
from src.rng import generator
from tests.evaluation.cases import prediction

GRAMMAR = SummaryGrammar()
IRRELEVANT = "irrelevant image"


def summary(truth, text, **changes):
    return prediction(None, [], mode="summary", summary=truth, text=text, **changes)


def counted(*items, grammar=GRAMMAR):
    return summary_counts(items, grammar, IRRELEVANT)


def measures(*pairs, grammar=GRAMMAR):
    return summary_measures(counted(*(summary(*pair) for pair in pairs), grammar=grammar))


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("bolt×3, nut", {"bolt": 3, "nut": 1}),
        ("bolt ×3，Nut x 2，washer*1", {"bolt": 3, "nut": 2, "washer": 1}),
        ("box 3, box3, fox x3", {"box 3": 1, "box3": 1, "fox": 3}),
        ("bolt×2, bolt×1", {"bolt": 3}),
        ("BBU/华为×2，螺丝×１２", {"bbu 华为": 2, "螺丝": 12}),
        ("bolt×3\nnut×2,", {"bolt": 3, "nut": 2}),
        ("<DOMAIN=BBU>, <TASK=SUMMARY>\nbolt×3", {"bolt": 3}),
        ("bolt×0", {}),
        ("", {}),
        ('{"bolt": 3, "nut": {"new": 1, "old": 2}}', {"bolt": 3, "nut/new": 1, "nut/old": 2}),
        ('{"remark": "Dusty.", "ok": true, "none": null}', {"remark=dusty": 1, "ok=true": 1, "none=null": 1}),
        ('["bolt", "bolt", 3]', {"bolt": 2, "3": 1}),
        ('{"kinds": ["a", "b"]}', {"kinds=a": 1, "kinds=b": 1}),
        ('{"统计": [{"类别": "BBU", "品牌": {"华为": 2}}, {"类别": "线"}]}',
         {"统计/类别=bbu": 1, "统计/类别=bbu/品牌/华为": 2, "统计/类别=线": 1}),
        ('[{"a": 1}, [2]]', {"a": 1, "2": 1}),
        ('{"a": 0}', {}),
        ("{}", {}),
        ('{"a": 1.5}', {"a=1.5": 1}),
        ("7", {"7": 1}),
    ],
)  # fmt: skip
def test_items(text, items):
    assert dict(true_summary(text, GRAMMAR).items) == items


def test_a_pack_names_its_separator_where_labels_hold_commas():
    grammar = SummaryGrammar(separators=("，",))
    items = true_summary("bolt/rusty,loose×2，nut", grammar).items
    assert dict(items) == {"bolt rusty loose": 2, "nut": 1}


@pytest.mark.parametrize("text", ['{"a": 1', "[" * 100_000, "nothing", "7", '"a"', "9" * 5000])
def test_an_answer_that_is_not_json_where_it_should_be(text):
    answer = answered_summary(text, "json", GRAMMAR)
    assert not answer.is_valid
    assert not answer.items


def test_counts_by_hand():
    found = measures(
        ("bolt×3, nut×1", "bolt×3, nut×1"),  # Equal.
        ("bolt×3, nut×1", "nut×1，Bolt×3"),  # The same items.
        ("bolt×3, nut×1", "bolt×2, wire×4"),  # 2 of 4 and 6; total 2 too many.
        ('{"bolt": 2}', '{"bolt": 1}'),  # 1 of 2 and 1; one too few.
        ('{"bolt": 2}', '{"bolt": 2'),  # No JSON: nothing found; two too few.
    )
    assert (found.num_summaries, found.exact, found.same_items) == (5, 1, 2)
    assert (found.json_references, found.json_valid) == (2, 1)
    assert (found.items_matched, found.items_true, found.items_answered) == (
        4 + 4 + 2 + 1,
        16,
        4 + 4 + 6 + 1,
    )
    assert found.items.precision == 11 / 15
    assert found.items.recall == 11 / 16
    assert found.items.f1 == 22 / 31
    assert (found.labels_matched, found.labels_true, found.labels_answered) == (2 + 2 + 1 + 1, 8, 7)
    assert (found.count_abs_error, found.count_over, found.count_under) == (2 + 1 + 2, 1, 2)
    scalars = found.scalars()
    assert scalars["json_validity"] == 0.5
    assert scalars["count_mae"] == 1.0
    assert "irrelevant_recall" not in scalars


def test_irrelevant_pictures_are_counted_apart():
    found = measures(
        (IRRELEVANT, "Irrelevant image."),
        (IRRELEVANT, "<TASK=SUMMARY>\nirrelevant image"),
        (IRRELEVANT, "bolt×3"),
        (IRRELEVANT, '{"bolt": 2}'),
        ("bolt×1", IRRELEVANT),
        ('{"bolt": 1}', IRRELEVANT),
    )
    assert (found.irrelevant, found.irrelevant_correct, found.irrelevant_wrong) == (4, 2, 2)
    assert (found.items_matched, found.items_true, found.items_answered) == (0, 2, 5)
    assert found.same_items == 2
    assert (found.json_references, found.json_valid) == (1, 0)
    assert found.scalars()["irrelevant_recall"] == 0.5


def test_other_modes_and_missing_references_are_no_summaries():
    cut_off = summary("a", "b", finish_reason="length")
    found = summary_measures(counted(prediction([], []), summary(None, "bolt"), cut_off))
    assert (found.num_summaries, found.num_without_reference, found.num_truncated) == (1, 1, 1)
    empty = summary_measures(counted())
    assert empty.scalars() == {}
    assert empty.rows() == []
    assert empty.to_json()["counts"]["num_summaries"] == 0


@pytest.mark.parametrize("number", ["250", "1" * 40, "1" * 400, "1" * 5000])
@pytest.mark.parametrize("form", ['{"bolt": %s, "nut": 1}', "bolt×%s, nut"])
def test_a_number_without_end_decides_no_figure(form, number):
    number = number if form.startswith("{") else number[:9]
    found = measures((form % 2, form % number))
    assert (found.items_matched, found.items_true, found.items_answered) == (3, 3, 101)
    assert (found.same_items, found.count_abs_error, found.json_valid) == (
        0,
        98,
        found.json_references,
    )
    assert found.scalars()["item_f1"] == 2 * 3 / 104


def test_a_large_count_that_is_right_is_not_capped():
    found = measures(('{"bolt": 500}', '{"bolt": 500}'), ("bolt×500", "bolt×600"))
    assert (found.items_matched, found.items_answered, found.same_items) == (1000, 1000, 1)


def test_time_is_linear_in_white_space():
    def seconds(length):
        times = []
        for _ in range(3):
            start = time.process_time()
            plain_items("bolt" + " " * length + "y", GRAMMAR)
            times.append(time.process_time() - start)
        return min(times) + 1e-3

    assert seconds(8000) / seconds(1000) < 24


def test_order_and_split_change_nothing():
    rng = generator(1, "summary-order")
    texts = ["bolt×3, nut", "nut×2", "bolt×1，nut×1", '{"bolt": 2}', IRRELEVANT, '{"bolt"']
    items = [summary(str(rng.choice(texts)), str(rng.choice(texts)), row=i) for i in range(200)]
    expected = summary_measures(counted(*items))
    for ranks in (1, 2, 4):
        mixed = [items[int(i)] for i in rng.permutation(len(items))]
        parts = [counted(*mixed[rank::ranks]) for rank in range(ranks)]
        assert summary_measures(sum(parts, Counter())) == expected
    assert {row[0] for row in expected.rows()} >= {"item f1", "count mae", "item precision"}
