"""Going on after an interruption: what is taken over, and what is done again."""

import inspect
import os
from pathlib import Path

import pytest

from data_conversion.config import ConversionConfig
from data_conversion.pipeline import fingerprint as fingerprinting
from data_conversion.pipeline import shards
from data_conversion.pipeline.fingerprint import fingerprint
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Item
from src.errors import RecordError
from tests.data_conversion.made_exports import MadeExport, box, converted, image, picture, tree


class Interrupt(Exception):
    pass


def interrupt_after(monkeypatch, count):
    plain = shards.convert_item
    calls = []

    def counting(job, item):
        if len(calls) == count:
            raise Interrupt
        calls.append(item.key)
        return plain(job, item)

    monkeypatch.setattr(shards, "convert_item", counting)
    return calls


def interrupted(monkeypatch, tmp_path, images, count, **options):
    with monkeypatch.context() as patch:
        interrupt_after(patch, count)
        with pytest.raises(Interrupt):
            converted(patch, tmp_path, images, **options)


def test_an_interrupted_conversion_goes_on_and_says_so(monkeypatch, tmp_path, caplog):
    images = [image(f"{n}.jpg", box(1, 1, 9, 9)) for n in range(40)]
    interrupted(monkeypatch, tmp_path, images, 20)
    assert not (tmp_path / "out" / "conversion_report.json").exists()
    (tmp_path / "out" / ".work" / "aside" / "left.tmp").write_text("by a killed process")
    calls = interrupt_after(monkeypatch, 100)
    _, out = converted(monkeypatch, tmp_path, images)
    assert len(calls) == 24
    resumed = tree(out)
    assert ".work" not in {name.split("/")[0] for name in resumed}
    (tmp_path / "whole").mkdir()
    _, whole = converted(monkeypatch, tmp_path / "whole", images)
    assert resumed == tree(whole)


@pytest.mark.parametrize("what", ["options", "annotations", "picture", "placed"])
def test_what_changed_in_between_is_done_again(monkeypatch, tmp_path, what):
    images = [image(f"{n}.jpg", box(1, 1, 9, 9)) for n in range(40)]
    interrupted(monkeypatch, tmp_path, images, 20)
    options = {}
    if what == "options":
        options = {"min_area": 1.0}
    elif what == "annotations":
        os.utime(tmp_path / "in" / "made.json", ns=(1, 1))
    elif what == "picture":
        os.utime(tmp_path / "in" / "9.jpg", ns=(1, 1))
    else:
        (tmp_path / "out" / "images" / "9.jpg").unlink()
    calls = interrupt_after(monkeypatch, 100)
    converted(monkeypatch, tmp_path, images, **options)
    expected = {"picture": 32, "placed": 32}
    assert len(calls) == (expected[what] if what in expected else 40)


def test_a_repaired_picture_leaves_quarantine(monkeypatch, tmp_path):
    images = [image(f"{n}.jpg", box(1, 1, 9, 9)) for n in range(40)]
    picture(tmp_path / "in" / "3.jpg")
    good = (tmp_path / "in" / "3.jpg").read_bytes()
    (tmp_path / "in" / "3.jpg").write_bytes(b"torn")
    interrupted(monkeypatch, tmp_path, images, 20)
    (tmp_path / "in" / "3.jpg").write_bytes(good)
    done, _ = converted(monkeypatch, tmp_path, images)
    assert (done.num_written, done.num_quarantined) == (40, 0)


def test_a_picture_that_was_missing_is_looked_for_again(monkeypatch, tmp_path):
    images = [image(f"{n}.jpg", box(1, 1, 9, 9)) for n in range(40)]
    root = tmp_path / "pictures"
    for n in range(40):
        picture(root / f"{n}.jpg")
    store = root / "store"
    (root / "3.jpg").rename(store)
    (root / "3.jpg").symlink_to(store)
    store.rename(tmp_path / "away")
    options = {"pictures": False, "image_root": root}
    with monkeypatch.context() as patch:
        interrupt_after(patch, 20)
        with pytest.raises(Interrupt):
            converted(patch, tmp_path, images, **options)
    (tmp_path / "away").rename(store)
    calls = interrupt_after(monkeypatch, 100)
    converted(monkeypatch, tmp_path, images, **options)
    assert len(calls) == 32


def marks(folder, *names, export=None):
    """The fingerprint of an export in `folder` whose items name files."""
    items = [Item(key=name, annotation=name) for name in names]
    images = ImageIndex(root=folder, by_name=None)
    export = export or MadeExport(())
    source = folder / "data.yaml"
    config = ConversionConfig(input=source, output=folder / "out")
    return fingerprint(config, "made", items, export, images, None)


def test_annotations_behind_links_and_beside_the_input_file_are_watched(tmp_path):
    (tmp_path / "data.yaml").write_text("")
    (tmp_path / "a.txt").write_text("1")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")
    before = marks(tmp_path, "b.txt")
    assert marks(tmp_path, "b.txt") == before
    (tmp_path / "a.txt").write_text("12")
    assert marks(tmp_path, "b.txt")["annotation files"] != before["annotation files"]


def test_the_code_of_a_conversion_is_watched_as_a_whole(monkeypatch, tmp_path):
    (tmp_path / "data.yaml").write_text("")
    plain = Path.read_bytes
    first = marks(tmp_path)
    own = Path(inspect.getfile(MadeExport))
    for name in ("src/contract/validate.py", "src/images.py", str(own)):
        changed = (Path(fingerprinting.__file__).parents[2] / name).resolve()
        monkeypatch.setattr(
            Path, "read_bytes", lambda path, at=changed: plain(path) + b"#" * (path == at)
        )
        assert marks(tmp_path)["code"] != first["code"]
    monkeypatch.setattr(fingerprinting, "version", lambda name: f"another {name}")
    assert marks(tmp_path)["libraries"] != first["libraries"]


def test_fail_fast_sees_what_an_earlier_run_put_aside(monkeypatch, tmp_path):
    images = [
        image(f"{n}.jpg", box(1, 1, 9, 9), size=(5, 5) if n == 3 else (100, 80)) for n in range(40)
    ]
    for n in range(40):
        picture(tmp_path / "in" / f"{n}.jpg")
    interrupted(monkeypatch, tmp_path, images, 20)
    with pytest.raises(RecordError, match="size-disagrees"):
        converted(monkeypatch, tmp_path, images, fail_fast=True)
