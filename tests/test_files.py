"""A file is complete or absent, whatever interrupts its writing."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from src import files
from src.errors import DataError
from src.files import append_line, atomic_write, file_digest, write_bytes, write_text

REPOSITORY = Path(__file__).parents[1]


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "eins\nzwei \u4e03\n")
    write_bytes(tmp_path / "new" / "b.bin", b"\r\n\x00")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "eins\nzwei \u4e03\n".encode()
    assert (tmp_path / "new" / "b.bin").read_bytes() == b"\r\n\x00"
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.txt", "b.bin"]


def test_an_error_inside_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic_write(target) as handle:
            handle.write("half of the n")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("name", ["fsync", "replace", "chmod"])
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "a.txt"
    target.write_text("old")
    monkeypatch.setattr(files.os, name, full)
    with pytest.raises(DataError, match="No space left on device") as caught:
        write_text(target, "new")
    assert len(caught.value.issues) == 1
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "x")
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_the_file_is_flushed_to_disk_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            files.os, name, lambda *a, n=name, r=real, **k: (calls.append(n), r(*a, **k))[1]
        )
    write_text(tmp_path / "a.txt", "x")
    assert calls[:2] == ["fsync", "replace"]


WRITER = """
import sys
from src.files import write_text
for number in range(10**9):
    write_text(sys.argv[1], str(number % 10) * 200_000)
    if not number:
        print("begun", flush=True)
"""


def test_a_killed_writer_leaves_a_complete_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    for delay in (0.0, 0.013, 0.031):
        command = [sys.executable, "-c", WRITER, str(target)]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
        text = target.read_text()
        assert len(text) == 200_000
        assert len(set(text)) == 1


APPENDER = """
import sys
from src.files import append_line
for number in range(300):
    append_line(sys.argv[1], sys.argv[2].encode() * 3000)
"""


def test_lines_of_several_processes_never_mix(tmp_path: Path) -> None:
    """The fault: a line written in pieces, or without O_APPEND."""
    target = tmp_path / "logs" / "lines.jsonl"
    children = [
        subprocess.Popen([sys.executable, "-c", APPENDER, str(target), letter], cwd=REPOSITORY)
        for letter in "abc"
    ]
    assert [child.wait() for child in children] == [0, 0, 0]
    lines = target.read_text().splitlines()
    assert sorted(lines) == [letter * 3000 for letter in "abc" for _ in range(300)]


def test_an_unfinished_line_spoils_no_other(tmp_path: Path) -> None:
    target = tmp_path / "lines.jsonl"
    append_line(target, b"one")
    with target.open("ab") as handle:
        handle.write(b"torn by a ki")
    append_line(target, b"two")
    assert target.read_bytes() == b"one\ntorn by a ki\ntwo\n"


def test_a_line_that_cannot_be_written_is_one_sentence() -> None:
    with pytest.raises(DataError, match="cannot append to"):
        append_line("/dev/full", b"x")


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x" * (3 << 20))
    second.write_bytes(b"x" * (3 << 20))
    assert file_digest(first) == file_digest(second)
    second.write_bytes(b"x" * (3 << 20) + b"y")
    assert file_digest(first) != file_digest(second)
