"""How many images and pairs of objects are compared at a time, by whatever measure."""

import pytest

from src.evaluation import chunks, located, pairs
from src.evaluation.image_counts import count_images
from tests.evaluation.cases import EXACT, box, prediction

CROWDED = [prediction([box(0, 0, 9, 9)] * 5, [box(0, 0, 9, 9)] * 5, row=row) for row in range(8)]


def test_a_chunk_ends_at_either_limit(monkeypatch):
    monkeypatch.setattr(chunks, "MAX_IMAGES", 3)
    assert [len(part) for part in chunks.chunks(CROWDED)] == [3, 3, 2]
    monkeypatch.setattr(chunks, "MAX_PAIRS", 100)  # An image has (5 + 5) 5.
    assert [len(part) for part in chunks.chunks(CROWDED)] == [2, 2, 2, 2]
    assert list(chunks.chunks([])) == []


@pytest.mark.parametrize(
    "compared",
    [
        lambda: list(count_images(CROWDED, EXACT)),
        lambda: list(located.located_pairs(CROWDED, EXACT)),
        lambda: list(located.overlaps_by_image(CROWDED, EXACT, 0.3)),
    ],
)
def test_every_comparison_is_bounded(compared, monkeypatch):
    largest = []
    all_pairs = pairs._all_pairs

    def seen(first, second):
        rows, columns = all_pairs(first, second)
        largest.append(len(rows))
        return rows, columns

    monkeypatch.setattr(pairs, "_all_pairs", seen)
    expected = compared()
    monkeypatch.setattr(chunks, "MAX_PAIRS", 100)
    largest.clear()
    assert compared() == expected
    assert max(largest) <= 100
