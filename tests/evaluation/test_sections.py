"""The sections of the command: what it prints and writes, and what it refuses."""

import json
from dataclasses import replace

import pytest

from src.contract.predictions import prediction_to_line
from src.errors import ConfigError, DataError, UsageError
from src.evaluation.__main__ import main
from src.evaluation.config import EvaluationConfig, ScoreConfig
from src.evaluation.embedding import EmbeddingSimilarity
from src.evaluation.sections import SectionRules, sections_of
from src.rng import generator
from tests.evaluation.cases import box, prediction
from tests.evaluation.prediction_making import disordered, random_predictions
from tests.evaluation.test_embedding import embed

PACK = """\
id: mine
language: en
description: a test
prompts: {dense: {user: "List."}, summary: {user: "Sum up."}}
format_hints: {standard: "As JSON."}
coordinate_hints: {none: pixels, norm100: "0 to 100", norm1000: "0 to 1000"}
tokens: {uncertain: unsure, irrelevant: nothing}
desc_grammar: {form: key_value}
summary_grammar: {separators: [";"]}
"""


@pytest.fixture
def files(tmp_path):
    dense = prediction(
        [box(0, 0, 50, 50, desc="kind=bolt,state=new")], [box(0, 0, 50, 50, desc="kind=bolt")]
    )
    texts = [("bolt×2; nut", "bolt×2; wire"), ("nothing", "nothing")]
    summaries = [
        prediction(None, [], mode="summary", summary=truth, text=answer) for truth, answer in texts
    ]
    (tmp_path / "preds.jsonl").write_bytes(
        b"".join(prediction_to_line(item) for item in (dense, *summaries))
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pack.yaml").write_text(PACK)
    return tmp_path


def written(files, *words):
    out = files / "metrics.json"
    assert main(["--pred", str(files / "preds.jsonl"), "--out", str(out), *words]) == 0
    return json.loads(out.read_text())


def test_the_command_writes_every_section_by_the_grammars_of_the_pack(files, capsys):
    found = written(files, "--domain", str(files / "mine"), "--score-source", "constant")
    assert found["text"]["slots"]["kind"]["f1"] == 1.0
    assert found["text"]["slots"]["state"]["recall"] == 0.0
    assert found["text"]["head"] == 1.0
    assert found["captions"]["num_truths"] == 1
    assert found["average_precision"]["source"] == "constant"
    assert found["average_precision"]["bbox"]["AP"]["mean"] == 0.0
    assert found["summary"]["item_f1"] == pytest.approx(2 * 2 / 6)
    assert found["summary"]["irrelevant_recall"] == 1.0
    assert found["embedding"] is None
    printed = capsys.readouterr().out
    for words in ("slot state", "dense captions", "average precision", "summaries", "item f1"):
        assert words in printed


def test_the_group_of_an_object_is_no_part_of_its_head_term(files):
    grouped = PACK.replace("key_value", "type_attr") + 'grouping: {template: "set {n}: "}\n'
    (files / "mine" / "pack.yaml").write_text(grouped)
    place = (0, 0, 50, 50)
    made = prediction([box(*place, desc="set 1: bolt/new")], [box(*place, desc="set 2: bolt/new")])
    (files / "preds.jsonl").write_bytes(prediction_to_line(made))
    found = written(files, "--domain", str(files / "mine"))["text"]
    assert (found["head"], found["exact"]) == (1.0, 0.0)
    assert {name: slot["f1"] for name, slot in found["slots"].items()} == {
        "type": 1.0,
        "attributes": 1.0,
    }


def test_without_a_score_source_there_is_no_average_precision(files):
    found = written(files, "--tie-orders", "3")
    assert found["average_precision"] is None
    # The generic pack has plain descriptions.
    assert found["text"]["slots"] == {}
    assert found["captions"]["source"] == "constant"


def test_what_makes_no_sense_is_refused(files):
    pred = str(files / "preds.jsonl")
    with pytest.raises(DataError, match="no verbalised scores"):
        main(["--pred", pred, "--score-source", "verbalised"])
    with pytest.raises(UsageError, match="no order"):
        main(["--pred", pred, "--tie-orders", "0"])
    with pytest.raises(ConfigError, match="does not exist"):
        main(["--pred", pred, "--domain", str(files / "gone")])
    (files / "mine" / "pack.yaml").write_text(PACK.replace("form:", "from:"))
    with pytest.raises(ConfigError, match="did you mean form"):
        main(["--pred", pred, "--domain", str(files / "mine")])


def test_sections_do_not_depend_on_order():
    rng = generator(1, "sections")
    items = random_predictions(rng, 30)
    items.append(prediction(None, [], mode="summary", summary="bolt×2", text="bolt×1"))
    rules = SectionRules(
        irrelevant="nothing", scores=ScoreConfig(num_orders=3), is_score_declared=True
    )
    expected = sections_of(items, EvaluationConfig(), rules)
    assert None not in (
        expected.text,
        expected.captions,
        expected.average_precision,
        expected.summary,
    )
    assert sections_of(disordered(rng, items), EvaluationConfig(), rules) == expected


def test_a_section_is_absent_where_the_file_has_nothing_for_it():
    rules = SectionRules(irrelevant="nothing", is_score_declared=True, embed=embed)
    empty = sections_of([prediction([], [])], EvaluationConfig(), rules)
    assert set(empty.to_json().values()) == {None}
    assert empty.table() == ""
    same = prediction([box(0, 0, 9, 9, desc="bolt")], [box(0, 0, 9, 9, desc="screw")])
    embedded = sections_of([same, replace(same, row=1)], EvaluationConfig(), rules).embedding
    assert embedded == EmbeddingSimilarity(pairs=2, mean_cosine=pytest.approx(0.6))
