"""B1: 10,000 fuzzed JSONL lines: never a crash, always a place, and the same verdict as an independent oracle.

Fault caught: a validator that crashes on hostile bytes, loses the place of a problem, or accepts what the
contract forbids (and the reverse). The oracle reads with Python's own json and states the rules anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from src.contract import object_rules, text_rules
from src.contract.records import Source
from src.contract.validate import check_line, parse_record
from src.errors import ProjectError, RecordError
from src.rng import generator

NUM_LINES = 10_000
SOURCE = Source(file="data/train.jsonl", line=7)
SPECIAL_NAMES = (
    *(
        "endoftext",
        "im_start",
        "im_end",
        "object_ref_start",
        "object_ref_end",
        "box_start",
        "box_end",
    ),
    *(
        "quad_start",
        "quad_end",
        "vision_start",
        "vision_end",
        "vision_pad",
        "image_pad",
        "video_pad",
    ),
    *("fim_prefix", "fim_middle", "fim_suffix", "fim_pad", "repo_name", "file_sep"),
)
SPECIAL = [f"<|{name}|>" for name in SPECIAL_NAMES] + [
    *("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"),
    *("<image>", "<video>", "<audio>", "<bbox>", "<ref-object>", "<cot-process>", "<start-image>"),
]


# --- the oracle -----------------------------------------------------------------------------------
class Bad(Exception):
    """The oracle's verdict: not a legal record."""


def require(condition: object) -> None:
    if not condition:
        raise Bad


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    require(len({key for key, _ in pairs}) == len(pairs))
    return dict(pairs)


def refuse_constant(name: str) -> None:
    raise Bad


def nested(value: Any) -> int:
    if not isinstance(value, list | dict) or not value:
        return int(isinstance(value, list | dict))
    return 1 + max(nested(item) for item in (value if isinstance(value, list) else value.values()))


def oracle_text(text: Any, *, one_line: bool = True) -> None:
    require(isinstance(text, str) and text.strip())
    require(not any(token in text for token in SPECIAL))
    for part in text.split("<|")[1:]:  # a token of a newer tokenizer: <|any_name|>
        name = part.split("|>")[0]
        plain = name.isascii() and name.replace("_", "a").isalnum()
        require(not (plain and part.startswith(name + "|>")))
    if one_line:
        require(text == text.strip())
        require(
            not any(ord(c) < 32 or 127 <= ord(c) < 160 or ord(c) in (0x2028, 0x2029) for c in text)
        )


def oracle_points(kind: str, value: Any, size: tuple[int, int], fix: bool) -> list[Fraction]:
    require(isinstance(value, list) and len(value) % 2 == 0)
    require(len(value) == 4 if kind == "bbox_2d" else len(value) >= (6 if kind == "poly" else 4))
    points = []
    for position, number in enumerate(value):
        require(isinstance(number, int | float) and not isinstance(number, bool))
        require(abs(number) < 1e300)
        exact, limit = Fraction(number), size[position % 2]
        slack = 1 if fix else 0
        require(-slack <= exact <= limit + slack)
        points.append(min(max(exact, Fraction(0)), Fraction(limit)))
    xs, ys = points[::2], points[1::2]
    if kind == "bbox_2d":
        require(xs[0] < xs[1])
        require(ys[0] < ys[1])
    elif kind == "line":
        require(len(set(zip(xs, ys, strict=True))) > 1)
    else:
        triples = [
            (xs[j] - xs[i]) * (ys[k] - ys[i]) - (xs[k] - xs[i]) * (ys[j] - ys[i])
            for i in range(len(xs)) for j in range(i) for k in range(j)
        ]  # fmt: skip
        require(any(triples))
    return points


def oracle_object(item: Any, size: tuple[int, int], fix: bool) -> None:
    require(isinstance(item, dict))
    require(set(item) <= {"desc", "bbox_2d", "poly", "line", "poly_points", "line_points"})
    require("desc" in item)
    oracle_text(item["desc"])
    (kind,) = kinds if len(kinds := {"bbox_2d", "poly", "line"} & set(item)) == 1 else ("",)
    require(kind)
    points = oracle_points(kind, item[kind], size, fix)
    for name in {"poly_points", "line_points"} & set(item):
        require(name == f"{kind}_points")
        require(type(item[name]) is int and item[name] == len(points) // 2)


def oracle_accepts(line: bytes, fix: bool) -> bool:
    try:
        text = line.decode("utf-8")
        require(not text.startswith("\ufeff"))
        raw = json.loads(text, object_pairs_hook=unique, parse_constant=refuse_constant)
        # A lone surrogate is not text, an infinite number not a number, though Python reads both.
        json.dumps(raw, ensure_ascii=False, allow_nan=False).encode("utf-8")
        require(isinstance(raw, dict))
        oracle_record(raw, fix)
    except (Bad, ValueError, RecursionError):
        return False
    return True


def oracle_record(raw: dict[str, Any], fix: bool) -> None:
    require(set(raw) <= {"images", "objects", "width", "height", "summary", "messages", "metadata"})
    chat, summary = "messages" in raw, raw.get("summary")
    images = raw.get("images", [] if chat else None)
    require(isinstance(images, list) and all(isinstance(i, str) and i for i in images))
    require(images or chat)
    for name in ("width", "height"):
        if name in raw or images:
            require(type(raw.get(name)) is int and 0 < raw[name] <= 1_000_000)
    require(isinstance(raw.get("metadata", {}), dict) and nested(raw.get("metadata", {})) <= 64)
    if summary is not None:
        oracle_text(summary)
    if chat:
        require("objects" not in raw and summary is None)
        oracle_messages(raw["messages"])
        return
    require("objects" in raw or summary is not None)
    if "objects" in raw:
        require(isinstance(raw["objects"], list))
        require(len(images) == 1 or (not raw["objects"] and summary is not None))
        for item in raw["objects"]:
            oracle_object(item, (raw["width"], raw["height"]), fix)


def oracle_messages(messages: Any) -> None:
    require(isinstance(messages, list) and messages)
    for position, item in enumerate(messages):
        require(isinstance(item, dict) and set(item) == {"role", "content"})
        require(item["role"] in ["user", "assistant"] + ["system"] * (position == 0))
        oracle_text(item["content"], one_line=False)
    require(messages[-1]["role"] == "assistant")


# --- the fuzzer -----------------------------------------------------------------------------------
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e18, 2**63, "", " ", "x", [], {}, [[]], [[1, 2], [3, 4]], {"a": 1},
    "a\nb", "a\u0000", "\u2028", "..", 10**30, -0.0, 1e-9,
)  # fmt: skip
SNIPPETS = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"\xff", b"\xef\xbb\xbf", b"\x00", b"\\ud800", b'"', b"{", b"}",
    b"[", b"]", b",", b":", b"[" * 2000, b"\\u0000", b"\xed\xa0\x80", b"0", b"-", b".", b'"desc":"d",', b'"width":3,',
)  # fmt: skip


def draw_number(rng: np.random.Generator, limit: int) -> Any:
    draws: tuple[Callable[[], Any], ...] = (
        lambda: int(rng.integers(0, limit + 1)),
        lambda: int(rng.integers(0, limit + 1)),
        lambda: int(rng.integers(0, 4 * limit + 1)) / 4,
        lambda: int(rng.integers(-3, limit + 4)) + int(rng.integers(0, 4)) / 4,
    )
    return draws[int(rng.choice(4, p=[0.45, 0.3, 0.2, 0.05]))]()


def draw_object(rng: np.random.Generator, size: tuple[int, int]) -> dict[str, Any]:
    kind = ("bbox_2d", "poly", "line")[rng.integers(3)]
    pairs = 2 if kind == "bbox_2d" else int(rng.integers(3 if kind == "poly" else 2, 7))
    points = [draw_number(rng, size[i % 2]) for i in range(2 * pairs)]
    if kind == "bbox_2d" and rng.random() < 0.9:
        points = [*map(min, points[:2], points[2:]), *map(max, points[:2], points[2:])]
    if rng.random() < 0.05:  # all on one line, or all in one point
        points = points[:2] * pairs if rng.random() < 0.5 else [i // 2 for i in range(2 * pairs)]
    item: dict[str, Any] = {"desc": draw_text(rng), kind: points}
    if kind != "bbox_2d" and rng.random() < 0.3:
        item[f"{kind}_points"] = pairs + int(rng.random() < 0.1)
    if rng.random() < 0.04:
        key = (
            "quad",
            "bbox",
            "bbox_2d",
            "poly",
            "line",
            "poly_points",
            "label",
            "Desc",
            "a\x1b[2J",
        )
        item[key[rng.integers(len(key))]] = points
    return item


def draw_text(rng: np.random.Generator) -> str:
    if rng.random() < 0.03:
        token = SPECIAL[rng.integers(len(SPECIAL))]
        return (token, f"red {token} card", f"a{token}")[rng.integers(3)]
    words = (
        "red card",
        "数字 七",
        "a: b",
        "cafe\u0301",
        "<b>",
        "x < y",
        "<|",
        "<| im_end|>",
        "wire",
        "C:\\x",
        "/a/",
    )
    return f"{words[rng.integers(len(words))]} {words[rng.integers(len(words))]}"


def draw_record(rng: np.random.Generator) -> dict[str, Any]:
    size = (int(rng.integers(1, 60)), int(rng.integers(1, 60)))
    raw: dict[str, Any] = {"images": ["a.jpg"], "width": size[0], "height": size[1]}
    shape = rng.random()
    if shape < 0.15:
        roles = ("user", "assistant", "user", "assistant")[
            : rng.choice([1, 2, 4], p=[0.05, 0.8, 0.15])
        ]
        raw["messages"] = [{"role": role, "content": draw_text(rng)} for role in roles]
        if rng.random() < 0.3:
            raw["messages"].insert(
                int(rng.random() < 0.1), {"role": "system", "content": "be\nbrief"}
            )
        if rng.random() < 0.3:
            raw = {"messages": raw["messages"]}
    if shape >= 0.15 or rng.random() < 0.03:
        raw["objects"] = [draw_object(rng, size) for _ in range(rng.integers(0, 4))]
    if shape >= 0.75:
        raw["summary"] = draw_text(rng)
        if rng.random() < 0.3:
            del raw["objects"]
    if rng.random() < 0.1:
        raw["images"] = ["a.jpg", "b.png"]
    if rng.random() < 0.1:
        deep: dict[str, Any] = {"k": [1, {"z": None}]}
        for _ in range(int(rng.choice([0, 5, 60, 61, 62, 300]))):
            deep = {"d": deep}
        raw["metadata"] = deep
    return raw


def mutate_value(raw: Any, rng: np.random.Generator) -> None:
    """Replace, delete or rename something at a random place."""
    places: list[tuple[Any, Any]] = []
    stack = [raw]
    while stack and len(places) < 200:
        node = stack.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        places += [(node, key) for key in keys]
        stack += [node[key] for key in keys if isinstance(node[key], list | dict)]
    if not places:
        return
    node, key = places[rng.integers(len(places))]
    action = rng.integers(3)
    if action == 0:
        node[key] = ODD_VALUES[rng.integers(len(ODD_VALUES))]
    elif action == 1:
        del node[key]
    elif isinstance(node, dict):
        node[key + "s"] = node.pop(key)


def mutate_bytes(line: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(0, len(line) + 1))
    action = rng.integers(4)
    if action == 0:
        return line[:at]
    if action == 1:
        return line[:at] + SNIPPETS[rng.integers(len(SNIPPETS))] + line[at:]
    if action == 2:
        return line[:at] + rng.bytes(1) + line[at + 1 :]
    return line[:at] + line[at + int(rng.integers(1, 12)) :]


def fuzzed_line(index: int) -> tuple[bytes, bool]:
    """(line, whether the declared fix is on) of one index; half the lines are damaged."""
    rng = generator(17, "fuzz-jsonl", index)
    raw = draw_record(rng)
    if rng.random() < 0.3:
        for _ in range(rng.integers(1, 3)):
            mutate_value(raw, rng)
    compact = (",", ":") if rng.random() < 0.5 else (", ", ": ")
    line = json.dumps(raw, ensure_ascii=bool(rng.random() < 0.5), separators=compact).encode()
    if rng.random() < 0.25:
        line = mutate_bytes(line, rng)
    return line, bool(rng.random() < 0.3)


@pytest.fixture(scope="module")
def lines() -> list[tuple[bytes, bool, bool]]:
    """(line, fix, the oracle's verdict)."""
    return [
        (line, fix, oracle_accepts(line, fix)) for line, fix in map(fuzzed_line, range(NUM_LINES))
    ]


def disagreements(lines: list[tuple[bytes, bool, bool]]) -> list[tuple[bytes, bool, object]]:
    found: list[tuple[bytes, bool, object]] = []
    for line, fix, legal in lines:
        try:
            parse_record(line, SOURCE, fix=fix)
            accepted, why = True, ""
        except RecordError as error:
            accepted, why = False, str(error)
        if accepted != legal:
            found.append((line, legal, why))
    return found


def test_ten_thousand_lines_agree_with_the_oracle(lines: list[tuple[bytes, bool, bool]]) -> None:
    """B1. A crash fails here too: anything but RecordError passes through."""
    num_legal = sum(legal for *_, legal in lines)
    assert 0.25 * NUM_LINES < num_legal < 0.75 * NUM_LINES, "the fuzzer lost its balance"
    assert disagreements(lines) == []


def test_every_problem_has_its_place(lines: list[tuple[bytes, bool, bool]]) -> None:
    for line, fix, legal in lines:
        issues = check_line(line, SOURCE, fix=fix)
        assert bool(issues) != legal
        for issue in issues:
            assert issue.where == "data/train.jsonl:7"
            assert re.fullmatch(r"[a-z0-9-]+", issue.rule), issue
            assert issue.remedy
            assert issue.path or issue.rule in ("json", "record-kind"), issue
            assert issue.render().replace("\n", "").isprintable(), "a terminal would obey this text"
            assert len(issue.got) <= 80


@pytest.mark.parametrize(
    ("module", "name", "faulty"),
    [
        (text_rules, "SPECIAL", re.compile(r"<\|im_[a-z]+\|>")),
        (object_rules, "OBJECT_KEYS", frozenset({*object_rules.OBJECT_KEYS, "label"})),
    ],
)
def test_a_planted_fault_turns_it_red(
    module: Any,
    name: str,
    faulty: Any,
    lines: list[tuple[bytes, bool, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, name, faulty)
    assert disagreements(lines)


def test_errors_are_project_errors() -> None:
    assert issubclass(RecordError, ProjectError)
