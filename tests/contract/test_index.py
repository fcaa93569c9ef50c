"""The byte-offset index against plain reading."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path

import pytest

from src.contract import index as index_module
from src.contract.index import JsonlIndex
from src.errors import DataError, RecordError
from src.rng import generator

LINE = b'{"images":["a.jpg"],"width":9,"height":9,"objects":[]}'


def random_lines(seed: int) -> list[bytes]:
    rng = generator(seed, "index")
    return [
        bytes(rng.integers(97, 123, int(length), dtype="u1")) for length in rng.integers(0, 40, 200)
    ]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("last", [b"", b"last"])
def test_lines_are_those_of_the_file(
    ending: bytes, chunk: int, last: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "CHUNK", chunk)
    lines = [*random_lines(3), b"x"]
    path = tmp_path / "a.jsonl"
    path.write_bytes(ending.join([*lines, last]))
    expected = lines + [last] * bool(last)
    for _ in range(2):  # built, then from the cache
        index = JsonlIndex.open(path)
        assert [index.line(row) for row in range(len(index))] == expected
        assert list(index.lines()) == list(enumerate(expected))
    assert index.source(4).line == 5


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 0),
        (b"\n", 0),
        (b"a", 1),
        (b"a\n", 1),
        (b"a\n\n", 1),
        (b"a\r\n\r\n", 1),
        (b"\na\n", 2),
        (b"a\n\n\n", 2),
    ],
)
def test_one_blank_line_at_the_end_means_nothing(data: bytes, count: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    index = JsonlIndex.open(path)
    assert len(index) == count
    assert len(list(index.lines())) == count


def test_a_blank_line_between_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE + b"\n\n" + LINE + b"\n")
    with pytest.raises(RecordError, match=r"a\.jsonl:2"):
        JsonlIndex.open(path).record(1)


def test_rows_outside_are_a_programmers_mistake(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE)
    for row in (-1, 1):
        with pytest.raises(IndexError):
            JsonlIndex.open(path).line(row)


def test_a_changed_file_is_refused_and_indexed_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE + b"\n")
    index = JsonlIndex.open(path)
    assert index.line(0) == LINE
    pickled = pickle.dumps(index)
    with path.open("ab") as handle:
        handle.write(LINE + b"\n")
    for read in (lambda: index.line(0), lambda: list(index.lines()), lambda: pickle.loads(pickled)):
        with pytest.raises(DataError, match="changed after it was indexed"):
            read()
    assert len(JsonlIndex.open(path)) == 2


def test_a_changed_time_alone_renews_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"aaa\nb\n")
    JsonlIndex.open(path)
    path.write_bytes(b"a\nbbb\n")
    os.utime(path, ns=(1, 1))
    assert JsonlIndex.open(path).line(0) == b"a"


@pytest.mark.parametrize("damage", [b"", b"x" * 10, b"JSONLIDX9\n" + b" " * 200])
def test_a_damaged_cache_is_built_again(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"a\nb\n")
    JsonlIndex.open(path)
    (tmp_path / ".a.jsonl.index").write_bytes(damage)
    assert [JsonlIndex.open(path).line(row) for row in (0, 1)] == [b"a", b"b"]


def test_a_folder_that_cannot_be_written_needs_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DataError.say("read-only")

    monkeypatch.setattr(index_module, "_write_cache", refuse)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"a\nb\n")
    assert JsonlIndex.open(path).line(1) == b"b"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none"):
        JsonlIndex.open(tmp_path / "none.jsonl")


def _read(index: JsonlIndex, row: int) -> bytes:
    return index.line(row)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_share_an_index(method: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(b"%d\n" % row for row in range(50)))
    index = JsonlIndex.open(path)
    assert index.line(3) == b"3"
    with multiprocessing.get_context(method).Pool(2) as pool:
        read = pool.starmap(_read, [(index, row) for row in range(50)])
    assert read == [b"%d" % row for row in range(50)]
