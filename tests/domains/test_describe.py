"""From labels and answers to descs: exact matches, conditions, remarks, groups, summaries."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.domains.desc_reading import read_desc
from src.domains.describe import describe
from src.domains.examples import examples
from src.domains.groups import number_groups
from src.domains.loader import load_pack, pack_ids
from src.domains.summarise import summarise
from src.domains.vocabulary import Vocabulary
from src.evaluation.desc_parts import desc_parts
from src.evaluation.summary_items import plain_items, true_summary
from tests.domains.packs import RULES, bolts

BAD = {"maker": "acme", "state": "not fine", "defect": ("rust", "loose"), "note": "on top"}


@pytest.fixture
def words(tmp_path):
    return Vocabulary.of(bolts(tmp_path / "mine"))


@pytest.mark.parametrize(
    ("form", "desc"),
    [
        ("type_attr", "bolt/Acme,bad/rusty,loose,note on top"),
        ("key_value", "kind=bolt,maker=Acme,condition=bad,defect=rusty,defect=loose,remark=note on top"),
        ("plain", "bolt,Acme,bad,rusty,loose,note on top"),
    ],
)  # fmt: skip
def test_answers_stand_in_the_form_of_the_grammar(tmp_path, form, desc):
    words = Vocabulary.of(bolts(tmp_path / "mine", form))
    described = describe("screw", BAD, words)
    assert described.desc == desc
    assert described.findings == ()
    assert desc_parts(desc, words.pack.desc_grammar).head == "bolt"


CASES = [
    ("bolt", {"state": "fine"}, "bolt/good", []),
    ("bolt", {"state": "fine", "maker": "other"}, "bolt/good", ["answer-silent"]),
    ("bolt", {"state": "fine", "note": "none"}, "bolt/good", ["text-dropped"]),
    ("bolt", {"state": "fine", "note": "box drawn badly"}, "bolt/good", ["text-dropped"]),
    ("bolt", {"state": "fine", "note": "a/b, c"}, "bolt/good,note a b c", ["text-separator"]),
    ("bolt", {"state": "fine", "defect": "rust"}, "bolt/good", ["answer-not-asked"]),
    ("bolt", {"state": "fine", "colour": "red"}, "bolt/good", ["question-ignored"]),
    ("bolt", {"state": "fine", "weight": 3}, "bolt/good", ["question-unmapped"]),
    ("bolt", {}, "bolt", ["answer-missing"]),
    ("bolt", {"note": "x"}, "bolt/note x", ["answer-missing"]),
    ("bolt", {"state": "FINE"}, "bolt", ["answer-unmapped"]),
    ("bolt", {"state": ("fine", "not fine")}, "bolt", ["answer-unmapped"]),
    ("bolt", {"state": "ﬁne"}, "bolt/good", ["text-unicode"]),
    ("bolt", {"state": " not  fine "}, "bolt/bad", []),
    ("bolt", {"state": "not fine", "defect": "crack"}, "bolt/bad", ["answer-unmapped"]),
    ("bolts", {"state": "fine"}, "bolts", ["label-unmapped"]),
    ("nut, M8/×3; new", {}, "nut M8 3 new", ["label-unmapped", "text-separator"]),
    ("cat", {}, "animal", []),
    ("", {"what": "cat"}, "animal", []),
    ("cat", {"state": "fine"}, "animal", ["question-unmapped"]),
    ("bolt", {"what": "screw", "state": "fine"}, "bolt/good", []),
    ("bolt", {"what": "", "state": "fine"}, "bolt/good", []),
    ("x", {"what": "screw", "state": "fine"}, "bolt/good", ["label-conflict-unmapped"]),
    ("sign", {"what": "cat"}, "animal", ["label-conflict-unmapped"]),
    ("", {}, "sign/unreadable", ["label-empty"]),
    ("", {"text": "EXIT"}, "sign/EXIT", ["label-empty"]),
    ("", {"text": "EXIT", "maker": "acme"}, "sign/EXIT", ["label-empty", "question-unmapped"]),
    ("sign", {}, "sign/unreadable", []),
    ("sign", {"text": "EXIT"}, "sign/EXIT", []),
    ("distance", {"metres": 12}, "distance/12", []),
    ("distance", {"metres": "far"}, "distance", ["answer-unmapped"]),
    ("bolt", {"state": "fine", "note": "not sure"}, "bolt/unsure,note not sure", ["review-uncertain"]),
    ("bolt", {"state": "fine", "note": "not sure-fire"}, "bolt/good,note not sure-fire", []),
]  # fmt: skip


@pytest.mark.parametrize(("label", "answers", "desc", "rules"), CASES)
def test_what_is_known_is_written_and_the_rest_is_told(words, label, answers, desc, rules):
    described = describe(label, answers, words)
    assert (described.desc, [finding.rule for finding in described.findings]) == (desc, rules)


def test_a_pack_without_taxonomy_takes_labels_as_they_come():
    words = Vocabulary.of(load_pack("generic"))
    described = describe("  traffic \n light ", {"occluded": True}, words)
    assert (described.desc, described.findings) == ("traffic light", ())


def test_groups_are_numbered_and_one_member_is_no_group(words):
    descs, findings = number_groups(["a", "b", "c", "d", "e"], ["x", "y", "", "x", "z"], words.pack)
    assert descs == ("group 1: a", "b", "c", "group 1: d", "e")
    assert [(at, finding.rule) for at, finding in findings] == [
        (1, "group-single"), (4, "group-single"),
    ]  # fmt: skip
    _, ignored = number_groups(["a", "b"], ["x", "x"], load_pack("generic"))
    assert [finding.rule for _, finding in ignored] == ["group-ignored"] * 2


def test_a_counted_summary_is_ordered_and_reads_back(words):
    descs = ["bolt/good", "distance/5", "sign/EXIT", "bolt/good", "group 2: distance/5"]
    text = summarise(descs, words)
    assert text == "bolt/good×2; sign/EXIT×1; distance/5; group 2: distance/5"
    assert plain_items(text, words.pack.summary_grammar) == {
        "bolt good": 2, "sign exit": 1, "distance 5": 1, "group 2 distance 5": 1,
    }  # fmt: skip
    assert summarise([], words) is None
    assert summarise(["a"], Vocabulary.of(load_pack("generic"))) is None


@pytest.mark.parametrize("form", ["type_attr", "key_value", "plain"])
def test_a_json_summary_counts_answers_by_their_question(tmp_path, form):
    rules = RULES.replace("form: counted,", "form: json, json: {{groups: sets}},")
    words = Vocabulary.of(bolts(tmp_path / "mine", form, rules))
    described = [describe("bolt", BAD, words).desc, describe("bolt", {"state": "fine"}, words).desc]
    descs, _ = number_groups([*described, "cow"], ["a", "a", ""], words.pack)
    text = summarise(descs, words)
    assert json.loads(text) == {
        "counts": [
            {
                "category": "bolt", "number": 2, "maker": {"Acme": 1},
                "condition": {"bad": 1, "good": 1}, "defect": {"rusty": 1, "loose": 1},
            },
            {"category": "cow", "number": 1},
        ],
        "remarks": ["on top"],
        "sets": {"1": {"bolt": 2}},
    }  # fmt: skip
    assert true_summary(text, words.pack.summary_grammar).form == "json"


@pytest.mark.parametrize("name", pack_ids())
def test_every_example_of_a_shipped_pack_describes_without_a_finding_and_reads_back(name):
    words = Vocabulary.of(load_pack(name))
    for example in examples(words, 5):
        described = describe(example.label, example.answers, words)
        assert described.findings == ()
        read = read_desc(described.desc, words)
        assert read.type_name == example.type_name
        assert len(read.answers) + len(read.remarks) == len(example.answers)


@pytest.fixture(scope="module", params=["type_attr", "key_value", "plain"])
def formed(request, tmp_path_factory):
    return Vocabulary.of(bolts(tmp_path_factory.mktemp(request.param) / "mine", request.param))


SAID = ["fine", "not fine", "acme", "rust", "none", "a/b", "k=v", "x，y", "2×3"]
TEXTS = st.sampled_from(SAID) | st.text(max_size=8)
QUESTIONS = st.sampled_from(["maker", "state", "defect", "note", "colour"]) | st.text(max_size=4)
VALUES = TEXTS | st.integers() | st.booleans() | st.lists(TEXTS, max_size=3).map(tuple)


@settings(max_examples=80, deadline=None)
@given(answers=st.dictionaries(QUESTIONS.filter(lambda text: text != "what"), VALUES, max_size=5))
def test_whatever_is_annotated_is_written_so_that_it_can_be_taken_apart(formed, answers):
    desc = describe("bolt", answers, formed).desc
    assert desc_parts(desc, formed.pack.desc_grammar).head == "bolt"
    assert read_desc(desc, formed).type_name == "bolt"
    summary = summarise([desc, desc], formed)
    assert list(plain_items(summary, formed.pack.summary_grammar).values()) == [2]


@pytest.mark.parametrize("label", ["a/b, c", "k=v", "x，y", "2×3", "a; b ×4"])
def test_a_label_that_the_pack_lacks_is_one_item(formed, label):
    desc = describe(label, {}, formed).desc
    assert read_desc(desc, formed).type_name == desc
    summary = summarise([desc, desc, "bolt"], formed)
    assert sorted(plain_items(summary, formed.pack.summary_grammar).values()) == [1, 2]
