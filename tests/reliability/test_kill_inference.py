"""C6 for `src.predict`: killed at 20 points, it goes on to the very same file and computes no finished batch again.

Faults: a torn last line that stays in the journal; batches cut from what is left instead of from the whole list (answers in
bfloat16 depend on the batch).
"""

import json
from collections import Counter

import pytest

from tests.reliability.killed_predictions import BATCH
from tests.training_fixtures import run_module


def problems(results):
    """What is wrong, by point."""
    found = []
    for r in results:
        counts = Counter(item // BATCH for item in r["done"])
        full = {batch for batch, count in counts.items() if count == BATCH}
        if r["resumed"] != 0 or not r["equal"]:
            found.append(f"{r['what']}: not the same file")
        elif full & {item // BATCH for item in r["again"]}:
            found.append(f"{r['what']}: a finished batch was computed again")
        elif r["left"] != ["log", "p.jsonl"]:
            found.append(f"{r['what']}: {r['left']} stay")
    return found


@pytest.fixture(scope="module")
def results(scenes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    run_module("tests.reliability.killed_predictions", str(folder), str(scenes / "val.jsonl"))
    return json.loads((folder / "results.json").read_text())


def test_twenty_kills_lead_to_the_same_file(results):
    whole = results[""]
    print(f"C6: {len(whole) - len(problems(whole))}/{len(whole)} kills end in the same file")
    assert len(whole) == 20
    assert {r["status"] for r in whole} == {-9}
    assert problems(whole) == []
    # The points differ: nothing done, torn in the middle of a batch, all done.
    counts = {len(r["done"]) for r in whole}
    assert counts >= {0, 3, 6, 9, 12}
    assert any(count % BATCH for count in counts)


def test_the_file_is_complete_or_absent(results):
    assert [r["what"] for r in results[""] if r["early"]] == [
        "before the journal is removed", "before its file is removed",
    ]  # fmt: skip


@pytest.mark.parametrize("fault", ["torn tail", "batches of the rest"])
def test_the_check_sees_planted_faults(results, fault):
    assert len(problems(results[fault])) >= 2
