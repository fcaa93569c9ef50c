"""Policies and the command line: read = used + quarantined, and nothing is dropped silently."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.contract.__main__ import main
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import MAX_SHOWN_LINES, image_check, scan
from src.errors import RecordError
from src.utils.cli import run

GOOD = {"images": ["a.png"], "width": 20, "height": 10, "objects": []}
NEAR = GOOD | {"objects": [{"desc": "card", "bbox_2d": [0, 0, 20.5, 10]}]}
BAD = GOOD | {"objects": [{"desc": "", "bbox_2d": [0, 0, 50, 10]}]}


def write(folder: Path, *records: object) -> Path:
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_quarantine_leaves_bad_lines_out_and_keeps_their_reasons(tmp_path: Path) -> None:
    index = JsonlIndex.open(write(tmp_path, GOOD, BAD, NEAR, GOOD))
    report = scan(index, "quarantine", quarantine_path=tmp_path / "bad.jsonl")
    assert np.array_equal(report.rows, [0, 3])
    assert (report.num_read, report.num_quarantined, report.num_fixed) == (4, 2, 0)
    assert dict(report.by_rule) == {"empty-text": 1, "outside": 1, "outside-tolerance": 1}
    aside = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert [item["line"] for item in aside] == [2, 3]
    assert [json.loads(item["text"]) for item in aside] == [BAD, NEAR]
    assert [issue["rule"] for issue in aside[0]["issues"]] == ["empty-text", "outside"]


def test_fix_mends_what_it_declares_and_stops_at_the_rest(tmp_path: Path) -> None:
    report = scan(JsonlIndex.open(write(tmp_path, GOOD, NEAR)), "fix")
    assert np.array_equal(report.rows, [0, 1])
    assert report.num_fixed == 1
    with pytest.raises(RecordError) as caught:
        scan(JsonlIndex.open(write(tmp_path, GOOD, NEAR, BAD)), "fix")
    assert {issue.where.rpartition(":")[2] for issue in caught.value.issues} == {"3"}


def test_fail_lists_the_first_lines_and_counts_the_rest(tmp_path: Path) -> None:
    index = JsonlIndex.open(write(tmp_path, *[BAD] * (MAX_SHOWN_LINES + 7)))
    with pytest.raises(RecordError, match="7 more bad lines") as caught:
        scan(index, "fail")
    assert len(caught.value.issues) == 2 * MAX_SHOWN_LINES + 1


@pytest.mark.parametrize("policy", ["fail", "quarantine", "fix"])
def test_an_empty_file_reads_nothing(policy: str, tmp_path: Path) -> None:
    report = scan(JsonlIndex.open(write(tmp_path)), policy)  # type: ignore[arg-type]
    assert report.num_read == 0


def test_images_are_found_decoded_and_measured(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "a.png").read_bytes()[:-9])
    records = [
        GOOD,
        GOOD | {"height": 20},
        GOOD | {"images": ["torn.png"]},
        GOOD | {"images": ["no.png"]},
    ]
    index = JsonlIndex.open(write(tmp_path, *records))
    report = scan(index, "quarantine", check=image_check(ImageResolver(tmp_path)))
    assert np.array_equal(report.rows, [0])
    assert dict(report.by_rule) == {"image-file": 1, "image-missing": 1, "image-size": 1}
    size = next(issue for issue in report.shown if issue.rule == "image-size")
    assert "20x20" in size.got
    assert "20x10" in size.got
    assert all("a.jsonl:" in issue.where for issue in report.shown)


@pytest.mark.parametrize(
    ("records", "options", "code"),
    [
        ([GOOD], [], 0),
        ([GOOD, BAD], [], 1),
        ([GOOD, NEAR], [], 1),
        ([GOOD, NEAR], ["--policy", "fix"], 0),
        ([GOOD, BAD], ["--policy", "fix"], 1),
        ([GOOD, BAD], ["--policy", "quarantine"], 0),
        ([BAD], ["--policy", "quarantine"], 1),
        ([GOOD], ["--images"], 1),
    ],
)
def test_the_exit_code_follows_the_policy(
    records: list[object], options: list[str], code: int, tmp_path: Path
) -> None:
    assert run(main, ["check", str(write(tmp_path, *records)), *options]) == code


def test_the_check_prints_json_with_every_issue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, GOOD, BAD)
    aside = tmp_path / "bad.jsonl"
    assert run(main, ["check", str(path), "--json", "--quarantine-out", str(aside)]) == 1
    summary = json.loads(capsys.readouterr().out)[str(path)]
    assert (summary["read"], summary["good"], summary["bad"]) == (2, 1, 1)
    assert [issue["path"] for issue in summary["issues"]] == [
        "objects[0].desc",
        "objects[0].bbox_2d[2]",
    ]
    assert len(aside.read_text().splitlines()) == 1


def test_wrong_usage_and_missing_files_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write(tmp_path, GOOD))
    assert run(main, ["check", path, path, "--quarantine-out", "x"]) == 2
    assert run(main, ["check", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        run(main, ["check", path, "--polic", "fix"])
    assert caught.value.code == 2
