"""A data set as it is: drawn, sampled by a seed, and what is broken listed instead of hidden."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from src.errors import DataError, UsageError
from tests.report.pages import page_data
from vis_tools.vis_dataset import chosen_rows, main


@pytest.fixture
def jsonl(tmp_path):
    (tmp_path / "images").mkdir()
    lines = []
    for number in range(6):
        pixels = np.full((30, 40, 3), 20 * number, np.uint8)
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), pixels)
        objects = [{"desc": "dot", "bbox_2d": [1, 2, 11, 12]}] * (number % 3)
        lines.append(
            {"images": [f"images/{number}.png"], "width": 40, "height": 30, "objects": objects}
        )
    lines[4] = {"images": ["images/4.png"], "width": 40, "height": 30, "summary": "two dots"}
    path = tmp_path / "data.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_records_are_shown_and_broken_ones_listed(jsonl, tmp_path, capsys):
    with jsonl.open("a") as handle:
        handle.write('{"images": ["images/0.png"], "width": 40}\n')
        handle.write('{"images": ["images/lost.png"], "width": 40, "height": 30, "objects": []}\n')
    out = tmp_path / "page.html"
    assert main(["--jsonl", str(jsonl), "--out", str(out)]) == 0
    assert "6 of 8 records" in capsys.readouterr().out
    data = page_data(out)
    assert [len(sample["truth"]) for sample in data["samples"]] == [0, 1, 2, 0, 0, 2]
    assert data["samples"][4]["summary"] == "two dots"
    assert not any(sample["hasPrediction"] for sample in data["samples"])
    (problems,) = [table for table in data["tables"] if table["title"].startswith("Problems")]
    assert {row[0].rsplit(":", 1)[1] for row in problems["rows"]} == {"7", "8"}


def test_a_picture_that_breaks_off_is_listed_and_the_others_shown(jsonl, tmp_path):
    """Fault: the header is whole, so the record is taken, and the page fails on its pixels. Large ones are decoded otherwise."""
    lines = []
    for name, size in (("small.jpg", 64), ("large.jpg", 2400)):
        pixels = np.random.default_rng(0).integers(0, 255, (48, size, 3), np.uint8)
        data = cv2.imencode(".jpg", pixels)[1].tobytes()
        (jsonl.parent / "images" / name).write_bytes(data[: len(data) * 2 // 3])
        record = {"images": [f"images/{name}"], "width": size, "height": 48, "objects": []}
        lines.append(f"{json.dumps(record)}\n")
    with jsonl.open("a") as handle:
        handle.writelines(lines)
    out = tmp_path / "page.html"
    assert main(["--jsonl", str(jsonl), "--out", str(out)]) == 0
    data = page_data(out)
    assert len(data["samples"]) == 6
    (problems,) = [table for table in data["tables"] if table["title"].startswith("Problems")]
    assert [row[0].rsplit("/", 1)[1] for row in problems["rows"]] == ["small.jpg", "large.jpg"]
    assert all("truncated" in row[2] for row in problems["rows"])


def test_a_choice_follows_the_seed(jsonl, tmp_path):
    out = tmp_path / "page.html"
    assert main(["--jsonl", str(jsonl), "--out", str(out), "--limit", "3", "--seed", "5"]) == 0
    assert [sample["row"] for sample in page_data(out)["samples"]] == chosen_rows(6, 3, 5)
    assert chosen_rows(1000, 10, 1) == chosen_rows(1000, 10, 1) != chosen_rows(1000, 10, 2)
    assert chosen_rows(4, 9, 1) == [0, 1, 2, 3]


def test_what_cannot_be_shown_is_told(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text("{}\n")
    with pytest.raises(DataError, match="can be shown"):
        main(["--jsonl", str(path), "--out", str(tmp_path / "x.html")])
    with pytest.raises(UsageError):
        main(["--jsonl", str(path), "--out", str(tmp_path / "x.html"), "--limit", "0"])
