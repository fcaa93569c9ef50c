"""Packs for tests: a small English one in each desc form, written to a folder and loaded."""

from src.domains.loader import load_pack

BASE = """\
id: {id}
language: en
description: a test
prompts:
  dense: {{user: "List all. {{format_hint}}"}}
  summary: {{system: "Sum up.", user: "What?"}}
format_hints: {{standard: "As JSON, {{coordinate_hint}}.", qwen: "A list."}}
coordinate_hints: {{none: pixels, norm100: "0 to 100", norm1000: "0 to 1000"}}
tokens: {{uncertain: unsure, irrelevant: nothing}}
"""
TAXONOMY = """\
label_question: what
labels: {{cat: "animal"}}
types:
  - name: bolt
    labels: [bolt, screw]
    attributes:
      - {{question: maker, answers: {{acme: Acme, other: ""}}}}
      - {{question: state, key: condition, required: true, answers: {{fine: good, "not fine": bad}}}}
      - question: defect
        level: 2
        several: true
        when: {{question: state, answers: ["not fine"]}}
        answers: {{loose: loose, rust: rusty}}
      - {{question: note, key: remark, free_text: {{template: "note {{value}}", trailing: true}}}}
    ignored: [colour]
  - name: sign
    attributes:
      - {{question: text, free_text: {{fallback: unreadable}}}}
  - name: distance
    attributes:
      - {{question: metres, free_text: {{pattern: "[0-9]+"}}}}
"""
SANITIZERS = """\
- {{unicode: NFKC}}
- {{spaces: single}}
- {{replace: {{"–": "-"}}}}
- {{drop: {{texts: [none], patterns: ["box drawn.*"]}}, only: [remark]}}
- {{empty_label: sign}}
"""
RULES = """\
review: {{phrases: ["not sure"], exceptions: ["not sure-fire"]{review_key}}}
grouping: {{template: "group {{n}}: "}}
summary: {{form: counted, counted: {{separator: "; ", without_one: [distance]}}}}
summary_grammar: {{separators: [";"]}}
"""
FORM = "desc_grammar: {{form: {form}{more}}}\n"


def write_pack(folder, main=BASE, **sections):
    """A pack folder called like its id; keyword arguments are section files."""
    folder.mkdir(exist_ok=True)
    (folder / "pack.yaml").write_text(main.format(id=folder.name), encoding="utf-8")
    for name, text in sections.items():
        (folder / f"{name}.yaml").write_text(text.format(), encoding="utf-8")
    return folder


def bolts(folder, form="type_attr", rules=RULES, grammar=""):
    """The pack of bolts in one of the desc forms."""
    more = ", head_key: kind" if form == "key_value" else ""
    key = ", key: state" if form == "key_value" else ""
    if form == "key_value":
        rules = rules.replace('"group {{n}}: "', '"{{n}}", key: group')
    rules = rules.replace("{review_key}", key)
    main = BASE + FORM.replace("{form}", form).replace("{more}", more + grammar) + rules
    return load_pack(write_pack(folder, main, taxonomy=TAXONOMY, sanitizers=SANITIZERS))
