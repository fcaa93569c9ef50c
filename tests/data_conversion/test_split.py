"""The split: groups whole, labels in alike shares, tiny sets spread over labels; seeded and exact."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_conversion.pipeline.split import (
    Member,
    draw_split,
    draw_tiny,
    largest_deviation,
    val_share,
)
from src.rng import generator


def members(count, num_labels=6, group_size=1):
    rng = generator(5, "members")
    return [
        Member(
            key=f"k{number}",
            group=f"g{number // group_size}",
            labels=tuple(label for label in range(num_labels) if rng.random() < 0.5 / (label + 1)),
        )
        for number in range(count)
    ]


def test_single_images_give_the_exact_number_and_labels_their_share():
    made = members(1000)
    split = draw_split(made, 0.2, 17)
    assert Counter(split.values()) == {"train": 800, "val": 200}
    worst = largest_deviation(made, split)
    assert worst is not None
    assert worst.deviation < 0.01
    by_chance = {m.key: "val" if int(m.key[1:]) < 200 else "train" for m in made}
    assert largest_deviation(made, by_chance).deviation > 2 * worst.deviation


def test_a_group_never_lies_on_both_sides():
    made = members(300, group_size=7)
    split = draw_split(made, 0.25, 17)
    sides = {}
    for member in made:
        sides.setdefault(member.group, set()).add(split[member.key])
    assert all(len(found) == 1 for found in sides.values())
    assert abs(sum(side == "val" for side in split.values()) - 75) < 7


def test_order_changes_nothing_and_the_seed_does():
    made = members(200)
    assert draw_split(made[::-1], 0.1, 17) == draw_split(made, 0.1, 17)
    assert draw_split(made, 0.1, 18) != draw_split(made, 0.1, 17)
    assert draw_tiny(made[::-1], 20, 17) == draw_tiny(made, 20, 17)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sets(st.integers(0, 4))), max_size=40),
    st.floats(0.01, 0.99),
)
def test_every_key_has_a_side_and_no_side_is_empty_without_need(images, ratio):
    made = [
        Member(key=str(number), group=str(group), labels=tuple(sorted(labels)))
        for number, (group, labels) in enumerate(images)
    ]
    split = draw_split(made, ratio, 3)
    assert split.keys() == {member.key for member in made}
    if len({member.group for member in made}) > 1:
        assert set(split.values()) == {"train", "val"}


@pytest.mark.parametrize("count", [5, 20, 400])
def test_tiny_sets_show_every_label(count):
    made = members(count)
    chosen = draw_tiny(made, 20, 17)
    assert len(chosen) == min(20, count)
    shown = {label for member in made if member.key in chosen for label in member.labels}
    assert shown == {label for member in made for label in member.labels}


def test_a_large_group_does_not_fill_validation():
    sites = {
        "A": (20, lambda n: (0, 1)),
        "B": (200, lambda n: (0, 1) if n == 0 else (1,)),
        "C": (5, lambda n: (1,)),
    }
    made = [
        Member(key=f"{site}{number}", group=site, labels=labels(number))
        for site, (count, labels) in sites.items()
        for number in range(count)
    ]
    assert Counter(draw_split(made, 0.1, 17).values()) == {"train": 205, "val": 20}


def test_sizes_of_uneven_groups_come_near_the_ratio():
    rng = generator(5, "uneven groups")
    off = 0
    for _ in range(200):
        sizes = [1 + int(rng.pareto(1.0) * 5) % 200 for _ in range(30)]
        made = [
            Member(key=f"{group} {number}", group=str(group), labels=(int(rng.integers(4)),))
            for group, size in enumerate(sizes)
            for number in range(size)
        ]
        share = val_share(made, draw_split(made, 0.1, 17))
        off += abs(share - 0.1) > 0.05
    assert off <= 2
