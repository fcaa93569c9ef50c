"""One prediction by several ranks: whole batches are dealt, the file does not depend on their number."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.errors import DataError
from src.generation.journal import Journal
from src.generation.prediction import jsonl_items, predict
from src.generation.ranks import ALONE, Ranks, ranks_of_launch
from tests.reliability.killed_predictions import SETTINGS, BatchedEngine, journal_settings


class Interrupted(BatchedEngine):
    """Answers so many batches, then fails."""

    def __init__(self, log, batches):
        super().__init__(log)
        self.left = batches

    def generate(self, requests, options):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().generate(requests, options)


@pytest.fixture
def items(scenes):
    return jsonl_items(scenes / "val.jsonl")


def predict_by(count, items, out, log, **options):
    """`count` ranks as threads; what torchrun's processes do, met at a barrier."""
    barrier = threading.Barrier(count)
    ranks = [
        Ranks(rank=rank, world_size=count, meet=lambda: barrier.wait(30)) for rank in range(count)
    ]
    with ThreadPoolExecutor(count) as pool:
        done = [
            pool.submit(predict, items, BatchedEngine(log), SETTINGS, out, ranks=each, **options)
            for each in ranks
        ]
        return [each.result() for each in done]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_file_does_not_depend_on_the_number_of_ranks(items, tmp_path, count):
    """The engine's answers depend on the batch: a batch cut by the ranks would show."""
    whole = predict(items, BatchedEngine(tmp_path / "log"), SETTINGS, tmp_path / "one" / "p.jsonl")
    log = tmp_path / "log-of-many"
    predict_by(count, items, tmp_path / "many" / "p.jsonl", log)
    assert (tmp_path / "many" / "p.jsonl").read_bytes() == whole.read_bytes()
    assert sorted(map(int, log.read_text().split())) == list(range(len(items)))
    assert [path.name for path in (tmp_path / "many").iterdir()] == ["p.jsonl"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_run_goes_on_with_another_number_of_ranks(items, tmp_path, count):
    whole = predict(items, BatchedEngine(tmp_path / "log"), SETTINGS, tmp_path / "one" / "p.jsonl")
    out = tmp_path / "many" / "p.jsonl"
    # Rank 2 of 4 did its batch, rank 0 of 4 its first, then all were ended.
    for rank, batches in ((2, 1), (0, 1)):
        met = []

        def meet(met=met):
            met.append(None)
            if len(met) == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            predict(items, Interrupted(tmp_path / "log", batches), SETTINGS, out,
                    ranks=Ranks(rank=rank, world_size=4, meet=meet))  # fmt: skip
    journal = Journal(out=out, settings=journal_settings())
    assert [path.name for path in journal.files()] == ["p.jsonl.partial", "p.jsonl.partial.2"]
    assert sorted(journal.done()) == [0, 1, 2, 6, 7, 8]
    log = tmp_path / "log-of-the-rest"
    predict_by(count, items, out, log)
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(map(int, log.read_text().split())) == [3, 4, 5, 9, 10, 11]
    assert [path.name for path in out.parent.iterdir()] == ["p.jsonl"]


def test_restart_discards_the_files_of_all_ranks(items, tmp_path):
    out = tmp_path / "p.jsonl"
    for rank in (0, 3):
        with Journal(out=out, settings={"other": 1}).writer(rank):
            pass
    with pytest.raises(DataError, match="other settings"):
        predict(items, BatchedEngine(tmp_path / "log"), SETTINGS, out)
    predict_by(2, items, out, tmp_path / "log", restart=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "p.jsonl"]


def test_a_missing_item_and_a_damaged_line_are_told(tmp_path):
    journal = Journal(out=tmp_path / "p.jsonl", settings={})
    with journal.writer(0) as writer:
        writer.add({0: b"{}\n", 2: b"{}\n"})
    with pytest.raises(DataError, match="1 of 3 items are missing"):
        journal.finish(3)
    with journal.file(0).open("ab") as handle:
        handle.write(b"noise\n")
    with pytest.raises(DataError, match="is damaged"):
        journal.done()


def test_alone_without_torchrun(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert ranks_of_launch() is ALONE
