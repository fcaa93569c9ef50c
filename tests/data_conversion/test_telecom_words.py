"""A telecom export through the pack: descs, groups, summaries, and what the pack lacks."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from data_conversion.config import ConversionConfig
from data_conversion.pipeline.describe import describe, join_groups, summarise
from data_conversion.pipeline.raw import RawImage, RawObject
from data_conversion.pipeline.unified_processor import convert
from src.domains.describe import describe as describe_object
from src.domains.examples import examples
from src.domains.loader import load_pack
from src.domains.vocabulary import Vocabulary
from tests.data_conversion.telecom_exports import annotation, feature, read, write


@pytest.fixture(scope="module")
def words():
    return Vocabulary.of(load_pack("telecom_zh"))


def export_of(words):
    """An annotation with the pack's examples, one below the other, the label as the answer to the pack's question."""
    features = []
    for number, example in enumerate(examples(words, 3)):
        top = 2 * number
        box = [[[0, top], [9, top], [9, top + 1], [0, top + 1]]]
        answers = {**example.answers, words.label_question: example.label}
        features.append(feature("Quad", box, content={}, contentZh=answers))
    return annotation(*features)


def test_an_export_becomes_descs_and_a_summary(tmp_path, words):
    raw = read(tmp_path, export_of(words))
    described, findings = describe(raw, words)
    assert findings == ()
    expected = [describe_object(e.label, e.answers, words).desc for e in examples(words, 3)]
    assert [item.label for item in described.objects] == expected
    summary, _ = summarise(described, words, "auto")
    counted = words.pack.summary.counted
    counts = {desc: expected.count(desc) for desc in expected}
    alone = next(desc for desc in counts if desc.startswith(counted.without_one[0]))
    items = [
        desc if desc == alone else f"{desc}{counted.count_sign}{n}" for desc, n in counts.items()
    ]
    assert sorted(summary.split(counted.separator)) == sorted(items)
    assert max(counts.values()) > 1
    assert summarise(described, words, "none") == (None, ())


def test_groups_are_numbered_by_what_is_on_top(words):
    def member(index, y, group):
        box = (0.0, y, 5.0, y + 5.0)
        return RawObject(index=index, label="a", kind="bbox_2d", parts=(box,), group=group)

    raw = RawImage(
        annotation="a", image="a", image_name="a", size=None, num_objects=5,
        objects=(member(0, 50.0, "x"), member(1, 10.0, "y"), member(2, 60.0, "x"), member(3, 0.0, "z"), member(4, 20.0, "y")),
    )  # fmt: skip
    joined, findings = join_groups(raw, words)
    template = words.pack.grouping.template
    one, two = (template.replace("{n}", number) + "a" for number in "12")
    assert [item.label for item in joined.objects] == [two, one, two, "a", one]
    assert [(finding.rule, finding.object_index) for finding in findings] == [("group-single", 3)]
    assert join_groups(raw, None) == (raw, ())


def test_a_summary_does_not_follow_the_order_of_annotation(words):
    def item(index, label, x, y):
        return RawObject(
            index=index, label=label, kind="bbox_2d", parts=((x, y, x + 5.0, y + 5.0),)
        )

    objects = [
        item(0, "b", 9.0, 9.0),
        item(1, "c", 4.0, 0.0),
        item(2, "d", 1.0, 9.0),
        item(3, "a", 9.0, 9.0),
    ]
    raw = RawImage(
        annotation="a", image="a", image_name="a", size=None, num_objects=4, objects=tuple(objects)
    )
    turned = replace(raw, objects=raw.objects[::-1])
    counted = words.pack.summary.counted
    expected = counted.separator.join(f"{name}{counted.count_sign}1" for name in "cdab")
    assert summarise(raw, words, "auto") == summarise(turned, words, "auto") == (expected, ())


def test_without_a_label_an_object_is_dropped_or_gets_the_packs(words):
    item = RawObject(index=0, label=" ", kind="bbox_2d", parts=((0.0, 0.0, 5.0, 5.0),))
    raw = RawImage(
        annotation="a", image="a", image_name="a", size=None, num_objects=1, objects=(item,)
    )
    described, findings = describe(raw, None)
    assert described.objects == ()
    assert [(f.kind, f.rule) for f in findings] == [("dropped", "label-empty")]
    described, findings = describe(raw, words)
    assert [(f.kind, f.rule) for f in findings] == [("fixed", "label-empty")]
    assert findings[0].result in words.types
    plain = described.objects[0].label
    kind = words.types[findings[0].result]
    question = next(one for one in kind.questions if one.rule.free_text is not None)
    item = replace(item, attributes={question.key: "A17", "no question": "x"})
    described, findings = describe(replace(raw, objects=(item,)), words)
    assert described.objects[0].label != plain
    assert described.objects[0].label.endswith("A17")
    assert [f.rule for f in findings] == ["label-empty", "question-unmapped"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_whole_conversion_tells_what_the_pack_lacks(tmp_path, words, workers):
    source = tmp_path / "source"
    good = export_of(words)
    write(source, "good", good)
    wrong = export_of(words)
    answers = wrong["markResult"]["features"][0]["properties"]["contentZh"]
    question = next(iter(answers))
    answers[question] += "x"
    write(source, "wrong", wrong)
    write(source, "empty", annotation())
    Image.new("RGB", (9, 9)).save(source / "alone.png")

    def converted(name, **options):
        config = ConversionConfig(
            input=source, output=tmp_path / name, domain="telecom_zh", workers=workers, **options
        )
        convert(config)
        lines = (tmp_path / name / "all_samples.jsonl").read_text(encoding="utf-8").splitlines()
        report = json.loads((tmp_path / name / "conversion_report.json").read_text())
        return {Path(r["images"][0]).stem: r for r in map(json.loads, lines)}, report

    records, report = converted("noted")
    expected = sorted(describe_object(e.label, e.answers, words).desc for e in examples(words, 3))
    assert sorted(item["desc"] for item in records["good"]["objects"]) == expected
    assert records["good"]["summary"].count(words.pack.summary.counted.separator) > 10
    assert "summary" not in records["empty"]
    assert records["empty"]["objects"] == []
    assert list(report["unmapped"]) == [f"{question}: {answers[question]}"]
    records, report = converted("kept-back", unmapped="quarantine")
    assert records.keys() == {"good", "empty"}
    assert report["counts"]["images_quarantined"] == 2
    quarantine = (tmp_path / "kept-back" / "quarantine.jsonl").read_text(encoding="utf-8")
    kept = {
        line["key"]: line["issues"][0]["rule"] for line in map(json.loads, quarantine.splitlines())
    }
    assert kept == {"alone.png": "annotation-missing", "wrong": "answer-unmapped"}
