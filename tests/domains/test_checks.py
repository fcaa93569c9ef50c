"""A pack that contradicts itself is refused, every problem with its place, in one pass."""

import pytest

from src.domains.loader import load_pack
from src.errors import ConfigError
from tests.domains.packs import BASE, FORM, RULES, SANITIZERS, TAXONOMY, write_pack

TYPE_ATTR = FORM.replace("{form}", "type_attr").replace("{more}", "")
MAIN = BASE + TYPE_ATTR + RULES.replace("{review_key}", "")


def load(folder, main=MAIN, **sections):
    return load_pack(write_pack(folder / "mine", main, **sections))


def refused(folder, main=MAIN, **sections):
    with pytest.raises(ConfigError) as caught:
        load(folder, main, **sections)
    return {issue.rule: issue for issue in caught.value.issues}


def edited(**edits):
    """The taxonomy with one text replaced: old=..., new=..."""
    assert edits["old"] in TAXONOMY
    return TAXONOMY.replace(edits["old"], edits["new"])


TAXONOMY_FAULTS = [
    ("label-twice", "labels: [bolt, screw]", "labels: [bolt, cat]"),
    ("label-twice", "labels: [bolt, screw]", "labels: [bolt, sign]"),
    ("label-twice", "labels: [bolt, screw]", "labels: [bolt, 'bolt ']"),
    ("type-twice", "- name: sign", "- name: bolt\n    labels: [other]"),
    ("raw-text", "labels: [bolt, screw]", "labels: [bolt, ' ']"),
    ("question-twice", "question: maker", "question: state"),
    ("question-twice", "ignored: [colour]", "ignored: [maker]"),
    ("unknown-question", "when: {{question: state", "when: {{question: stat"),
    ("unknown-question", "when: {{question: state", "when: {{question: note"),
    ("unknown-answer", 'answers: ["not fine"]}}', 'answers: ["bad"]}}'),
    ("answers", "free_text: {{fallback: unreadable}}", "required: true"),
    ("level", "level: 2", "level: 0"),
    ("answer-twice", "{{acme: Acme, other", "{{acme: Acme, ' acme': Acne, other"),
    ("separator", "acme: Acme", "acme: A/B"),
    ("separator", "acme: Acme", "acme: A，B"),
    ("separator", "acme: Acme", "acme: A×B"),
    ("separator", "- name: sign", "- name: 'sign, large'"),
    ("separator", 'cat: "animal"', 'cat: "animal; dog"'),
    ("separator", 'cat: "animal"', 'cat: "animal； dog"'),
    ("separator", 'cat: "animal"', 'cat: "animal/2×3"'),
    ("desc-form", 'cat: "animal"', 'cat: "animal//large"'),
    ("desc-form", 'cat: "animal"', 'cat: "animal/large,"'),
    ("desc-form", 'cat: "animal"', 'cat: " animal"'),
    ("desc-form", 'cat: "animal"', 'cat: ""'),
    ("template", "note {{value}}", "note {{text}}"),
    ("template", "note {{value}}", "note"),
    ("template", "note {{value}}", "{{value}} {{value}}"),
    ("pattern", '"[0-9]+"', '"[0-9"'),
    ("example", '"[0-9]+"', '"[0-9]+", example: far'),
]


@pytest.mark.parametrize(("rule", "old", "new"), TAXONOMY_FAULTS)
def test_a_taxonomy_that_says_two_things_is_refused_at_its_place(tmp_path, rule, old, new):
    text = edited(old=old, new=new)
    issue = refused(tmp_path, taxonomy=text, sanitizers=SANITIZERS)[rule]
    assert issue.where.startswith(f"{tmp_path / 'mine' / 'taxonomy.yaml'}:")
    assert issue.path.startswith("taxonomy.")


def test_a_problem_names_line_and_column(tmp_path):
    text = edited(old="level: 2", new="level: 0")
    issue = refused(tmp_path, taxonomy=text)["level"]
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "level: 0" in one)
    assert issue.where == f"{tmp_path / 'mine' / 'taxonomy.yaml'}:{line}:9"
    assert issue.path == "taxonomy.types[0].attributes[2].level"


OTHER_FAULTS = [
    ("prompt-placeholder", MAIN.replace("{{format_hint}}", "{{fomat_hint}}")),
    ("prompt-placeholder", MAIN.replace("What?", "{{mission}}?")),
    ("template", MAIN.replace("group {{n}}", "group")),
    ("summary-grammar", MAIN.replace('["not sure"]', '["x"]').replace('[";"]', '["|"]')),
    ("summary-grammar", MAIN.replace('"; ", ', '"; ", count_sign: "#", ')),
    ("summary-grammar", MAIN.replace('[";"]', '[";", ","]')),
    ("unknown-type", MAIN.replace("[distance]", "[distant]")),
    ("mission-id", MAIN + "missions: [{{id: A b, name: n, focus: f}}]\nverdicts: {{passed: y, failed: n}}\n"),
    ("mission-id", MAIN + "missions: [{{id: a, name: n, focus: f}}, {{id: a, name: m, focus: g}}]\n"),
    ("verdicts", MAIN + "missions: [{{id: a, name: n, focus: f}}]\n"),
    ("value-error", MAIN + "verdicts: {{passed: y, failed: y}}\n"),
    ("word", MAIN + 'lexicons: {{negations: [no, " not"]}}\n'),
    ("word", MAIN + "lexicons: {{negations: [no, no]}}\n"),
    ("word", MAIN.replace('["not sure"]', '[""]')),
    ("separator", MAIN.replace("uncertain: unsure", "uncertain: un/sure")),
    ("completeness", MAIN + "completeness: {{full: whole, partial: part}}\n"),
    ("completeness", MAIN + "completeness: {{full: rust, partial: loose}}\n"),
    ("unknown-key", MAIN + "lexicons: {{negation: [no]}}\n"),
    ("unknown-key", MAIN + "verdict: {{passed: y, failed: n}}\n"),
    ("pack-id", MAIN.replace("{id}", "other")),
    ("head-key", MAIN.replace("type_attr", "key_value")),
    ("form-key", MAIN.replace("type_attr", "key_value")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "main"), OTHER_FAULTS)
def test_parts_that_do_not_fit_together_are_refused(tmp_path, rule, main):
    issue = refused(tmp_path, main, taxonomy=TAXONOMY, sanitizers=SANITIZERS)[rule]
    assert issue.where.startswith(str(tmp_path / "mine" / "pack.yaml"))


@pytest.mark.parametrize(
    ("form", "desc", "allowed"),
    [
        ("type_attr", "animal/large,grey/asleep", True),
        ("type_attr", "animal／large，grey", True),
        ("plain", "animal, grey", True),
        ("plain", "animal,,grey", False),
        ("key_value", "animal", True),
        ("key_value", "kind=animal,state=asleep", True),
        ("key_value", "kind=animal,asleep", False),
        ("key_value", "state=asleep,kind=animal", False),
        ("key_value", "kind=animal,state=", False),
    ],
)
def test_a_whole_desc_follows_the_grammar(tmp_path, form, desc, allowed):
    more = ", head_key: kind" if form == "key_value" else ""
    main = BASE + FORM.replace("{form}", form).replace("{more}", more)
    taxonomy = f'labels: {{{{cat: "{desc}"}}}}'
    if allowed:
        assert load(tmp_path, main, taxonomy=taxonomy).taxonomy.labels == {"cat": desc}
    else:
        assert refused(tmp_path, main, taxonomy=taxonomy).keys() == {"desc-form"}


def test_a_whole_desc_may_hold_the_half_width_form_of_a_summary_separator_only(tmp_path):
    rules = RULES.replace('separator: "; "', 'separator: "，"').replace('[";"]', '["，"]')
    main = BASE + TYPE_ATTR + rules.replace("{review_key}", "")
    half = TAXONOMY.replace('"animal"', '"animal/large,grey"')
    assert load(tmp_path, main, taxonomy=half, sanitizers=SANITIZERS)
    full = TAXONOMY.replace('"animal"', '"animal/large，grey"')
    assert refused(tmp_path, main, taxonomy=full).keys() == {"separator"}


def test_the_label_of_objects_without_one_is_a_label_of_the_taxonomy(tmp_path):
    wrong = SANITIZERS.replace("empty_label: sign", "empty_label: sign/unreadable")
    issue = refused(tmp_path, taxonomy=TAXONOMY, sanitizers=wrong)["unknown-label"]
    assert issue.path == "sanitizers[4].empty_label"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {{unicode: NFKC, spaces: single}}", "exactly one"),
        ("- {{only: [label]}}", "exactly one"),
        ("- {{replace: {{ab: c}}}}", "single characters"),
        ("- {{drop: {{}}}}", "names texts or patterns"),
        ("- {{unicode: NFXC}}", "NFKC"),
        ("- {{spaces: single, only: [labels]}}", "did you mean label"),
        ('- {{drop: {{patterns: ["("]}}}}', "not a regular expression"),
    ],
)
def test_a_sanitizer_does_one_thing(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, sanitizers=text)


def test_an_ambiguous_answer_is_refused_where_a_json_summary_has_to_tell_it(tmp_path):
    taxonomy = edited(old="acme: Acme", new="acme: good")
    assert load(tmp_path, taxonomy=taxonomy, sanitizers=SANITIZERS)
    main = MAIN.replace("form: counted,", "form: json,")
    assert refused(tmp_path, main, taxonomy=taxonomy).keys() == {"answer-ambiguous"}


def test_sections_come_from_files_of_their_names_and_stand_once(tmp_path):
    pack = load(tmp_path, taxonomy=TAXONOMY, verdicts="{{passed: y, failed: n}}")
    assert pack.verdicts.passed == "y"
    assert [item.name for item in pack.taxonomy.types] == ["bolt", "sign", "distance"]
    issues = refused(tmp_path, MAIN + "taxonomy: {{}}\n", taxonomy=TAXONOMY)
    assert issues.keys() == {"section-twice"}
    (tmp_path / "mine" / "taxonmy.yaml").write_text("{}")
    assert "did you mean taxonomy" in refused(tmp_path)["unknown-key"].remedy


def test_all_problems_of_all_files_are_told_at_once(tmp_path):
    taxonomy = edited(old="level: 2", new="level: 0").replace("acme: Acme", "acme: A/B")
    main = MAIN.replace("{{format_hint}}", "{{fomat_hint}}") + "lexicons: {{negations: [no, no]}}\n"
    issues = refused(tmp_path, main, taxonomy=taxonomy)
    assert issues.keys() == {"level", "separator", "prompt-placeholder", "word"}
    broken = refused(tmp_path, MAIN + "[", taxonomy="types: {{", verdicts="passed: y, failed: n: ")
    assert len(broken) == 1  # one rule, so the number of issues is in the files
    with pytest.raises(ConfigError, match="3 problems"):
        load(tmp_path, MAIN + "[", taxonomy="types: {{", verdicts="passed: y, failed: n: ")
