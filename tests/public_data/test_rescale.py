"""Rescaled data sets are true at every budget, equal for any number of workers, and finished by a second start."""

import json

import numpy as np
import pytest
from PIL import Image

from public_data import rescale, rescaling
from public_data.__main__ import main
from src.contract.budget import PixelBudget
from src.errors import DataError, UsageError
from tests.public_data.making import labelled, picture, read_lines, tree, write_lines

BUDGETS = ("16384", "65536")


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    picture(folder / "images" / "a.png", (200, 150))
    picture(folder / "images" / "b.jpg", (128, 96), seed=1)  # on the grid and within both budgets
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(folder / "images" / "turned.jpg", (300, 200), seed=2, exif=exif)
    (folder / "images" / "broken.png").write_bytes((folder / "images" / "a.png").read_bytes()[:500])
    line = {"desc": "wire", "line": [0, 0, 200, 150, 200, 0]}
    records = [
        labelled("cat", image="images/a.png", size=(200, 150), metadata={"k": [1]}),
        {**labelled(image="images/a.png", size=(200, 150)), "objects": [line]},
        labelled("b", image="images/b.jpg", size=(128, 96)),
        labelled("c", image="images/turned.jpg", size=(200, 300)),
        labelled("d", image="images/broken.png", size=(200, 150)),
        labelled("e", image="images/b.jpg", size=(96, 128)),
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
    ]
    return write_lines(folder / "all.jsonl", records)


def run(source, out, *words):
    return main(
        ["rescale", "--jsonl", str(source), "--out", str(out), "--max-pixels", *BUDGETS, *words]
    )


def test_points_and_pictures_go_to_the_models_own_size(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(source, out, "--json", "--workers", "1") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["records"], report["records_quarantined"]) == (5, 2)
    reasons = [line["issues"][0]["rule"] for line in read_lines(out / "quarantine.jsonl")]
    assert reasons == ["image-file", "image-size"]
    for budget in BUDGETS:
        file = out / budget / "all.jsonl"
        assert main(["validate", str(file), "--images"]) == 0
        records = read_lines(file)
        width, height = PixelBudget(max_pixels=int(budget)).fit(200, 150)
        assert (records[0]["width"], records[0]["height"]) == (width, height)
        expected = [1 * width / 200, 1 * height / 150, 20 * width / 200, 30 * height / 150]
        assert np.allclose(records[0]["objects"][0]["bbox_2d"], expected)
        assert records[0]["metadata"] == {"k": [1]}
        assert records[1]["objects"][0]["line"] == [
            0,
            0,
            width,
            height,
            width,
            0,
        ]  # edges stay edges
        turned = Image.open(out / budget / "images" / "turned.jpg")
        assert turned.size == PixelBudget(max_pixels=int(budget)).fit(200, 300)
        assert turned.getexif().get(0x0112, 1) == 1  # turned once, and not again by the reader
    assert (out / "65536" / "images" / "b.jpg").samefile(source.parent / "images" / "b.jpg")
    tokens = report["budgets"][1]["image_tokens"]
    assert tokens["max"] == np.prod(PixelBudget(max_pixels=65536).fit(200, 300)) // 1024


def test_workers_change_no_byte(source, tmp_path):
    run(source, tmp_path / "one", "--workers", "1")
    run(source, tmp_path / "two", "--workers", "2")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_killed_run_goes_on_and_ends_equal(source, tmp_path, monkeypatch, capsys):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(source, whole, "--workers", "1")
    monkeypatch.setattr(
        rescale, "_write_jsonl", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        run(source, cut, "--workers", "1")
    assert not (cut / "rescale.json").exists()
    monkeypatch.undo()
    (cut / "16384" / "images" / "a.png").unlink()
    before = (cut / "65536" / "images" / "a.png").stat().st_mtime_ns
    capsys.readouterr()
    run(source, cut, "--workers", "1", "--json")
    assert json.loads(capsys.readouterr().out)["kept"] == 5
    assert (cut / "65536" / "images" / "a.png").stat().st_mtime_ns == before
    assert tree(cut) == tree(whole)


def test_pictures_of_other_settings_are_not_taken_for_finished(source, tmp_path):
    run(source, tmp_path / "out", "--workers", "1")
    with pytest.raises(DataError, match="other settings"):
        run(source, tmp_path / "out", "--workers", "1", "--quality", "50")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="something else"):
        run(source, tmp_path / "mine", "--workers", "1")


def test_nothing_usable_leaves_reasons_and_no_working_folder(source, tmp_path):
    write_lines(source, [labelled("d", image="images/broken.png", size=(200, 150))])
    with pytest.raises(DataError, match="no record has a usable picture"):
        run(source, tmp_path / "out", "--workers", "1")
    assert len(read_lines(tmp_path / "out" / "quarantine.jsonl")) == 1
    assert not (tmp_path / "out" / ".aside").exists()


def test_a_changed_source_picture_is_made_again(source, tmp_path):
    out = tmp_path / "out"
    run(source, out, "--workers", "1")
    before = (out / "16384" / "images" / "a.png").read_bytes()
    picture(source.parent / "images" / "a.png", (200, 150), seed=9)
    run(source, out, "--workers", "1")
    assert (out / "16384" / "images" / "a.png").read_bytes() != before


@pytest.mark.parametrize(
    "words", [("--quality", "0"), ("--workers", "0"), ("--min-pixels", "99999")]
)
def test_wrong_usage(source, tmp_path, words):
    with pytest.raises(UsageError):
        run(source, tmp_path / "out", *words)


def test_scaled_points_never_pass_the_edge():
    """Fault: 149 * (96 / 149) is more than 96 in the last bit for some sizes, and the contract refuses it."""
    passed = [w for w in range(2, 3000) if w * (96 / w) > 96]
    assert passed, "the fault does not occur here"
    for width in passed[:50]:
        record = rescaling_record(width)
        assert rescaling.rescale_record(record, (96, 96)).objects[0].points[2] == 96


def rescaling_record(width):
    from src.contract.records import ObjectAnnotation, Record, Source

    box = ObjectAnnotation(desc="a", kind="bbox_2d", points=(0.0, 0.0, float(width), 10.0))
    return Record(
        images=("a.png",), width=width, height=10, objects=(box,), source=Source(file="x", line=1)
    )
