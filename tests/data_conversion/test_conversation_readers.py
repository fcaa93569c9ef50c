"""Conversation files as others write them: what is read, what is refused and why, which format is which."""

import json
import pickle

import pytest

from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.row_files import index_rows
from src.errors import DataError, RecordError
from tests.data_conversion.conversations import opened, picture, read_all, row, write_lines

CONVERSATIONS = ("llama_factory", "ms_swift", "qwen")
BOX = '[{"bbox_2d": [100, 200, 300, 400], "label": "bolt"}]'


def qwen_row(answer, image="a.png"):
    turns = [("human", "<image>\nFind all."), ("gpt", answer)]
    return {
        "image": image,
        "conversations": [{"from": role, "value": text} for role, text in turns],
    }


def rules(export):
    found = []
    for item in export.listing.items:
        try:
            export.read(item)
            found.append("")
        except RecordError as error:
            found.append(error.issues[0].rule)
    return found


@pytest.fixture
def folder(tmp_path):
    picture(tmp_path / "images" / "a.png", (640, 480))
    return tmp_path


def points(image):
    return [(item.label, item.kind, item.points) for item in image.objects]


def test_the_spaces_of_an_answer(folder):
    write_lines(folder / "d.jsonl", [row(BOX)])
    expected = {
        "pixels": (100.0, 200.0, 300.0, 400.0),
        "norm1000": (64.0, 96.0, 192.0, 192.0),
        "qwen25": (100 * 640 / 644, 200 * 480 / 476, 300 * 640 / 644, 400 * 480 / 476),
    }
    for space, box in expected.items():
        (image,) = read_all("llama_factory", folder, space=space)
        assert points(image) == [("bolt", "bbox_2d", pytest.approx(box))]
        assert (image.image, image.image_name, image.num_objects) == ("images/a.png", "a.png", 1)
        assert image.metadata == {"row": 1, "prompt": "Find all."}


@pytest.mark.parametrize(
    "answer",
    [
        BOX,
        f"```json\n{BOX}\n```",
        BOX[1:-1],
        '[\n\t{"label": "bolt", "bbox_2d": [100, 200, 300, 400]}\n]',
        '{"object_1": {"desc": "bolt", "bbox_2d": [100, 200, 300, 400]}}',
        '[["bolt",100,200,300,400]]',
        '{"bolt":[[100,200,300,400]]}',
    ],
)
def test_wordings_of_one_answer(folder, answer):
    (folder / "d.json").write_text(json.dumps([qwen_row(answer)]))
    (image,) = read_all("qwen", folder, space="norm1000")
    assert points(image) == [("bolt", "bbox_2d", (64.0, 96.0, 192.0, 192.0))]


def test_polygons_lines_scores_and_fractions(folder):
    answer = (
        '[{"poly": [0, 0, 0.5, 0, 0.5, 0.5], "label": "p"}, {"line": [[0, 0], [1, 1]], "label": "l"},'
        ' {"bbox_2d": [0, 0, 1, 0.5], "label": "b", "score": 0.7}]'
    )
    (folder / "d.json").write_text(json.dumps([qwen_row(answer)]))
    (image,) = read_all("qwen", folder, space="norm1")
    assert points(image) == [
        ("p", "poly", (0, 0, 320, 0, 320, 240)),
        ("l", "line", (0, 0, 640, 480)),
        ("b", "bbox_2d", (0, 0, 640, 240)),
    ]
    assert [dict(item.attributes) for item in image.objects] == [{}, {}, {"score": 0.7}]


def test_what_is_no_grounding_answer_is_refused_with_its_reason(folder):
    two_turns = row(BOX)
    two_turns["messages"] *= 2
    rows = [
        row(BOX),
        row("A bolt on a plate."),
        row(BOX[:-4]),
        row('[{"bbox_2d": [300, 200, 100, 400], "label": "bolt"}]'),
        row(BOX + " I hope this helps."),
        two_turns,
        {**row(BOX), "images": ["a.png", "a.png"]},
        {**row(BOX), "images": []},
        row(BOX, image="missing.png"),
        {"messages": [{"role": "user", "content": [{"type": "image"}]}], "images": ["a.png"]},
        row("[]"),
    ]
    write_lines(folder / "d.jsonl", rows)
    with (folder / "d.jsonl").open("a") as handle:
        handle.write("\n{torn\n[1]\n")
    assert rules(opened("llama_factory", folder, space="norm1000")) == [
        "",
        "not-grounding",
        "answer-damaged",
        "answer-damaged",
        "answer-damaged",
        "not-grounding",
        "not-grounding",
        "not-grounding",
        "image-missing",
        "not-grounding",
        "",
        "json",
        "json",
    ]


def test_a_row_that_is_no_grounding_is_sent_to_the_chat_command(folder):
    write_lines(folder / "d.jsonl", [row("A bolt.")])
    export = opened("llama_factory", folder, space="norm1000")
    with pytest.raises(RecordError, match="public_data chat") as caught:
        export.read(export.listing.items[0])
    assert "d.jsonl: row 1" in str(caught.value)


@pytest.mark.parametrize(
    ("space", "is_seen"),
    [("pixels", True), ("norm100", True), ("norm1", True), ("norm1000", False)],
)
def test_a_space_that_the_numbers_contradict_is_named(folder, space, is_seen):
    """Fault: 0..1000 read as pixels of a 640x480 picture, as 0..100 or as fractions."""
    write_lines(folder / "d.jsonl", [row('[{"bbox_2d": [5, 5, 990, 995], "label": "bolt"}]')])
    export = opened("llama_factory", folder, space=space)
    assert rules(export) == (["space-contradicted"] if is_seen else [""])


def test_a_little_outside_is_left_to_the_step_that_clips(folder):
    write_lines(folder / "d.jsonl", [row('[{"bbox_2d": [5, 5, 642, 480], "label": "bolt"}]')])
    (image,) = read_all("llama_factory", folder, space="pixels")
    assert image.objects[0].points[2] == 642


def test_the_space_must_be_said(folder):
    write_lines(folder / "d.jsonl", [row(BOX)])
    for name in CONVERSATIONS:
        with pytest.raises(DataError, match="space=norm1000"):
            opened(name, folder)


def test_ms_swift_says_itself_what_boxes_mean(folder):
    style = '[{"bbox_2d": <bbox>, "label": "<ref-object>"}, {"bbox_2d": <bbox>, "label": "<ref-object>"}]'
    refs = ["a", 'b \\"c\\"']
    real = {"ref": refs, "bbox": [[10, 20, 30.5, 40], [50, 60, 40, 70]], "bbox_type": "real"}
    norm = {"ref": refs, "bbox": [[0.25, 0, 0.5, 1], [0, 0, 1, 1]], "bbox_type": "norm1"}
    write_lines(folder / "d.jsonl", [row(style, objects=real), row(style, objects=norm)])
    first, second = read_all("ms_swift", folder)
    assert points(first) == [
        ("a", "bbox_2d", (10, 20, 30.5, 40)),
        ('b "c"', "bbox_2d", (40, 60, 50, 70)),
    ]
    assert [(f.rule, f.object_index) for f in first.findings] == [("corners-swapped", 1)]
    assert points(second)[0] == ("a", "bbox_2d", (160, 0, 320, 480))


@pytest.mark.parametrize(
    ("question", "answer", "refs", "labels"),
    [
        ("Find.", "<ref-object><bbox> and <ref-object><bbox>", ["a", "b"], ["a", "b"]),
        ("Where is <ref-object>?", "<bbox>, <bbox>", ["a"], ["a", "a"]),
        ("Find.", "<bbox> is <ref-object>; <bbox> is <ref-object>", ["a", "b"], ["a", "b"]),
        ("Find.", "<ref-object>: <bbox><bbox>", ["a"], ["a", "a"]),
        ("Find.", "<ref-object> and <ref-object>: <bbox><bbox>", ["a", "b"], ["a", "b"]),
        ("<ref-object>, <ref-object>?", "<bbox><bbox>", ["a", "b"], ["a", "b"]),
        ("Find.", "<ref-object>: <bbox>, <bbox>; <ref-object> hides", ["a", "b"], ["a", "a"]),
        ("<ref-object>?", "<ref-object>: <bbox>, <bbox>", ["a", "b"], ["b", "b"]),
    ],
)
def test_ms_swift_boxes_find_their_references_in_any_wording(
    folder, question, answer, refs, labels
):
    found = row(answer, objects={"ref": refs, "bbox": [[1, 2, 30, 40], [5, 6, 70, 80]]})
    found["messages"][0]["content"] = f"<image>{question}"
    write_lines(folder / "d.jsonl", [found])
    (image,) = read_all("ms_swift", folder)
    assert points(image) == [
        (labels[0], "bbox_2d", (1, 2, 30, 40)),
        (labels[1], "bbox_2d", (5, 6, 70, 80)),
    ]


def test_ms_swift_rows_that_would_teach_something_else(folder):
    one = "<ref-object><bbox>"
    box = [1, 2, 30, 40]
    rows = [
        row(one * 2, objects={"ref": ["a"], "bbox": [box]}),
        row(one, objects={"ref": ["a"], "bbox": [box, box]}),
        row("<bbox>", objects={"ref": [], "bbox": [box]}),
        row(one, objects={"ref": ["a"], "bbox": [[1, 2, 3]]}),
        row(one, objects={"ref": ["a"], "bbox": [box], "bbox_type": "norm1000"}),
        row(one, objects={"ref": ["a"], "bbox": [box], "image_id": [1]}),
        row(one, objects={"ref": ["a"], "bbox": [box], "bbox_type": []}),
        row(one, objects={"ref": ["a"], "bbox": [box], "image_id": 5}),
        row(one, objects={"ref": [["a"]], "bbox": [box]}),
        row(one, objects={"ref": ["a"], "bbox": 7}),
        row(one, objects={"ref": ["a"], "bbox": [box], "bbox_type": "norm1"}),
        row("[]", objects={"ref": [], "bbox": []}),
        row(BOX, objects={}),
    ]
    write_lines(folder / "d.jsonl", rows)
    assert rules(opened("ms_swift", folder)) == [
        "placeholder-count", "placeholder-count", "reference-missing", "objects", "objects",
        "objects", "objects", "objects", "objects", "objects", "space-contradicted", "", "space-missing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "answer", "refs"),
    [
        ("<ref-object>, <ref-object>?", "<bbox>", ["a", "b"]),
        ("<ref-object>?", "<bbox> and the <ref-object>", ["a", "b"]),
        ("Find.", "<bbox> <ref-object> <ref-object>", ["a", "b"]),
    ],
)
def test_ms_swift_boxes_without_a_clear_reference_are_refused(folder, question, answer, refs):
    found = row(answer, objects={"ref": refs, "bbox": [[1, 2, 30, 40]]})
    found["messages"][0]["content"] = f"<image>{question}"
    write_lines(folder / "d.jsonl", [found])
    assert rules(opened("ms_swift", folder)) == ["reference-missing"]


def test_a_point_is_dropped_with_a_finding(folder):
    objects = {"ref": ["a", "b"], "bbox": [[10, 20], [1, 2, 30, 40]]}
    write_lines(folder / "d.jsonl", [row("<ref-object><bbox>" * 2, objects=objects)])
    (image,) = read_all("ms_swift", folder)
    assert [item.label for item in image.objects] == ["b"]
    assert image.num_objects == 2
    assert [(f.kind, f.rule, f.label) for f in image.findings] == [("dropped", "point", "a")]


def test_without_pictures_pixels_stay_and_shares_are_refused(folder):
    write_lines(folder / "d.jsonl", [row(BOX)])
    (image,) = read_all("llama_factory", folder, images=False, space="pixels")
    assert image.objects[0].points == (100, 200, 300, 400)
    assert rules(opened("llama_factory", folder, images=False, space="norm1000")) == [
        "size-missing"
    ]


def test_a_picture_on_its_side_is_refused(tmp_path):
    picture(tmp_path / "a.png", (60, 40), orientation=6)
    write_lines(tmp_path / "d.jsonl", [row(BOX)])
    assert rules(opened("llama_factory", tmp_path, space="norm1000")) == ["exif-undecidable"]


@pytest.mark.parametrize(
    ("name", "file", "rows"),
    [
        ("qwen", "d.json", [qwen_row(BOX)]),
        ("qwen", "d.jsonl", [qwen_row(BOX)]),
        ("llama_factory", "d.json", [row(BOX)]),
        ("ms_swift", "d.jsonl", [row(BOX)]),
        ("ms_swift", "d.json", [row("<bbox>", objects={"bbox": [[1, 2, 3, 4]]})]),
        (None, "d.jsonl", [{**row("hi"), "width": 4, "height": 4}]),
        (None, "d.jsonl", [{"images": ["a.png"], "objects": [], "width": 4, "height": 4}]),
        (None, "d.json", {"images": [], "annotations": [], "categories": []}),
        (None, "d.json", []),
    ],
)
def test_formats_are_told_apart(tmp_path, name, file, rows):
    path = tmp_path / file
    path.write_text(json.dumps(rows)) if file == "d.json" else write_lines(path, rows)
    for source in (tmp_path, path):
        claims = {key: READERS[key].recognise(source) for key in CONVERSATIONS}
        assert [key for key, text in claims.items() if text] == ([name] if name else [])


def test_dataset_info_tells_llama_factory_lines_from_ms_swift(tmp_path):
    write_lines(tmp_path / "d.jsonl", [row(BOX)])
    (tmp_path / "dataset_info.json").write_text("{}")
    assert READERS["llama_factory"].recognise(tmp_path)
    assert not READERS["ms_swift"].recognise(tmp_path)


def test_recognising_never_raises(tmp_path):
    for number, data in enumerate((b"", b"\xff\xfe\x00", b"[", b'[{"a": ', b"{}\n", b"null")):
        (tmp_path / f"f{number}.json").write_bytes(data)
    assert [READERS[name].recognise(tmp_path) for name in CONVERSATIONS] == ["", "", ""]


def test_file_names_give_the_split_and_the_export_travels(folder):
    write_lines(folder / "my_train.jsonl", [row(BOX)] * 3)
    write_lines(folder / "my_val.jsonl", [row(BOX)])
    write_lines(folder / "other.jsonl", [row(BOX)])
    export = pickle.loads(pickle.dumps(opened("llama_factory", folder, space="pixels")))
    split = export.listing.split
    assert sorted(split.values()) == ["train"] * 3 + ["val"]
    assert split["my_val.jsonl#00000000"] == "val"
    assert len(export.listing.items) == 5
    assert all(export.read(item).num_objects == 1 for item in export.listing.items)


def test_rows_of_a_list_are_found_by_their_bytes(tmp_path):
    values = [{"a": 'x ] } " \\', "b": [[1], {"c": "é"}]}, [1, [2]], {}]
    for text in (json.dumps(values), json.dumps(values, indent=2, ensure_ascii=False)):
        path = tmp_path / "d.json"
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        file = index_rows(path, "d.json")
        found = [
            json.loads(path.read_bytes()[start:end])
            for start, end in zip(file.starts, file.ends, strict=True)
        ]
        assert found == values


@pytest.mark.parametrize("text", ['[{"a": 1}', '[{"a": 1}, 7]', '["x"]', "[{}] {}", "[null, {}]", '[{"a": "b]'])  # fmt: skip
def test_a_damaged_list_is_refused_whole(tmp_path, text):
    """Fault: a truncated file, or a value between the rows, read as a shorter set."""
    path = tmp_path / "d.json"
    path.write_text(text)
    with pytest.raises(DataError):
        index_rows(path, "d.json")
