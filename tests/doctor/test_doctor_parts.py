"""Reading what breaks the contract, shapes, descriptions, pictures: each against a small case that shows it."""

import json

import numpy as np
import pytest
from PIL import Image

from src.contract.doctor_command import as_json, as_text
from src.contract.doctor_page import write_doctor_page
from src.doctor import shapes
from src.doctor.annotations import POLY
from src.doctor.axes import check_exif, fits
from src.doctor.examination import examine
from src.doctor.frames import declared_frame
from src.doctor.labels import find_typos, is_one_edit
from src.doctor.leakage import perceptual_hash
from src.doctor.pictures import Headers
from src.doctor.plausibility import Numbers
from src.doctor.reading import read_annotations
from src.doctor.shapes import check_shapes


def written(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def record(*objects, size=(100, 80), image="a.png"):
    items = [{"desc": desc, kind: points} for desc, kind, points in objects]
    return {"images": [image], "width": size[0], "height": size[1], "objects": items}


def by_name(checks):
    return {check.name: check for check in checks}


def test_lines_that_cannot_be_read_are_counted_and_the_rest_is_read(tmp_path):
    path = tmp_path / "r.jsonl"
    good = json.dumps(
        record(("a", "bbox_2d", [1, 2, 3, 4]), ("b", "poly", [[0, 0], [4, 0], [4, 4]]))
    )
    bad_objects = [
        {"desc": "a", "bbox_2d": [1, 2, 3]},
        {"desc": "a", "bbox_2d": ["1", 2, 3, 4]},
        {"desc": "a", "bbox_2d": None},
        {"desc": "a"},
        {"desc": "a", "bbox_2d": [1, 2, 3, 4], "poly": [1, 2, 3, 4, 5, 6]},
        {"desc": "a", "line": [0, 0, 1e308, 1e308, 1e308, 1e308]},
        7,
    ]
    lines = [
        good,
        "{broken",
        "[1]",
        '{"objects": 3}',
        "\ufffd\x00",
        "",
        json.dumps({"images": [], "width": "no", "height": True, "objects": bad_objects}),
        json.dumps({"messages": [], "images": None}),
    ]
    path.write_text("\n".join(lines))
    data = read_annotations([path])
    assert data.num_records == 3
    assert data.num_objects == 2
    assert dict(data.unreadable.lines) == {
        "no JSON": 2,
        "no JSON object": 1,
        "objects is no list": 1,
    }
    assert data.unreadable.objects.total() == len(bad_objects)
    assert data.kind[1] == POLY
    assert data.points[2:].tolist() == [[0, 0], [4, 0], [4, 4]]
    assert data.size.tolist() == [[100, 80], [0, 0], [0, 0]]
    assert data.line.tolist() == [1, 7, 8]  # fmt: skip


def test_shapes(tmp_path):
    box = [10, 10, 50, 50]
    bow_tie = [0, 0, 10, 10, 10, 0, 0, 10]
    path = written(
        tmp_path / "r.jsonl",
        record(("a", "bbox_2d", box), ("a", "bbox_2d", box), ("b", "bbox_2d", box)),
        record(("a", "bbox_2d", box), ("a", "bbox_2d", [10, 10, 50, 51])),
        record(("a", "poly", bow_tie), ("a", "poly", [0, 0, 9, 0, 9, 9]), ("a", "poly", [0, 0, 9, 9, 0, 9])),
        record(("a", "bbox_2d", [50, 10, 10, 20]), ("a", "line", [0, 0, 50, 0])),
        record(("a", "bbox_2d", [90, 10, 101, 20])),
        record(("a", "poly", [0, 0, 9, 0, 9, 9]), ("a", "poly", [0, 0, 9, 0, 9, 9])),
    )  # fmt: skip
    checks = by_name(check_shapes(read_annotations([path]), "pixels"))
    records = {name: check.records for name, check in checks.items()}
    assert records == {
        "outside": (4,),
        "degenerate": (3,),
        "self-intersections": (2,),
        "duplicates": (0, 5),
        # Two halves of a square have one box, and half of it each; that they are not the same is a limit that is told.
        "near-duplicates": (1, 2),
    }
    assert checks["duplicates"].evidence["objects"] == 2


def test_repetitions_among_many_objects_are_looked_for_in_blocks(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    near = rng.integers(0, 70, size=(60, 2)) + 0.5
    boxes = np.concatenate([near, near + 9], axis=1).tolist()
    items = [("a", "bbox_2d", box) for box in [*boxes, boxes[3], boxes[50], boxes[3]]]
    data = read_annotations([written(tmp_path / "r.jsonl", record(*items), record(*items[-4:]))])
    whole = by_name(check_shapes(data, "pixels"))
    monkeypatch.setattr(shapes, "MOST_PAIRS", 7 * 63)
    pairs = [rows.size * others.shape[1] for rows, others in shapes._batches(data)]
    assert max(pairs) <= 7 * 63
    assert by_name(check_shapes(data, "pixels")) == whole
    assert whole["duplicates"].evidence["objects"] >= 4


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("kitten", "kiten", True),
        ("kitten", "kittne", True),
        ("kitten", "mitten", True),
        ("kitten", "kittens", True),
        ("kitten", "kitten", False),
        ("kitten", "kitnet", False),
        ("kitten", "sitting", False),
        ("ab", "ba", True),
    ],
)
def test_one_edit(one, other, near):
    assert is_one_edit(one, other) == near == is_one_edit(other, one)


def test_typos_are_rare_and_near_and_not_short_or_numbers(tmp_path):
    texts = ["bracket"] * 40 + ["bracket/left"] * 40 + ["brakcet/left", "slot 12", "cat", "bat"]
    texts += ["slot 13"] * 40 + ["cab"] * 40
    path = written(
        tmp_path / "r.jsonl", *(record((text, "bbox_2d", [1, 1, 9, 9])) for text in texts)
    )
    found = find_typos(read_annotations([path]))
    assert [(typo.text, typo.meant) for typo in found] == [("brakcet", "bracket")]


def test_coordinates_of_the_stored_picture_under_an_upright_size(tmp_path):
    """Sizes are upright; objects of the pictures that EXIF turns lie where the stored picture has them."""
    upright, stored = (60, 100), (100, 60)
    path = written(
        tmp_path / "r.jsonl",
        *(record(("a", "bbox_2d", [5, 5, 95, 50]), size=upright) for _ in range(5)),
        *(record(("a", "bbox_2d", [5, 5, 50, 95]), size=upright) for _ in range(5)),
    )
    data = read_annotations([path])
    numbers = Numbers.of(data, np.ones(10, dtype=np.bool_))
    headers = Headers(
        stored=np.array([stored] * 5 + [upright] * 5, dtype=float),
        orientation=np.array([6] * 5 + [1] * 5),
    )
    found = fits(numbers, declared_frame(data.size, "pixels"))
    assert check_exif(found, headers, data.size).check.cause == "stored-coordinates"


def picture(path, seed, size=(96, 64), **options):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, size=(8, 12, 3), dtype=np.uint8))
    small.resize(size, Image.Resampling.BICUBIC).save(path, **options)


def test_leakage_finds_copies_and_pictures_stored_again(tmp_path):
    for number in range(4):
        picture(tmp_path / f"t{number}.png", number)
    (tmp_path / "copy.png").write_bytes((tmp_path / "t1.png").read_bytes())
    with Image.open(tmp_path / "t2.png") as original:
        original.resize((144, 96)).convert("RGB").save(tmp_path / "again.jpg", quality=70)
    picture(tmp_path / "other.png", 99)
    box = ("a", "bbox_2d", [1, 1, 9, 9])
    train = written(
        tmp_path / "train.jsonl", *(record(box, size=(96, 64), image=f"t{n}.png") for n in range(4))
    )
    names = ("copy.png", "again.jpg", "other.png", "t3.png")
    val = written(
        tmp_path / "val.jsonl", *(record(box, size=(96, 64), image=name) for name in names)
    )
    leakage = by_name(examine([train], val=[val]).checks)["leakage"]
    assert leakage.verdict == "found"
    assert (leakage.evidence["same_file"], leakage.evidence["same_picture"]) == (2, 1)
    assert perceptual_hash(tmp_path / "t0.png") != perceptual_hash(tmp_path / "t1.png")  # fmt: skip


def test_a_picture_in_two_records_and_a_wrong_size(tmp_path):
    picture(tmp_path / "a.png", 1, size=(100, 80))
    picture(tmp_path / "b.png", 2, size=(100, 80))
    box = ("a", "bbox_2d", [1, 1, 9, 9])
    path = written(tmp_path / "r.jsonl", record(box), record(box), record(box, image="b.png"))
    assert by_name(examine([path]).checks)["repeated-pictures"].records == (0, 1)


def test_a_picture_on_both_sides_is_leakage_and_not_repeated(tmp_path):
    for name in ("a.png", "b.png"):
        picture(tmp_path / name, 1, size=(100, 80))
    box = ("a", "bbox_2d", [1, 1, 9, 9])
    train = written(tmp_path / "train.jsonl", record(box), record(box, image="b.png"))
    checks = by_name(examine([train], val=[written(tmp_path / "val.jsonl", record(box))]).checks)
    assert checks["repeated-pictures"].verdict == "ok"
    assert checks["leakage"].evidence["same_file"] == 1


def hostile(rng, depth=0):
    """A JSON value that no converter would write."""
    numbers = [0, -1, 1, 0.5, 1e300, -1e300, 1e-300, 640, 2**63, True]
    choices = [None, "", "text", [], {}, [hostile(rng, depth + 1)] if depth < 3 else 1, *numbers]
    return choices[int(rng.integers(len(choices)))]


@pytest.mark.parametrize("space", ["pixels", "norm1000"])
def test_hostile_lines_raise_nothing(tmp_path, space):
    rng = np.random.default_rng(11)
    lines = []
    for _ in range(600):
        objects = [
            {
                "desc": hostile(rng),
                ("bbox_2d", "poly", "line")[int(rng.integers(3))]: [
                    float(10 ** rng.uniform(-300, 300) * rng.choice([-1, 1, 0]))
                    if rng.random() < 0.3
                    else float(rng.uniform(0, 700))
                    for _ in range(int(rng.choice([2, 4, 4, 4, 6, 8])))
                ],
            }
            for _ in range(int(rng.integers(0, 6)))
        ]
        line = {"images": ["a.png"], "width": 640, "height": 480, "objects": objects}
        for key in list(line):
            if rng.random() < 0.03:
                line[key] = hostile(rng)
        text = json.dumps(line)
        lines.append(text[: int(rng.integers(len(text)))] if rng.random() < 0.05 else text)
    path = tmp_path / "hostile.jsonl"
    path.write_text("\n".join(lines))
    done = examine([path], space=space)
    assert len({check.name for check in done.checks}) == len(done.checks) == 17
    assert by_name(done.checks)["lines"].verdict == "found"
    json.dumps(as_json(done), allow_nan=False)
    as_text(done)
    write_doctor_page(tmp_path / "page.html", done)
