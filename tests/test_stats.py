"""`src.stats` on small files whose figures are known by hand.

Faults that it catches: invalid lines counted as records, sizes of the wrong records, a cost per record called one per object.
"""

import json

import pytest

from src import stats
from src.errors import ConfigError, DataError
from tests.training_fixtures import ROOT

FIELDS = {"width": 64, "height": 96}
RECORDS = [
    {
        "images": ["a.png"],
        "objects": [
            {"desc": "red bolt", "bbox_2d": [0, 0, 32, 48]},
            {"desc": "red bolt", "bbox_2d": [32, 48, 64, 96]},
            {"desc": "wire", "line": [0, 0, 64, 96]},
        ],
        **FIELDS,
    },
    {"images": ["b.png"], "objects": [], **FIELDS},
    {"images": ["c.png"], "summary": "Two bolts.", "objects": [], "width": 640, "height": 960},
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
]
ANSWERS = {
    "standard": '{"object_1": {"desc": "red bolt", "bbox_2d": [0, 0, 500, 500]}, '
    '"object_2": {"desc": "wire", "line_points": 2, "line": [[0, 0], [1000, 1000]]}, '
    '"object_3": {"desc": "red bolt", "bbox_2d": [500, 500, 1000, 1000]}}',
    "qwen": '[{"bbox_2d": [0, 0, 500, 500], "label": "red bolt"}, '
    '{"line": [0, 0, 1000, 1000], "label": "wire"}, '
    '{"bbox_2d": [500, 500, 1000, 1000], "label": "red bolt"}]',
    "compact": '[["red bolt",0,0,500,500],["wire","line",0,0,1000,1000],'
    '["red bolt",500,500,1000,1000]]',
    "grouped": '{"red bolt":[[0,0,500,500],[500,500,1000,1000]],"wire":[["line",0,0,1000,1000]]}',
}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS) + "{broken\n")
    return path


def told(capsys, *words: str):
    assert stats.main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_figures_of_a_file(data, capsys):
    found = told(capsys, "--jsonl", str(data), "--labels", "1")
    assert (found["num_records"], found["num_invalid"]) == (5, 1)
    assert found["modes"] == {"dense": 1, "negative": 1, "summary": 1, "chat": 1}
    assert (found["num_objects"], found["kinds"]) == (3, {"bbox_2d": 2, "line": 1})
    assert (found["num_labels"], found["labels"]) == (2, {"red bolt": 2})
    assert found["objects_per_record"] == {"least": 0, "mean": 1.5, "median": 1.5, "most": 3}
    assert found["width_px"] == {"least": 64, "mean": 256, "median": 64, "most": 640}
    # 64 x 96 pixels are 2 x 3 cells, 640 x 960 are 20 x 30.
    assert found["image_tokens"] == {"least": 6, "mean": 204, "median": 6, "most": 600}


def test_without_a_model_formats_cost_characters(data, capsys):
    found = told(capsys, "--jsonl", str(data))
    assert found["unit"] == "characters"
    costs = {name: cost["per_object"] for name, cost in found["formats"].items()}
    assert costs == {name: pytest.approx(len(text) / 3) for name, text in ANSWERS.items()}
    assert found["formats"]["grouped"]["ratio"] < 0.5


def test_the_document_shows_these_very_answers():
    text = (ROOT / "docs" / "data" / "OUTPUT_FORMATS.md").read_text(encoding="utf-8")
    for name, answer in ANSWERS.items():
        assert f"| `{name}` | `{answer}` |" in text


def test_a_checkpoint_counts_tokens_under_a_config(config_file, data, nano_model, capsys):
    from src.training.tokenizer import open_tokenizer

    tokens = open_tokenizer(nano_model)
    found = told(capsys, "--jsonl", str(data), "--config", str(config_file))
    assert found["unit"] == "tokens"
    costs = {name: cost["per_answer"] for name, cost in found["formats"].items()}
    assert costs == {name: tokens(text) for name, text in ANSWERS.items()}
    assert stats.main(["--jsonl", str(data), "--model", str(nano_model)]) == 0
    text = capsys.readouterr().out
    assert "tokens/object" in text
    assert "red bolt" in text
    assert "invalid  1 left out" in text


def test_an_empty_file_and_a_wrong_model_are_told(tmp_path, data):
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{\n")
    with pytest.raises(DataError, match="no valid record"):
        stats.main(["--jsonl", str(broken)])
    with pytest.raises(ConfigError, match="tokenizer"):
        stats.main(["--jsonl", str(data), "--model", str(tmp_path)])


def test_a_file_without_objects_has_no_costs(tmp_path, capsys):
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps(RECORDS[3]) + "\n")
    found = told(capsys, "--jsonl", str(path))
    assert found["formats"] == {}
    assert found["width_px"] is None
    assert stats.main(["--jsonl", str(path)]) == 0
