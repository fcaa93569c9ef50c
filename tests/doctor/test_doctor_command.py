"""The command on files: exit codes, JSON, text, the page, and pictures that are really there."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from src.contract.__main__ import main
from src.utils.cli import run
from tests.doctor.corruptions import CORRUPTIONS, write
from tests.doctor.data_sets import Picture, data_set
from tests.report.pages import page_data


def doctor(capsys, *arguments):
    code = run(main, ["doctor", *map(str, arguments)])
    return code, capsys.readouterr()


@pytest.fixture
def clean(tmp_path):
    path = tmp_path / "clean.jsonl"
    write(data_set("thumbnails"), None, path)
    return path


def test_nothing_found(clean, capsys):
    code, told = doctor(capsys, clean, "--no-images", "--json")
    answer = json.loads(told.out)
    found = [check["name"] for check in answer["checks"] if check["verdict"] == "found"]
    # Objects of a generated thumbnail all have one description, so that two of them may nearly be one.
    assert set(found) <= {"near-duplicates"}
    assert answer["diagnosis"] is None
    assert code == 0
    assert answer["labels"][0]["label"] == "thing"


def test_advice_fails_only_when_strict(tmp_path, clean, capsys):
    """Two boxes that nearly are one; a typing error in a language without Latin letters, and a control character."""
    items = [
        {"desc": f"\u9700\u590d\u6838{end}", "bbox_2d": [1 + n, 1, 9 + n, 9]}
        for n, end in enumerate("\u7684" * 25 + "\u5417")
    ]
    items += [
        {"desc": "\x1b[2J\u4e2d", "bbox_2d": box} for box in ([10, 10, 90, 90], [10, 10, 90, 91])
    ]
    record = {"images": ["a.png"], "width": 240, "height": 180, "objects": items}
    path = tmp_path / "advice.jsonl"
    path.write_text(json.dumps(record) + "\n")
    code, told = doctor(capsys, path, "--no-images")
    assert code == 0
    assert "advice    near-duplicates: 1 shapes" in told.out
    assert '"\u9700\u590d\u6838\u5417" 1 times; "\u9700\u590d\u6838\u7684" 25 times' in told.out
    assert '"\\x1b[2J\u4e2d"' in told.out
    code, told = doctor(capsys, path, "--no-images", "--strict", "--json")
    assert code == 1
    checks = {check["name"]: check for check in json.loads(told.out)["checks"]}
    assert checks["label-typos"]["severity"] == "advice"
    assert '"\u9700\u590d\u6838\u5417"' in checks["label-typos"]["evidence"]
    record["objects"] = [{"desc": "a", "bbox_2d": [1, 1, 999, 9]}]
    path.write_text(json.dumps(record) + "\n")
    assert doctor(capsys, path, "--no-images")[0] == 1


def test_a_mistake_is_told_with_its_remedy_and_shown(tmp_path, capsys):
    path, page = tmp_path / "r.jsonl", tmp_path / "page.html"
    write(data_set("thumbnails"), CORRUPTIONS["0 to 1"], path)
    code, told = doctor(capsys, path, "--no-images", "--html", page)
    assert code == 1
    assert "found     space: coordinates are shares of the sides, 0 to 1" in told.out
    assert "-> convert with space=norm1" in told.out
    shown = page_data(page)
    assert dict(map(tuple, shown["facts"]))["diagnosis"].startswith("coordinates are shares")
    assert {sample["group"] for sample in shown["samples"]} >= {"space"}
    assert (
        doctor(capsys, path, "--no-images", "--space", "norm1", "--json")[1].out.count('"norm1"')
        >= 1
    )


def test_wrong_usage_and_a_file_that_is_not_there(tmp_path, clean, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", str(clean), "--space", "yards"])
    assert stopped.value.code == 2
    code, told = doctor(capsys, tmp_path / "missing.jsonl")
    assert code == 1
    assert "cannot read" in told.err


def test_nothing_to_examine_is_no_success(tmp_path, clean, capsys):
    empty, pipe = tmp_path / "empty.jsonl", tmp_path / "pipe"
    empty.write_text("\n\n")
    os.mkfifo(pipe)
    for path, words in (
        (empty, "no records"),
        (pipe, "no regular file"),
        (tmp_path, "no regular file"),
    ):
        for arguments in ((path,), (clean, "--val", path)):
            code, told = doctor(capsys, *arguments, "--no-images")
            assert (code, told.out) == (1, "")
            assert words in told.err
            assert str(path) in told.err


def test_pictures_tell_exif_from_exchanged_axes(tmp_path, capsys):
    """Phone pictures stored lying down with orientation 6, and records that describe the stored pixels."""
    rng = np.random.default_rng(3)
    pictures = []
    for number in range(210):
        near = rng.uniform(0, 0.5, size=2) * (90, 60)
        points = np.concatenate([near, near + rng.uniform(0.2, 0.5, size=2) * (90, 60)]).round(1)
        pictures.append(Picture(90, 60, [("bbox_2d", points.tolist())]))
        exif = Image.Exif()
        exif[274] = 6 if number % 3 == 0 else 1
        Image.new("L", (90, 60)).save(tmp_path / f"{number}.png", exif=exif)
    write(pictures, None, tmp_path / "r.jsonl")
    code, told = doctor(capsys, tmp_path / "r.jsonl", "--json", "--html", tmp_path / "p.html")
    answer = json.loads(told.out)
    checks = {check["name"]: check for check in answer["checks"]}
    assert code == 1
    assert answer["diagnosis"] == "stored-size"
    assert checks["exif"]["evidence"]["records_with_the_stored_size"] == 70
    assert checks["axes"]["verdict"] != "found"
    assert checks["pictures"]["verdict"] == "ok"
