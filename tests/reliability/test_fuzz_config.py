"""B2: 5,000 mutated configs: never a traceback, always file:line:column and a path, all problems in one pass, good suggestions.

Faults that it catches: a validator that stops at the first error, a missing place, an alias bomb that is expanded, a typo that is
ignored, duplicate keys where the last wins.
"""

import re
import time
from dataclasses import fields

import pytest

from src.config.loader import load_config
from src.config.passthrough import section_keys
from src.config.schema import CustomConfig, PromptsConfig
from src.errors import ConfigError
from src.rng import generator
from src.typed_yaml.reading import read_text

NUM_MUTANTS = 5_000
BASE = """\
model:
  model: models/x
  torch_dtype: float32
template:
  max_pixels: 100000
tuner:
  tuner_type: lora
  lora_rank: 8
  freeze_vit: true
training:
  output_dir: runs/x
  effective_batch_size: 8
  per_device_train_batch_size: 2
  learning_rate: 1e-4
  report_to: tensorboard
prompts:
  domain: generic
custom:
  train_jsonl: data/train.jsonl
  val_jsonl: data/val.jsonl
  emit_norm: norm1000
  json_format: standard
  seed: 3
  prepare:
    - module: public_data.scenes
      args: [--out, data]
      creates: data/scenes.json
  final_evaluation: {enabled: true, batch_size: 4}
global_max_length: 2048
"""
PLACE = re.compile(r".*\.yaml:\d+:\d+\Z")
VALUES = (
    "true",
    "no",
    "-1",
    "1e400",
    "[]",
    "{}",
    "null",
    "'8'",
    "!!python/object:os.system x",
    "*a",
    "&a [1]",
    "\t",
    "2020-01-01",
    ".nan",
    "0x",
    "\x00",
    "📦",
    "- -",
    "{a: {b: [c, {d",
)


def mutant(rng) -> str:
    lines = BASE.splitlines()
    for _ in range(int(rng.integers(1, 4))):
        row = int(rng.integers(len(lines)))
        line = lines[row]
        choice = int(rng.integers(7))
        if choice == 0 and ":" in line:
            lines[row] = line.split(":")[0] + ": " + VALUES[int(rng.integers(len(VALUES)))]
        elif choice == 1:
            lines.insert(row, line)
        elif choice == 2:
            del lines[row]
            lines = lines or [""]
        elif choice == 3:
            lines[row] = " " * int(rng.integers(0, 4)) + line
        elif choice == 4 and line:
            place = int(rng.integers(len(line)))
            lines[row] = line[:place] + chr(int(rng.integers(32, 127))) + line[place + 1 :]
        elif choice == 5 and line:
            place = int(rng.integers(len(line)))
            lines[row] = line[:place] + line[place + 1 :]
        else:
            other = int(rng.integers(len(lines)))
            lines[row], lines[other] = lines[other], lines[row]
    return "\n".join(lines) + "\n"


def test_mutated_configs_are_accepted_or_refused_with_a_place(tmp_path):
    path = tmp_path / "mutant.yaml"
    refused = 0
    for number in range(NUM_MUTANTS):
        path.write_text(mutant(generator(2, "config", number)), encoding="utf-8")
        try:
            load_config(path)
        except ConfigError as error:
            refused += 1
            for issue in error.issues:
                assert PLACE.match(issue.where), (issue, path.read_text())
                assert issue.message
    assert refused > NUM_MUTANTS / 2


def test_all_problems_come_in_one_pass(tmp_path):
    text = BASE.replace("seed: 3", "sed: 3").replace("lora_rank: 8", "lora_rank: eight")
    text = text.replace("json_format: standard", "json_format: standart").replace(
        "creates:", "create:"
    )
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    found = {issue.path for issue in caught.value.issues}
    assert {
        "custom.sed",
        "tuner.lora_rank",
        "custom.json_format",
        "custom.prepare[0].create",
    } <= found


def typos(rng, word: str) -> list[str]:
    """Distance-1 edits: one deletion, insertion, replacement and swap, at seeded places."""
    letters = "abcdefghijklmnopqrstuvwxyz_"
    place = int(rng.integers(len(word)))
    letter = letters[int(rng.integers(len(letters)))]
    edits = [
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
    ]
    if place + 1 < len(word):
        edits.append(word[:place] + word[place + 1] + word[place] + word[place + 2 :])
    return [edit for edit in edits if edit != word and edit]


def all_keys() -> list[tuple[str, str]]:
    keys = [(section, name) for section, names in section_keys().items() for name in names]
    keys += [("custom", field.name) for field in fields(CustomConfig)]
    return keys + [("prompts", field.name) for field in fields(PromptsConfig)]


def test_a_typo_of_one_letter_gets_the_right_suggestion(tmp_path):
    keys = all_keys()
    known = {name for _, name in keys}
    asked = right = 0
    wrong = []
    for section, name in keys:
        edits = [e for e in typos(generator(2, "typo", section, name), name) if e not in known]
        overrides = [f"{section}.{edit}=1" for edit in edits]
        path = tmp_path / "base.yaml"
        path.write_text(BASE)
        with pytest.raises(ConfigError) as caught:
            load_config(path, overrides)
        remedies = {issue.path: issue.remedy for issue in caught.value.issues}
        for edit in edits:
            asked += 1
            good = re.search(rf"\b{name}\b", remedies[f"{section}.{edit}"]) is not None
            right += good
            wrong += [] if good else [(section, name, edit, remedies[f"{section}.{edit}"])]
    assert asked > 500
    assert right / asked >= 0.95, wrong[:20]


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(9), "expand to more than"),
        ("a: 1\nb: 2\na: 3\n", "duplicate key a"),
        ("a: {b: 1, b: 2}\n", "duplicate key b"),
        ("[" * 5000, "nested deeper"),
        ("a: &x [*x]\n", "unknown alias"),
        ("a: !!python/object/apply:os.system [echo]\n", "tags are not allowed"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("1: a\n", "key must be a string"),
        ("base: &b {x: 1}\nc: {<<: *b}\n", "merge keys"),
    ],
)
def test_hostile_yaml_is_refused_at_once(text, message):
    begun = time.perf_counter()
    with pytest.raises(ConfigError, match=message) as caught:
        read_text(text, "x.yaml")
    assert time.perf_counter() - begun < 0.05
    assert re.match(r"x\.yaml:\d+:\d+", caught.value.issues[0].where)


def test_the_check_sees_a_reader_that_lets_the_last_key_win():
    """The planted fault: PyYAML's own loader takes the text that ours refuses."""
    import yaml

    assert yaml.safe_load("a: 1\na: 3\n") == {"a": 3}
    with pytest.raises(ConfigError):
        read_text("a: 1\na: 3\n", "x.yaml")
