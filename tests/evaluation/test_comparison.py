"""Paired comparisons by hand and against a plain permutation test."""

import itertools
import time
from dataclasses import replace

import pytest

from src.errors import DataError
from src.evaluation.comparison import compare, sign_test
from src.evaluation.report import evaluate
from tests.evaluation.cases import CONFIG, EXACT, box, prediction, random_predictions

BOXES = ("bbox_2d",)
HIT, MISS = box(0, 0, 9, 9), box(50, 50, 59, 59)


def side(*answers, truth=(HIT,)):
    return [
        prediction(truth, found, row=row, image=f"{row}.png") for row, found in enumerate(answers)
    ]


def by_name(comparison):
    return {item.name: item for item in comparison.differences}


def test_who_won():
    found = compare(side([HIT], [], [HIT], [HIT, MISS]), side([MISS], [HIT], [HIT], [HIT]), CONFIG)
    assert [duel.verdict for duel in found.duels] == ["won", "lost", "tied", "lost"]
    assert [(duel.f1_a, duel.f1_b) for duel in found.duels][3] == (pytest.approx(2 / 3), 1)
    f1 = by_name(found)["f1_50"]
    assert (f1.a, f1.b) == (2 * 3 / (4 + 4), 2 * 3 / (4 + 4))
    assert f1.difference == 0
    assert f1.p_value == 1
    assert found.sign_test_p == 1


@pytest.mark.parametrize(
    ("won", "lost", "p"),
    [(0, 0, 1), (1, 0, 1), (3, 0, 0.25), (0, 5, 1 / 16), (4, 1, 0.375), (2, 2, 1), (2000, 0, 0)],
)
def test_sign_tests(won, lost, p):
    assert sign_test(won, lost) == pytest.approx(p, abs=1e-12)


def test_sign_tests_of_many_images_are_quick():
    start = time.process_time()
    assert sign_test(10_000, 10_000) == 1
    assert sign_test(10_300, 9_700) == pytest.approx(2.3e-5, rel=0.05)
    assert time.process_time() - start < 2


def test_a_file_against_itself_is_a_tie_without_a_difference():
    items = list(random_predictions(60, seed=3, kinds=BOXES))
    found = compare(items, items, CONFIG)
    assert {duel.verdict for duel in found.duels} == {"tied"}
    for item in found.differences:
        assert (item.difference, item.low, item.high, item.p_value) == (0, 0, 0, 1)


def test_values_are_those_of_the_evaluations_and_sides_may_change_places():
    first = list(random_predictions(60, seed=3, kinds=BOXES))
    second = [replace(p, objects=p.objects[:2]) for p in first]
    found, other = compare(first, second, CONFIG), compare(second, first, CONFIG)
    scalars = [evaluate(items, EXACT).scalars() for items in (first, second)]
    for name, item in by_name(found).items():
        if name in scalars[0]:
            assert item.a == pytest.approx(scalars[0][name], abs=1e-12)
            assert item.b == pytest.approx(scalars[1][name], abs=1e-12)
        turned = by_name(other)[name]
        assert turned.difference == -item.difference
        # Other coins are thrown for the other order of sides.
        assert turned.p_value == pytest.approx(item.p_value, abs=0.06)


def test_p_values_are_those_of_all_permutations():
    answers = [([HIT], [MISS]), ([HIT], []), ([HIT], [HIT, MISS]), ([MISS], [HIT]), ([HIT], [])]
    first, second = side(*(a for a, _ in answers)), side(*(b for _, b in answers))

    def difference(swaps):
        sides = [
            [(b if swap else a) for a, b, swap in zip(first, second, swaps, strict=True)],
            [(a if swap else b) for a, b, swap in zip(first, second, swaps, strict=True)],
        ]
        return (
            evaluate(sides[0], EXACT).scalars()["f1_50"]
            - evaluate(sides[1], EXACT).scalars()["f1_50"]
        )

    real = difference([False] * 5)
    every = [difference(swaps) for swaps in itertools.product([False, True], repeat=5)]
    exact = sum(abs(d) >= abs(real) - 1e-12 for d in every) / len(every)
    found = compare(first, second, replace(CONFIG, bootstrap_draws=4000))
    assert by_name(found)["f1_50"].p_value == pytest.approx(exact, abs=0.03)
    assert by_name(found)["f1_50"].difference == pytest.approx(real)


def test_order_of_images_and_rows_changes_nothing():
    first = list(random_predictions(60, seed=3, kinds=BOXES))
    second = [replace(p, objects=p.objects[1:]) for p in first]
    expected = compare(first, second, CONFIG).differences
    assert compare(first[::-1], second, CONFIG).differences == expected
    renumbered = [[replace(p, row=900 - p.row) for p in items] for items in (first, second)]
    assert compare(*renumbered, CONFIG).differences == expected


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (side([HIT], [HIT]), side([HIT]), "row 1 (1.png) is not in b.jsonl"),
        (side([HIT]), side([HIT], [HIT]), "row 1 (1.png) is not in a.jsonl"),
        (side([HIT]), side([HIT], truth=(MISS,)), "has another truth than in a.jsonl"),
        (side([HIT]) * 2, side([HIT]), "is there twice"),
        (
            side([HIT]),
            [replace(p, mode="summary") for p in side([])],
            "in another mode than in a.jsonl",
        ),
        (side([], truth=None), side([], truth=None), "no image has a truth"),
        ([], [], "no image has a truth"),
    ],
)
def test_files_that_do_not_pair_are_errors(first, second, message):
    def filled(items):
        return [replace(p, truth=None) if p.truth is None else p for p in items]

    with pytest.raises(DataError) as error:
        compare(filled(first), filled(second), CONFIG, names=("a.jsonl", "b.jsonl"))
    assert message in str(error.value)
    assert ".jsonl" in str(error.value)
    assert "->" in str(error.value)


def test_many_images_that_do_not_pair_are_counted():
    with pytest.raises(DataError, match="and 7 images more"):
        compare(side(*[[HIT]] * 12), [], CONFIG)
