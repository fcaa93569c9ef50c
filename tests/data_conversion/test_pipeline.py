"""The whole pipeline on made exports: pictures, metadata, texts, options, and going on after an interruption."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from data_conversion.__main__ import main
from data_conversion.config import ConversionConfig
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.source import recognised
from data_conversion.pipeline.unified_processor import convert, explain
from src.contract.images import ImageResolver
from src.contract.index import JsonlIndex
from src.contract.policy import image_check, scan
from src.errors import DataError, ProjectError, UsageError
from tests.data_conversion.made_exports import (
    SQUARE,
    box,
    converted,
    image,
    picture,
    png_bytes,
    poly,
    records,
    report_of,
)


def test_a_resized_picture_and_its_points_reach_the_grid_together(monkeypatch, tmp_path):
    raw = image("a.jpg", box(0, 0, 333, 77), poly(SQUARE, index=1), size=(333, 77))
    _, out = converted(
        monkeypatch, tmp_path, [raw], resize=True, max_pixels=64 * 64, min_pixels=1024
    )
    (record,) = records(out)
    size = (record["width"], record["height"])
    assert size == Image.open(out / "images" / "a.jpg").size
    assert size[0] % 32 == size[1] % 32 == 0
    assert size[0] * size[1] <= 64 * 64
    assert record["objects"][0]["bbox_2d"] == [0, 0, *size]
    assert record["objects"][1]["poly"][0] == pytest.approx(10 * size[0] / 333)
    assert report_of(out)["pictures"] == {"resized": 1}


def test_a_picture_on_the_grid_stays_as_it_is(monkeypatch, tmp_path):
    raw = image("a.jpg", box(1, 1, 9, 9), size=(96, 64))
    _, out = converted(monkeypatch, tmp_path, [raw], resize=True)
    assert (out / "images" / "a.jpg").samefile(tmp_path / "in" / "a.jpg")


def test_a_rotated_picture_is_upright_after_resizing(monkeypatch, tmp_path):
    picture(tmp_path / "in" / "a.jpg", (100, 80), orientation=6)
    raw = image("a.jpg", box(0, 0, 100, 10), size=(100, 80))
    _, out = converted(monkeypatch, tmp_path, [raw], resize=True)
    (record,) = records(out)
    with Image.open(out / "images" / "a.jpg") as written:
        assert written.size == (record["width"], record["height"]) == (64, 96)
        assert not written.getexif()
    assert record["objects"][0]["bbox_2d"] == pytest.approx([70 / 80 * 64, 0, 64, 96])


def test_an_annotated_size_wins_over_the_exif_option(monkeypatch, tmp_path):
    for name, size in (("a.jpg", (100, 80)), ("b.jpg", (64, 64))):
        picture(tmp_path / "in" / name, size, orientation=6)
    raw = [
        image("a.jpg", box(0, 0, 100, 10), size=(100, 80)),
        replace(image("a.jpg", box(70, 0, 80, 100), size=(80, 100)), image_name="u.jpg"),
        image("b.jpg", box(0, 0, 64, 10), size=(64, 64)),
    ]
    for exif, square in (("upright", [0, 0, 64, 10]), ("raw", [54, 0, 64, 64])):
        _, out = converted(monkeypatch, tmp_path, raw, exif=exif)
        boxes = [record["objects"][0]["bbox_2d"] for record in records(out)]
        assert boxes == [[70, 0, 80, 100], [70, 0, 80, 100], square]


def test_embedded_pictures_become_files(monkeypatch, tmp_path):
    good = image("a.png", box(1, 1, 9, 9), embedded=png_bytes())
    torn = image("b.png", box(1, 1, 9, 9), embedded=png_bytes()[:-30])
    done, out = converted(monkeypatch, tmp_path, [good, replace(torn, image="")])
    assert (out / "images" / "a.png").read_bytes() == png_bytes()
    assert (done.num_written, done.num_quarantined) == (1, 1)
    (refused,) = records(out, "quarantine")
    assert refused["issues"][0]["where"] == "made.json (the picture inside it)"


def test_without_pictures_none_is_opened_and_sizes_come_from_the_annotation(monkeypatch, tmp_path):
    images = [image("a.jpg", box(1, 1, 9, 9)), image("b.jpg", size=None)]
    done, out = converted(monkeypatch, tmp_path, images, pictures=False, images=False)
    (record,) = records(out)
    assert (record["width"], record["height"]) == (100, 80)
    assert record["images"] == ["images/a.jpg"]
    assert report_of(out)["quarantined_by_rule"] == {"size-missing": 1}
    assert done.num_written == 1


def test_metadata_keeps_what_the_contract_has_no_place_for(monkeypatch, tmp_path):
    raw = image(
        "a.jpg",
        box(1, 1, 9, 9, attributes={"color": "red"}, group="g1"),
        box(2, 2, 8, 8, index=1),
        attributes={"site": "north"},
        metadata={"id": 7},
        captions=("a red thing",),
    )
    empty = image("b.jpg", captions=("nothing  here", "an empty room"))
    _, out = converted(monkeypatch, tmp_path, [raw, empty])
    first, second = records(out)
    assert first["metadata"] == {
        "id": 7,
        "format": "made",
        "annotation": "made.json",
        "image": {"site": "north"},
        "attributes": [{"color": "red"}, {}],
        "groups": ["g1", ""],
        "captions": ["a red thing"],
    }
    assert second["summary"] == "nothing here"
    assert second["metadata"]["captions"] == ["nothing  here", "an empty room"]


def test_images_with_unmapped_labels_are_kept_back_on_request(monkeypatch, tmp_path):
    pack = tmp_path / "mine"
    pack.mkdir()
    generic = Path("configs/domains/generic/pack.yaml").read_text()
    assert "taxonomy:" not in generic
    (pack / "pack.yaml").write_text(
        generic.replace("id: generic", "id: mine") + "\ntaxonomy: {labels: {dog: a dog}}\n"
    )
    images = [
        image("a.jpg", box(1, 1, 9, 9, label="dog")),
        image("b.jpg", box(1, 1, 9, 9, label=" dgo ")),
    ]
    _, out = converted(monkeypatch, tmp_path, images, domain=str(pack))
    assert [r["objects"][0]["desc"] for r in records(out)] == ["a dog", "dgo"]
    assert report_of(out)["unmapped"]["dgo"]["count"] == 1
    done, out = converted(monkeypatch, tmp_path, images, domain=str(pack), unmapped="quarantine")
    assert (done.num_written, done.num_quarantined) == (1, 1)
    assert records(out, "quarantine")[0]["issues"][0]["rule"] == "label-unmapped"


def test_an_image_that_lost_every_object_is_no_negative(monkeypatch, tmp_path):
    lost = box(200, 200, 300, 300)
    unread = replace(image("b.jpg", size=(100, 80)), num_objects=1)
    images = [image("a.jpg", lost, box(1, 1, 9, 9)), unread, image("c.jpg", lost), image("d.jpg")]
    done, out = converted(monkeypatch, tmp_path, images)
    assert (done.num_written, done.num_quarantined) == (2, 2)
    report = report_of(out)
    assert report["quarantined_by_rule"] == {"all-objects-dropped": 2}
    assert report["counts"]["negative_images"] == 1
    assert len(records(out, "findings")) == 2
    done, out = converted(monkeypatch, tmp_path, images, emptied="negative")
    counts = report_of(out)["counts"]
    assert (done.num_quarantined, counts["negative_images"], counts["emptied_images"]) == (0, 1, 2)


def test_groups_by_path_or_attribute_stay_on_one_side(monkeypatch, tmp_path):
    images = [
        image(f"site{n % 5}/{n}.jpg", box(1, 1, 9, 9), attributes={"day": str(n % 4)})
        for n in range(20)
    ]
    _, out = converted(monkeypatch, tmp_path, images, group_by=r"site(\d)/", val_ratio=0.4)
    sites = [
        {r["images"][0].split("/")[1] for r in records(out, side)} for side in ("train", "val")
    ]
    assert not sites[0] & sites[1]
    assert report_of(out)["split"]["num_groups"] == 5
    _, out = converted(monkeypatch, tmp_path, images, group_by="key:day", val_ratio=0.4)
    days = [{r["metadata"]["image"]["day"] for r in records(out, s)} for s in ("train", "val")]
    assert not days[0] & days[1]
    assert len(records(out, "val_tiny")) == min(8, len(records(out, "val")))


def test_a_group_that_no_image_has_is_refused(monkeypatch, tmp_path, caplog):
    images = [
        image(f"site{n}/{n}.jpg", box(1, 1, 9, 9), attributes={"day": "" if n else "a"})
        for n in range(4)
    ]
    for nothing in ("key:night", "nowhere", "x*"):
        with pytest.raises(DataError, match="found no group"):
            converted(monkeypatch, tmp_path, images, group_by=nothing)
    _, out = converted(monkeypatch, tmp_path, images, group_by="key:day")
    split = report_of(out)["split"]
    assert (split["images_without_group"], split["num_groups"]) == (3, 4)
    assert split["val_share"] == 0.25
    assert "not 10.0 %" in caplog.text


def test_auto_takes_the_only_format_that_fits(monkeypatch, tmp_path):
    done, _ = converted(monkeypatch, tmp_path, [image("a.jpg", box(1, 1, 9, 9))])
    assert done.format == "made"
    (tmp_path / "in" / "a.xml").write_text("<annotation></annotation>")
    with pytest.raises(DataError, match="several formats") as caught:
        recognised(tmp_path / "in")
    assert "voc: a.xml has <annotation>" in str(caught.value)
    assert "made: made.json is there" in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="not recognised") as caught:
        recognised(tmp_path / "empty")
    assert "made: a file called made.json" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val_ratio": 1.0}, "val_ratio"),
        ({"max_vertices": 2}, "max_vertices"),
        ({"max_pixels": 100}, "max_pixels"),
        ({"group_by": "("}, "regular expression"),
        ({"group_by": "key:"}, "names no attribute"),
        ({"resize": True, "images": False}, "not both"),
        ({"workers": 0, "quality": 0}, "2 problems"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        convert(ConversionConfig(input=tmp_path, output=tmp_path / "out", **options))


def test_a_conversion_without_one_record_is_exit_code_1(monkeypatch, tmp_path, capsys):
    converted(monkeypatch, tmp_path, [image("a.jpg", box(1, 1, 9, 9))])
    (tmp_path / "in" / "a.jpg").unlink()
    assert main(["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert "1 quarantined" in told.out
    assert "not one of 1 images could be used" in told.err


@pytest.mark.parametrize("name", READERS)
def test_what_a_format_looks_for_is_one_short_line(name):
    text = READERS[name].looks_for
    assert 20 < len(text) < 90
    assert "\n" not in text


def test_a_size_on_the_command_line_turns_resizing_on(monkeypatch, tmp_path, capsys):
    converted(monkeypatch, tmp_path, [image("a.jpg", box(1, 1, 9, 9))])
    words = [
        "--input",
        str(tmp_path / "in"),
        "--output",
        str(tmp_path / "out"),
        "--max-pixels",
        "4096",
    ]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_written"] == 1
    assert report_of(tmp_path / "out")["options"]["resize"] is True
    with pytest.raises(UsageError, match="resize=false"):
        main([*words, "--no-resize"])
    monkeypatch.setattr(
        "data_conversion.__main__.convert", lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert main(words) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_what_is_written_passes_the_contract_with_its_pictures(monkeypatch, tmp_path):
    images = [
        image(f"{n}.jpg", poly(SQUARE, (50, 50, 70, 50, 120, 90)), box(-3, 2, 9, 9, index=1))
        for n in range(9)
    ]
    _, out = converted(monkeypatch, tmp_path, images, resize=True, parts="merge", max_vertices=8)
    index = JsonlIndex.open(out / "all_samples.jsonl")
    assert len(scan(index, "fail", check=image_check(ImageResolver(out))).rows) == 9


def test_project_errors_reach_the_caller(tmp_path):
    with pytest.raises(ProjectError, match="does not exist"):
        convert(ConversionConfig(input=tmp_path / "none", output=tmp_path / "out"))


def test_the_command_says_how_it_was_split_and_what_the_pack_lacks(monkeypatch, tmp_path):
    pack = tmp_path / "mine"
    pack.mkdir()
    generic = Path("configs/domains/generic/pack.yaml").read_text()
    (pack / "pack.yaml").write_text(
        generic.replace("id: generic", "id: mine") + "\ntaxonomy: {labels: {dog: a dog}}\n"
    )
    images = [image(f"{n}.jpg", box(1, 1, 9, 9, label=f"cat{n % 2}")) for n in range(4)]
    own = {f"{n:05d}": "val" if n == 3 else "train" for n in range(4)}
    options = {"val_ratio": 0.5, "domain": str(pack)}
    done, out = converted(monkeypatch, tmp_path, images, split=own, **options)
    said = explain(ConversionConfig(input=tmp_path / "in", output=out, **options), done)
    assert "train 3 / val 1 (made)" in said
    assert "val_ratio=0.5 has no effect" in said
    assert "2 unmapped words (4 objects): see" in said
    done, out = converted(monkeypatch, tmp_path, images, **options)
    said = explain(ConversionConfig(input=tmp_path / "in", output=out, **options), done)
    assert "train 2 / val 2 (seeded)" in said
    assert "no effect" not in said


def test_an_elongated_picture_is_kept_back_with_its_rule_and_totals_add_up(monkeypatch, tmp_path):
    long = image("long.jpg", box(1, 0, 9, 1), box(-9, 0, -1, 1, index=1), size=(402, 2))
    images = [long, image("a.jpg", box(1, 1, 9, 9), box(200, 1, 210, 9, index=1))]
    _, out = converted(monkeypatch, tmp_path, images, resize=True)
    (issue,) = records(out, "quarantine")[0]["issues"]
    assert (issue["rule"], issue["where"]) == ("too-elongated", "made.json")
    counts = report_of(out)["counts"]
    names = ("objects_read", "objects_written", "objects_dropped", "objects_quarantined")
    assert [counts[name] for name in names] == [4, 1, 1, 2]
