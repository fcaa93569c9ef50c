"""parse_record(record_to_line(record)) is the record."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from src.contract.records import Message, ObjectAnnotation, Record, Source
from src.contract.validate import parse_record
from src.contract.write import record_to_line

SOURCE = Source(file="a.jsonl", line=1)
WIDTH, HEIGHT = 640, 480
TEXTS = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="<"), min_size=1, max_size=20
)
XS = st.floats(0, WIDTH) | st.integers(0, WIDTH).map(float)
YS = st.floats(0, HEIGHT) | st.integers(0, HEIGHT).map(float)


@st.composite
def objects(draw: st.DrawFn) -> ObjectAnnotation:
    kind = draw(st.sampled_from(["bbox_2d", "poly", "line"]))
    if kind == "bbox_2d":
        xs = sorted(draw(st.lists(XS, min_size=2, max_size=2, unique=True)))
        ys = sorted(draw(st.lists(YS, min_size=2, max_size=2, unique=True)))
        points: tuple[float, ...] = (xs[0], ys[0], xs[1], ys[1])
    elif kind == "line":
        pairs = draw(st.lists(st.tuples(XS, YS), min_size=2, max_size=6, unique=True))
        points = tuple(value for pair in pairs for value in pair)
    else:  # a triangle with area, then anything
        more = draw(st.lists(st.tuples(XS, YS), max_size=4))
        points = (0.0, 0.0, 100.0, 0.0, 0.0, 100.0, *(value for pair in more for value in pair))
    return ObjectAnnotation(desc=draw(TEXTS), kind=kind, points=points)


METADATA = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers(-9, 9) | TEXTS, max_size=3
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    shared: dict[str, Any] = {"metadata": draw(METADATA), "source": SOURCE}
    sized: dict[str, Any] = {"width": WIDTH, "height": HEIGHT}
    kind = draw(st.sampled_from(["dense", "summary", "chat", "chat with image"]))
    if kind == "dense":
        summary = draw(st.none() | TEXTS)
        listed = tuple(draw(st.lists(objects(), max_size=4)))
        return Record(images=(draw(TEXTS),), objects=listed, summary=summary, **sized, **shared)
    if kind == "summary":
        images = tuple(draw(st.lists(TEXTS, min_size=1, max_size=3)))
        return Record(images=images, summary=draw(TEXTS), **sized, **shared)
    turns = (
        *([Message(role="system", content=draw(TEXTS))] if draw(st.booleans()) else []),
        Message(role="user", content=f"{draw(TEXTS)}\n{draw(TEXTS)}"),
        Message(role="assistant", content=draw(TEXTS)),
    )
    if kind == "chat":
        return Record(images=(), width=0, height=0, messages=turns, **shared)
    return Record(images=(draw(TEXTS),), messages=turns, **sized, **shared)


@settings(max_examples=300, deadline=None)
@given(records())
def test_a_written_record_reads_back_identical(record: Record) -> None:
    line = record_to_line(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    again = parse_record(line, SOURCE)
    assert again == record
    assert record_to_line(again) == line


def test_whole_coordinates_have_no_fraction() -> None:
    item = ObjectAnnotation(desc="a", kind="bbox_2d", points=(1.0, 2.0, 3.5, 4.0))
    record = Record(images=("a.jpg",), width=9, height=9, objects=(item,), source=SOURCE)
    assert b'"bbox_2d":[1,2,3.5,4]' in record_to_line(record)
