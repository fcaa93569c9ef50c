"""C3: a conversion's bytes do not depend on the number of workers or the order in which folders list their files.

Faults that it catches: results in the order in which workers finish, work cut by their number, an unsorted listing. Planted:
results in order of completion.
"""

from __future__ import annotations

import pytest

from tests.reliability.conversions import Case, made_voc, run_cases


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return made_voc(tmp_path_factory.mktemp("workers") / "voc", 64)


def test_two_workers_and_shuffled_folders_change_nothing_and_the_planted_fault_is_seen(
    source, tmp_path
):
    cases = [Case(workers=2, listing=3), Case(fault="completion order")]
    same, planted = run_cases(source, tmp_path, cases)
    assert same.is_equal
    assert not planted.is_equal


@pytest.mark.full
def test_no_number_of_workers_changes_anything(source, tmp_path):
    cases = [
        Case(workers=workers, listing=listing)
        for workers, listing in ((1, 1), (2, 0), (4, 2), (8, 0), (8, 5))
    ]
    assert all(result.is_equal for result in run_cases(source, tmp_path, cases))
