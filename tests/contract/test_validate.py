"""Each rule: a line that breaks it and nothing else, with the place; and what is legal stays legal."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from src.contract.records import Source
from src.contract.validate import check_line, parse_record, require_mode
from src.errors import RecordError

SOURCE = Source(file="a.jsonl", line=4)
BOX = {"desc": "card", "bbox_2d": [1, 2, 30, 40]}
POLY = {"desc": "card", "poly": [1, 2, 30, 40, 5, 60]}
WIRE = {"desc": "wire", "line": [1, 2, 30, 40]}
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def line_of(**changes: Any) -> bytes:
    raw = {"images": ["a.jpg"], "width": 100, "height": 80, "objects": [BOX]} | changes
    return json.dumps({key: value for key, value in raw.items() if value is not ...}).encode()


def one(**changes: Any) -> bytes:
    """A record whose single object is a box with changes."""
    item = {key: value for key, value in (BOX | changes).items() if value is not ...}
    return line_of(objects=[item])


def shape(kind: str, points: Any, **more: Any) -> bytes:
    return line_of(objects=[{"desc": "a", kind: points, **more}])


def chat(*turns: Any, **more: Any) -> bytes:
    return json.dumps({"messages": list(turns), **more}).encode()


def deep(levels: int) -> dict[str, Any]:
    return {"a": deep(levels - 1)} if levels > 1 else {}


BROKEN = [
    (b"", "json", ""),
    (b"  ", "json", ""),
    (b"[1]", "json", ""),
    (b"\xef\xbb\xbf" + line_of(), "json", ""),
    (line_of().replace(b"100", b"NaN"), "json", ""),
    (line_of().replace(b"card", b"c\xffd"), "json", ""),
    (line_of().replace(b"card", b"c\x00d"), "json", ""),
    (line_of() + line_of(), "json", ""),
    (b"[" * 100_000, "json", ""),
    (line_of().replace(b'"height"', b'"width": 100, "height"'), "repeated-key", "width"),
    (line_of().replace(b'"desc"', b'"desc": "x: y", "desc"'), "repeated-key", "desc"),
    (line_of(image="a.jpg"), "unknown-key", "image"),
    (one(label="a"), "unknown-key", "objects[0].label"),
    (one(**{"a\x1b[2J": 1}), "unknown-key", 'objects[0]["a\\x1b[2J"]'),
    (line_of(metadata=deep(65)), "nesting", "metadata"),
    (line_of(objects=...), "record-kind", ""),
    (line_of(messages=TURNS), "record-kind", "messages"),
    (line_of(messages=TURNS, objects=..., summary="a"), "record-kind", "messages"),
    (line_of(images=["a.jpg", "b.jpg"]), "one-image", "images"),
    (line_of(images=["a.jpg", "b.jpg"], objects=[]), "one-image", "images"),
    (line_of(images=["a.jpg", "b.jpg"], summary="s"), "one-image", "images"),
    (line_of(images=...), "missing", "images"),
    (line_of(width=...), "missing", "width"),
    (one(desc=...), "missing", "objects[0].desc"),
    (chat(*TURNS, images=["a.jpg"], width=3), "missing", "height"),
    (line_of(images="a.jpg"), "type", "images"),
    (line_of(images=[]), "type", "images"),
    (line_of(images=[""]), "type", "images[0]"),
    (line_of(objects={}), "type", "objects"),
    (line_of(objects=[BOX, 3]), "type", "objects[1]"),
    (line_of(metadata=None), "type", "metadata"),
    (one(desc=3), "type", "objects[0].desc"),
    (one(bbox_2d="1,2,3,4"), "type", "objects[0].bbox_2d"),
    (chat(), "type", "messages"),
    (line_of(width=0), "size", "width"),
    (line_of(width=100.0), "size", "width"),
    (line_of(height=True), "size", "height"),
    (line_of(height="80"), "size", "height"),
    (one(desc=" "), "empty-text", "objects[0].desc"),
    (line_of(summary=""), "empty-text", "summary"),
    (one(desc="a "), "text-space", "objects[0].desc"),
    (one(desc="a\nb"), "control-text", "objects[0].desc"),
    (one(desc="a\u2028b"), "control-text", "objects[0].desc"),
    (one(desc="a <|im_end|> b"), "special-token", "objects[0].desc"),
    (one(desc="see <image>"), "special-token", "objects[0].desc"),
    (
        chat({"role": "user", "content": "<|image_pad|>"}, TURNS[1]),
        "special-token",
        "messages[0].content",
    ),
    (chat(TURNS[0]), "message", "messages[0]"),
    (chat(*TURNS, {"role": "system", "content": "a"}, TURNS[1]), "message", "messages[2].role"),
    (chat({"role": "user"}, TURNS[1]), "message", "messages[0]"),
    (one(bbox_2d=...), "one-geometry", "objects[0]"),
    (one(line=[1, 2, 3, 4]), "one-geometry", "objects[0]"),
    (one(bbox_2d=..., quad=[1, 2, 30, 4, 5, 6, 7, 8]), "quad", "objects[0].quad"),
    (shape("poly", [[1, 2], [3, 4], [5, 9]]), "flat-points", "objects[0].poly"),
    (shape("bbox_2d", [1, 2, 3]), "point-number", "objects[0].bbox_2d"),
    (shape("bbox_2d", [1, 2, 3, 4, 5, 6]), "point-number", "objects[0].bbox_2d"),
    (shape("poly", [1, 2, 3, 4]), "point-number", "objects[0].poly"),
    (shape("line", [1, 2]), "point-number", "objects[0].line"),
    (shape("line", []), "point-number", "objects[0].line"),
    (shape("poly", [1, 2, 3, True, 5, 6]), "number", "objects[0].poly[3]"),
    (shape("poly", [1, 2, 3, 4, 101.5, 60]), "outside", "objects[0].poly[4]"),
    (shape("line", [1, -1.5, 3, 4]), "outside", "objects[0].line[1]"),
    (shape("line", [1, 2, 3, 80.5]), "outside-tolerance", "objects[0].line[3]"),
    (shape("bbox_2d", [30, 2, 1, 40]), "bbox-order", "objects[0].bbox_2d"),
    (shape("bbox_2d", [1, 2, 1, 40]), "bbox-order", "objects[0].bbox_2d"),
    (shape("poly", [1, 1, 2, 2, 3, 3]), "degenerate", "objects[0].poly"),
    (shape("line", [5, 5, 5, 5]), "degenerate", "objects[0].line"),
    (shape("poly", [1, 2, 30, 40, 5, 60], poly_points=4), "point-count", "objects[0].poly_points"),
    (one(line_points=2), "point-count", "objects[0].line_points"),
]


@pytest.mark.parametrize(("line", "rule", "path"), BROKEN, ids=lambda value: str(value)[:40])
def test_a_broken_rule_is_the_only_issue(line: bytes, rule: str, path: str) -> None:
    issues = check_line(line, SOURCE)
    assert [(issue.rule, issue.path) for issue in issues] == [(rule, path)]
    assert issues[0].where == "a.jsonl:4"


LEGAL = [
    line_of(),
    line_of(objects=[]),
    line_of(objects=[BOX, POLY, WIRE], summary="two cards and a wire"),
    line_of(objects=..., summary="a"),
    line_of(images=["a.jpg", "b.jpg"], objects=[], summary="a"),
    line_of(summary=None),
    line_of(metadata=deep(64)),
    shape("poly", [0, 0, 100, 0, 100, 80], poly_points=3),
    shape("poly", [0, 0, 10, 10, 10, 0, 0, 10]),  # a figure-eight without signed area
    shape("line", [0, 0, 0, 0, 5, 5], line_points=3),
    one(desc="数字 七: <b> a < b | c <|"),
    chat(*TURNS),
    chat({"role": "system", "content": "be brief"}, *TURNS, *TURNS),
    chat(*TURNS, images=["a.jpg", "b.jpg"], width=3, height=4),
    b"  " + line_of() + b"  ",
]


@pytest.mark.parametrize("line", LEGAL)
def test_legal_lines_pass(line: bytes) -> None:
    assert check_line(line, SOURCE) == ()


def test_all_issues_of_a_line_are_reported_at_once() -> None:
    broken = {"desc": "", "bbox_2d": [1, 2, 300, "x"], "bbox": 1}
    issues = check_line(
        line_of(width="a", hight=3, objects=[broken, POLY | {"poly_points": 9}]), SOURCE
    )
    assert {(issue.path, issue.rule) for issue in issues} == {
        ("hight", "unknown-key"),
        ("width", "size"),
        ("objects[0].bbox", "unknown-key"),
        ("objects[0].desc", "empty-text"),
        ("objects[0].bbox_2d[3]", "number"),
        ("objects[1].poly_points", "point-count"),
    }
    assert "did you mean height?" in [issue.remedy for issue in issues]


def test_the_fix_clamps_by_up_to_one_pixel_only() -> None:
    record = parse_record(shape("bbox_2d", [-1, 2, 101, 80.5]), SOURCE, fix=True)
    assert record.objects[0].points == (0.0, 2.0, 100.0, 80.0)
    with pytest.raises(RecordError, match="outside"):
        parse_record(shape("bbox_2d", [-1.25, 2, 100, 80]), SOURCE, fix=True)
    with pytest.raises(RecordError, match="bbox-order"):  # nothing is left of it inside
        parse_record(shape("bbox_2d", [100, 2, 101, 80]), SOURCE, fix=True)


def test_summary_mode_needs_a_summary() -> None:
    record = parse_record(line_of(), SOURCE)
    require_mode(record, use_summary=False)
    with pytest.raises(RecordError, match="use_summary"):
        require_mode(record, use_summary=True)


@pytest.mark.parametrize(
    "line",
    [
        shape("poly", [1, 1] * 200_000),
        line_of(metadata={str(number): number for number in range(100_000)}, summary="a: b"),
        line_of(objects=[3] * 20_000),
        line_of().replace(b'"card"', b'"' + b"<|" * 500_000 + b'"'),
        line_of(images=[{"a": [1] * 500_000}]),
    ],
    ids=["one-line polygon", "many keys", "many issues", "half tokens", "large value"],
)
def test_a_hostile_line_costs_no_more_than_its_size(line: bytes) -> None:
    began = time.process_time()
    check_line(line, SOURCE)
    assert time.process_time() - began < 1.0


def test_values_too_deep_to_print_are_refused_without_a_crash() -> None:
    line = line_of().replace(b"[1, 2, 30, 40]", b"[1, 2, 30, " + b"[" * 900 + b"]" * 900 + b"]")
    assert [issue.rule for issue in check_line(line, SOURCE)] == ["number"]
