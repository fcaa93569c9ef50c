"""Chat corpora become records that the contract accepts; what does not is quarantined with its reason."""

import json

import pytest

from public_data.__main__ import main
from src.errors import DataError, UsageError
from tests.public_data.making import read_lines, tree, write_lines

QUESTION = {"role": "user", "content": "Q"}
ANSWER = {"role": "assistant", "content": "A"}
GOOD = [
    ({"instruction": "Add.", "input": "1 and 2", "output": "3"}, ["Add.\n1 and 2", "3"]),
    ({"instruction": "Hi", "input": "", "output": "Hello", "system": "Be kind."}, ["Be kind.", "Hi", "Hello"]),
    (
        {"instruction": "And 3?", "output": "6", "history": [["1 and 2?", "3"]]},
        ["1 and 2?", "3", "And 3?", "6"],
    ),
    (
        {"conversations": [{"from": "human", "value": "Q1"}, {"from": "gpt", "value": "A1"}], "id": 7},
        ["Q1", "A1"],
    ),
    (
        {"messages": [{"role": "system", "content": "S"}, QUESTION, {**ANSWER, "loss": True}]},
        ["S", "Q", "A"],
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a\n"}, {"type": "text", "text": "b"}]}, ANSWER]},
        ["a\nb", "A"],
    ),
]  # fmt: skip
BAD = [
    ({"instruction": "x", "output": ""}, "empty-text"),
    ({"messages": [QUESTION, {"role": "assistant", "content": "  "}]}, "empty-text"),
    ({"messages": [QUESTION, {"role": "assistant", "content": "<|im_end|>"}]}, "special-token"),
    ({"messages": [{"role": "user", "content": "<image>\nwhat?"}, ANSWER]}, "special-token"),
    ({"messages": [QUESTION]}, "message"),
    ({"messages": [QUESTION, {"role": "tool", "content": "x"}, ANSWER]}, "chat-role"),
    ({"messages": [QUESTION, {**ANSWER, "tool_calls": [{}]}]}, "chat-tools"),
    ({"messages": [QUESTION, ANSWER], "images": ["a.png"]}, "chat-media"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, ANSWER]}, "chat-media"),
    ({"messages": [QUESTION, {**ANSWER, "content": [{"type": "text", "text": None}]}]}, "chat-form"),
    ({"messages": [QUESTION, {**ANSWER, "content": [{"type": "text", "text": 5}]}]}, "chat-form"),
    ({"messages": [QUESTION, {**ANSWER, "content": None}]}, "type"),
    ({"instruction": "x", "input": 0, "output": "y"}, "chat-form"),
    ({"instruction": "x", "output": "y", "system": False}, "type"),
    ({"messages": [QUESTION, ANSWER], "instruction": "x", "output": "y"}, "chat-form"),
    ({"prompt": "x"}, "chat-form"),
    ({"instruction": ["x"], "output": "y"}, "chat-form"),
    ({"instruction": "x", "output": 5}, "type"),
    ({"instruction": "x", "output": "y", "history": [["only one"]]}, "chat-form"),
    ({"conversations": []}, "chat-form"),
    ({"conversations": ["x"]}, "chat-form"),
    ([1], "chat-form"),
    (GOOD[0][0], "chat-duplicate"),
    ({"instruction": "x" * 600, "output": "y"}, "chat-length"),
]  # fmt: skip


def run(file, out, *words):
    return main(["chat", str(file), "--out", str(out), *words])


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_every_entry_is_a_record_or_has_a_reason(tmp_path, capsys, suffix):
    entries = [entry for entry, _ in (*GOOD, *BAD)]
    file = tmp_path / f"corpus.{suffix}"
    if suffix == "jsonl":
        write_lines(file, entries)
    else:
        file.write_text(json.dumps(entries))
    out = tmp_path / "out"
    assert run(file, out, "--max-characters", "500", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    records = read_lines(out / "train.jsonl")
    assert [[m["content"] for m in r["messages"]] for r in records] == [turns for _, turns in GOOD]
    assert all(record["metadata"] == {"source": "corpus"} for record in records)
    quarantined = read_lines(out / "quarantine.jsonl")
    rules = [line["issues"][0]["rule"] for line in quarantined]
    assert rules == [rule for _, rule in BAD]
    assert [json.loads(line["text"]) for line in quarantined] == [entry for entry, _ in BAD]
    assert [line["line"] for line in quarantined] == list(range(len(GOOD) + 1, len(entries) + 1))
    assert report["read"] == report["written"] + report["quarantined"] == len(entries)
    assert report["fields_left_out"] == {"id": 1, "turn.loss": 1}
    assert report["forms"] == {"alpaca": 3, "openai": 2, "sharegpt": 1}
    assert main(["validate", str(out / "train.jsonl")]) == 0


def pairs(count):
    return [{"instruction": f"What is {n} + 1?", "output": str(n + 1)} for n in range(count)]


def test_the_split_is_exact_seeded_and_independent_of_order(tmp_path):
    file = write_lines(tmp_path / "c.jsonl", pairs(100))
    back = write_lines(tmp_path / "back" / "c.jsonl", reversed(pairs(100)))
    for name, source, seed in (("a", file, 1), ("b", back, 1), ("c", file, 2)):
        run(source, tmp_path / name, "--val-ratio", "0.25", "--seed", str(seed))
    parts = {n: set((tmp_path / n / "val.jsonl").read_text().splitlines()) for n in "abc"}
    assert [len(part) for part in parts.values()] == [25, 25, 25]
    assert parts["a"] == parts["b"] != parts["c"]
    train = set((tmp_path / "a" / "train.jsonl").read_text().splitlines())
    assert len(train) == 75
    assert not train & parts["a"]


def test_a_second_run_writes_the_same(tmp_path):
    file = write_lines(tmp_path / "c.jsonl", pairs(10))
    run(file, tmp_path / "out", "--val-ratio", "0.1", "--source", "sums")
    before = tree(tmp_path / "out")
    run(file, tmp_path / "out", "--val-ratio", "0.1", "--source", "sums")
    assert tree(tmp_path / "out") == before
    assert read_lines(tmp_path / "out" / "val.jsonl")[0]["metadata"] == {"source": "sums"}


def test_no_held_out_part_of_an_earlier_run_stays(tmp_path):
    """Fault: what an earlier run held out is trained on, and still lies there as val.jsonl."""
    file = write_lines(tmp_path / "c.jsonl", pairs(10))
    run(file, tmp_path / "out", "--val-ratio", "0.2")
    run(file, tmp_path / "out")
    assert len(read_lines(tmp_path / "out" / "train.jsonl")) == 10
    assert not (tmp_path / "out" / "val.jsonl").exists()


def test_no_usable_entry_is_a_failure(tmp_path):
    assert run(write_lines(tmp_path / "c.jsonl", [{"x": 1}]), tmp_path / "out") == 1


def test_broken_files(tmp_path):
    file = tmp_path / "c.json"
    with pytest.raises(DataError, match="does not exist"):
        run(file, tmp_path / "out")
    file.write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        run(file, tmp_path / "out")
    file.write_text("{}")
    with pytest.raises(DataError, match="list of entries"):
        run(file, tmp_path / "out")
    with pytest.raises(UsageError):
        run(file, tmp_path / "out", "--val-ratio", "1")
    lines = tmp_path / "c.jsonl"
    lines.write_text('{"instruction": "x", "output": "y"}\n\n{broken\n')
    assert run(lines, tmp_path / "out") == 0
    (bad,) = read_lines(tmp_path / "out" / "quarantine.jsonl")
    assert (bad["line"], bad["issues"][0]["rule"]) == (3, "json")
