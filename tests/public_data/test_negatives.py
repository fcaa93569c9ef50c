"""A folder of pictures becomes records that say: nothing of interest here."""

import json

import pytest
from PIL import Image

from public_data.__main__ import main
from src.domains.loader import load_pack
from src.errors import DataError, UsageError
from tests.public_data.making import picture, read_lines, tree


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    picture(root / "b.png", (40, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(root / "deep" / "a.jpg", (64, 48), exif=exif)
    (root / "cut.png").write_bytes((root / "b.png").read_bytes()[:-20])
    (root / "text.jpg").write_text("no picture")
    (root / "clip.gif").write_bytes(b"GIF89a")
    (root / ".hidden.png").write_bytes(b"")
    (tmp_path / "secret.png").write_bytes((root / "b.png").read_bytes())
    (root / "way_out.png").symlink_to(tmp_path / "secret.png")
    return root


def run(folder, out, *words):
    return main(["negatives", "--images", str(folder), "--out", str(out), *words])


def test_pictures_are_upright_linked_and_checked(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder, out, "--workers", "1", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert read_lines(out / "negatives.jsonl") == [
        {"images": ["images/b.png"], "width": 40, "height": 30, "objects": []},
        {"images": ["images/deep/a.jpg"], "width": 48, "height": 64, "objects": []},
    ]
    assert (out / "images" / "b.png").samefile(folder / "b.png")
    bad = {
        line["image"]: line["issues"][0]["rule"] for line in read_lines(out / "quarantine.jsonl")
    }
    assert bad == {"cut.png": "image-file", "text.jpg": "image-file", "way_out.png": "image-path"}
    assert not (out / "images" / "way_out.png").exists()
    assert (report["pictures"], report["written"], report["quarantined"]) == (5, 2, 3)
    assert report["other_files"] == {".gif": 1}
    assert main(["validate", str(out / "negatives.jsonl"), "--images"]) == 0


def test_summaries_take_the_packs_word(folder, tmp_path):
    run(folder, tmp_path / "out", "--summary", "--workers", "1")
    word = load_pack("generic").tokens.irrelevant
    records = read_lines(tmp_path / "out" / "negatives.jsonl")
    assert [record["summary"] for record in records] == [word, word]
    assert all("objects" not in record for record in records)


def test_workers_and_reruns_change_no_byte(folder, tmp_path):
    run(folder, tmp_path / "one", "--workers", "1")
    run(folder, tmp_path / "two", "--workers", "2")
    run(folder, tmp_path / "two", "--workers", "1")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_pictures_of_another_run_are_not_mixed_in(folder, tmp_path):
    run(folder, tmp_path / "out", "--workers", "1")
    picture(folder / "more.png", (40, 30))
    assert run(folder, tmp_path / "out", "--workers", "1") == 0
    (folder / "b.png").unlink()
    with pytest.raises(DataError, match=r"1 of them, e\.g\. images/b\.png"):
        run(folder, tmp_path / "out", "--workers", "1")


def test_wrong_usage_and_nothing_usable(folder, tmp_path):
    with pytest.raises(UsageError, match="inside"):
        run(folder, folder / "out")
    with pytest.raises(DataError, match="does not exist"):
        run(folder / "nowhere", tmp_path / "out")
    with pytest.raises(UsageError, match="--summary"):
        run(folder, tmp_path / "out", "--domain", "generic")
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", tmp_path / "out", "--workers", "1") == 1
