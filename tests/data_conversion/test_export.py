"""The export command: from records to another format and what it says was lost."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from data_conversion.export import main
from data_conversion.pipeline import export_folder, exporting
from data_conversion.pipeline.fidelity_table import fidelity_table
from data_conversion.pipeline.writers.registry import WRITERS
from src.contract.records import Message, Record, Source
from src.contract.write import record_to_line
from src.errors import ProjectError, UsageError
from src.utils.cli import run
from tests.data_conversion.conversations import draw_pictures, opened, picture, read_all, records

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data(tmp_path):
    """train.jsonl with a summary, attributes, a chat and a summary record among the dense ones; val.jsonl."""
    folder = tmp_path / "data"
    made = records(11, count=6)
    draw_pictures(folder, made)
    made[1] = replace(made[1], summary="bolts", metadata={"attributes": [{}]})
    turns = (Message(role="user", content="hi"), Message(role="assistant", content="hello"))
    chat = Record(images=(), width=0, height=0, messages=turns, source=Source(file="", line=1))
    summary = replace(made[0], summary="nothing")
    (folder / "train.jsonl").write_bytes(b"".join(map(record_to_line, (*made[:4], chat, summary))))
    (folder / "val.jsonl").write_bytes(b"".join(map(record_to_line, made[4:])))
    return folder


def words(data, output, *more, format="llama_factory"):
    return ["--jsonl", f"{data}/train.jsonl", f"{data}/val.jsonl", "--format", format,
            "--output", str(output), *more]  # fmt: skip


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["llama_factory", "ms_swift", "qwen"])
def test_an_export_reads_back_and_reports_what_was_lost(data, tmp_path, capsys, name):
    out = tmp_path / "out"
    space = [] if name == "ms_swift" else ["--space", "norm1000"]
    assert main(words(data, out, *space, format=name)) == 0
    text = capsys.readouterr().out
    report = json.loads((out / "fidelity_report.json").read_text())
    assert report["parts"] == {"train": 6, "val": 2}
    losses = report["losses"]
    assert losses.pop("chat records left out") == 1
    assert losses.pop("records with a summary and no objects left out") == 1
    assert losses.pop("summary texts") == 1
    assert losses.pop("attributes that are not one entry an object") == 1
    assert bool(losses) == (name == "ms_swift")
    assert all(f"{count} {loss}" in text for loss, count in report["losses"].items())
    assert report["fidelity"]["poly"] == WRITERS[name].fidelity.poly
    read = read_all(name, out, space="norm1000" if space else None)
    assert len(read) == report["num_images"] == 6
    assert sum(image.num_objects for image in read) == report["num_objects"]
    assert read[0].metadata["prompt"].startswith("Describe every object in the image.")


def test_pictures_are_placed_under_their_paths_or_not_at_all(data, tmp_path):
    main(words(data, tmp_path / "with", "--space", "norm1000"))
    main(words(data, tmp_path / "without", "--space", "norm1000", "--no-images"))
    with_, without = contents(tmp_path / "with"), contents(tmp_path / "without")
    pictures = {name for name in with_ if name.startswith("images/")}
    assert pictures == {f"images/sub dir/i{number}.png" for number in range(6)}
    del with_[".export.json"], without[".export.json"]  # which files are the export's
    assert {name: with_[name] for name in with_.keys() - pictures} == without


def test_a_second_run_changes_nothing_and_mends_what_was_cut_short(data, tmp_path, monkeypatch):
    """Fault: an interrupted export whose folder is taken for a foreign one, or whose rest is believed complete."""
    out = tmp_path / "out"
    main(words(data, out, "--space", "norm1000"))
    first, before = contents(out), (data / "val.jsonl").read_bytes()
    main(words(data, out, "--space", "norm1000"))
    assert contents(out) == first

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            main(words(data, out, "--space", "norm100"))
    assert contents(out) == first
    with monkeypatch.context() as patched:
        patched.setattr(export_folder, "_remove", killed)
        (data / "val.jsonl").write_bytes(b"")
        with pytest.raises(KeyboardInterrupt):
            main(words(data, out, "--space", "norm100"))
    assert "fidelity_report.json" not in contents(out)
    (data / "val.jsonl").write_bytes(before)
    main(words(data, out, "--space", "norm1000"))
    assert contents(out) == first


def test_a_second_run_removes_what_it_does_not_write_again(data, tmp_path):
    """Fault: annotations of records that are gone stay, and are read back with the others."""
    out = tmp_path / "out"
    main(words(data, out, format="labelme"))
    assert sum(name.endswith("i3.json") for name in contents(out)) == 1
    (out / "images" / "notes.txt").write_text("mine")
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    marker = json.loads((out / ".export.json").read_text())
    marker["files"] += ["../outside.txt", str(outside), "gone/with/its folder.txt"]
    (out / ".export.json").write_text(json.dumps(marker))
    (data / "val.jsonl").write_bytes(b"")
    lines = (data / "train.jsonl").read_bytes().splitlines(keepends=True)
    (data / "train.jsonl").write_bytes(lines[0])
    main(words(data, out, format="labelme"))
    assert sorted(contents(out)) == [
        ".export.json",
        "fidelity_report.json",
        "images/notes.txt",
        "images/sub dir/i0.json",
        "images/sub dir/i0.png",
    ]
    assert outside.is_file()
    # another format over it: what the earlier export wrote goes, what others wrote stays
    main(words(data, out, "--overwrite", format="coco"))
    assert "images/sub dir/i0.json" not in contents(out)
    assert {"images/notes.txt", "annotations/instances_train.json"} <= set(contents(out))


def test_a_mistaken_run_leaves_things_as_they_were(data, tmp_path):
    """Fault: wrong options cost a finished export its marker, or leave a folder that the next run takes for foreign."""
    out = tmp_path / "out"
    mistaken = words(data, out, "--space", "norm1", format="qwen")
    assert run(main, mistaken) == 2
    assert not out.exists()
    main(words(data, out, "--space", "norm1000", format="qwen"))
    first = contents(out)
    assert run(main, mistaken) == 2
    (data / "images" / "sub dir" / "i2.png").unlink()
    assert run(main, words(data, out, "--space", "norm1000", format="qwen")) == 1
    assert contents(out) == first


def test_foreign_folders_are_left_alone(data, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("dear")
    with pytest.raises(ProjectError, match="holds something else"):
        main(words(data, out, "--space", "norm1000"))
    assert list(contents(out)) == ["thesis.txt"]
    main(words(data, out, "--space", "norm1000", "--overwrite"))
    with pytest.raises(ProjectError, match="holds something else"):
        main(words(data, out, format="ms_swift"))
    with pytest.raises(UsageError, match="folder of the records"):
        main(words(data, data, "--overwrite", format="ms_swift"))


def test_wrong_input_stops_the_export_with_its_place(data, tmp_path):
    (data / "images" / "sub dir" / "i2.png").unlink()
    with pytest.raises(ProjectError, match=r"train\.jsonl:3"):
        main(words(data, tmp_path / "a", "--space", "norm1000"))
    picture(data / "images" / "sub dir" / "i2.png", (10, 10))
    with pytest.raises(ProjectError, match="the record's size is not the picture's"):
        main(words(data, tmp_path / "a", "--space", "norm1000"))
    assert not (tmp_path / "a").exists()
    with (data / "val.jsonl").open("ab") as handle:
        handle.write(b'{"images": ["../../secret.png"], "objects": [], "width": 1, "height": 1}\n')
    with pytest.raises(ProjectError, match="not allowed"):
        main(["--jsonl", f"{data}/val.jsonl", "--format", "ms_swift", "--output", f"{tmp_path}/b"])


def test_two_pictures_with_one_path_are_no_data_set(data, tmp_path):
    other = tmp_path / "other"
    record = records(11, count=1)[0]
    picture(other / record.images[0], (record.width, record.height))
    (other / "more.jsonl").write_bytes(record_to_line(record))
    same = ["--jsonl", f"{data}/train.jsonl", f"{other}/more.jsonl", "--format", "ms_swift"]
    main([*same, "--output", f"{tmp_path}/a"])
    (other / record.images[0]).write_bytes((other / record.images[0]).read_bytes() + b"\0")
    with pytest.raises(ProjectError, match="have one path"):
        main([*same, "--output", f"{tmp_path}/b"])


def test_a_picture_that_only_exif_turns_is_counted(tmp_path):
    picture(tmp_path / "data" / "a.png", (40, 60), orientation=6)
    record = Record(images=("a.png",), width=60, height=40, source=Source(file="", line=1))
    (tmp_path / "data" / "d.jsonl").write_bytes(record_to_line(record))
    main(
        ["--jsonl", f"{tmp_path}/data/d.jsonl", "--format", "ms_swift", "--output", f"{tmp_path}/o"]
    )
    report = json.loads((tmp_path / "o" / "fidelity_report.json").read_text())
    assert report["losses"] == {exporting.ROTATED: 1}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--format", "ms_swfit"], "did you mean ms_swift"),
        (["--format", "qwen"], "the option space: norm1000"),
        (["--format", "ms_swift", "--prompt", "<image>look"], "placeholder"),
        (["--format", "qwen", "--space", "norm1000", "--answer", "compact"], "written as qwen"),
        (["--format", "llama_factory", "--space", "norm1"], "whole|norm1000"),
        (["--format", "coco", "--space", "norm1000"], "the option space"),
        (["--format", "voc", "--answer", "qwen", "--prompt", "a"], "the option answer and prompt"),
        (["--format", "cvat", "--domain", "base"], "the option domain"),
    ],
)
def test_wrong_usage_is_exit_code_2(data, tmp_path, capsys, more, message):
    arguments = ["--jsonl", f"{data}/val.jsonl", "--output", f"{tmp_path}/out", *more]
    assert run(main, arguments) == 2
    error = capsys.readouterr().err
    assert any(part in error for part in message.split("|"))


def test_yolo_parts_say_in_their_names_what_they_are(data, tmp_path, capsys):
    """Fault: a data.yaml whose keys no trainer and no reader knows."""
    data.joinpath("train.jsonl").rename(data / "mine_Train-2.jsonl")
    data.joinpath("val.jsonl").rename(data / "validation.jsonl")
    parts = ["--jsonl", f"{data}/mine_Train-2.jsonl", f"{data}/validation.jsonl"]
    assert main([*parts, "--format", "yolo_seg", "--output", f"{tmp_path}/out"]) == 0
    split = opened("yolo", tmp_path / "out").listing.split
    assert sorted(split.values()) == ["train"] * 4 + ["val"] * 2
    data.joinpath("validation.jsonl").rename(data / "all.jsonl")
    wrong = ["--jsonl", f"{data}/all.jsonl", "--format", "yolo_det", "--output", f"{tmp_path}/no"]
    assert run(main, wrong) == 2
    assert "mine_train.jsonl" in capsys.readouterr().err


def test_prompt_and_json_report(data, tmp_path, capsys):
    main(words(data, tmp_path / "out", "--space", "norm1000", "--prompt", "Look: {coordinate_hint}", "--json"))  # fmt: skip
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "out" / "fidelity_report.json").read_text())
    assert report["options"]["prompt"].startswith("Look: Coordinates are integers from 0 to 1000")
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert info["train"]["file_name"] == "train.json"


def test_the_documented_table_is_what_the_writers_declare(capsys):
    assert main(["--table"]) == 0
    table = capsys.readouterr().out
    assert table == fidelity_table(WRITERS)
    assert table in (ROOT / "docs" / "data" / "FORMATS.md").read_text(encoding="utf-8")


def test_the_launcher_exports(data, tmp_path):
    done = subprocess.run(
        ["bash", "data_conversion/export_dataset.sh", f"jsonl={data}/train.jsonl,{data}/val.jsonl",
         "format=qwen", f"output={tmp_path}/out", "space=qwen25", "images=false", "json=true"],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["num_images"] == 6
    assert (tmp_path / "out" / "val.json").is_file()
    assert not (tmp_path / "out" / "images").exists()


@pytest.mark.full
def test_ms_swifts_own_preprocessor_takes_every_row(data, tmp_path):
    """With the loader of ms-swift 4.6.0, strict: a row that it would delete in silence raises here."""
    from src.training.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    from swift.dataset.preprocessor import AutoPreprocessor

    from datasets import load_dataset

    for name, file in (("ms_swift", "train.jsonl"), ("llama_factory", "train.json")):
        space = [] if name == "ms_swift" else ["--space", "norm1000"]
        main(words(data, tmp_path / name, *space, format=name))
        loaded = load_dataset(
            "json", data_files=str(tmp_path / name / file), split="train", cache_dir=str(tmp_path)
        )
        rows = AutoPreprocessor()(loaded, load_from_cache_file=False, strict=True)
        assert len(rows) == len(loaded) == 4
        for row in rows:
            assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
            assert row["images"][0]["path"].startswith("images/")
            if name == "ms_swift":
                text = row["messages"][1]["content"]
                counts = text.count("<ref-object>"), text.count("<bbox>")
                assert counts == (len(row["objects"]["ref"]), len(row["objects"]["bbox"]))
