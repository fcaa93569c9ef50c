"""Settings of evaluation that contradict each other are told before anything is loaded, not at the first evaluation."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from src.config.evaluation_checks import FROM_TOKENS
from src.config.loader import load_config
from src.contract.predictions import Prediction
from src.contract.records import ObjectAnnotation, Record, Source
from src.domains.loader import load_pack
from src.errors import ConfigError
from src.evaluation.config import FIGURES
from src.evaluation.sections import SectionRules
from src.generation.held_out import section_rules
from src.training.best_metric import check_best_metric, figure_names
from src.training.progress_page import score

BASE = """\
model: {model: m}
training: {output_dir: runs/x, effective_batch_size: 16, eval_strategy: epoch}
custom: {train_jsonl: t.jsonl, val_jsonl: v.jsonl, emit_norm: norm1000, json_format: qwen, evaluation: {enabled: true}}
"""


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.yaml"
    path.write_text(BASE)
    return path


@pytest.mark.parametrize(
    ("overrides", "path", "words"),
    [
        (["training.eval_strategy=no"], "custom.evaluation.enabled", "eval_strategy: epoch"),
        (["custom.val_jsonl=null"], "custom.evaluation", "custom.val_jsonl"),
        (["custom.evaluation.batch_size=0"], "custom.evaluation.batch_size", "at least 1"),
        (["custom.evaluation.samples=0"], "custom.evaluation.samples", "at least 1"),
        (["custom.evaluation.pictures=-1"], "custom.evaluation.pictures", "negative"),
        (["training.metric_for_best_model=f1_5"], "training.metric_for_best_model", "f1_50"),
        (
            ["training.metric_for_best_model=eval_f1_50", "custom.evaluation.enabled=false"],
            "training.metric_for_best_model",
            "custom.evaluation.enabled: true",
        ),
        (
            ["training.metric_for_best_model=count_mae"],
            "training.greater_is_better",
            "greater_is_better: false",
        ),
        (
            ["training.metric_for_best_model=loss", "training.greater_is_better=true"],
            "training.greater_is_better",
            "greater_is_better: false",
        ),
        (
            ["training.metric_for_best_model=token_acc", "training.greater_is_better=false"],
            "training.greater_is_better",
            "greater_is_better: true",
        ),
        (["training.fsdp=full_shard"], "custom.evaluation.enabled", "FSDP"),
        (
            [
                "custom.final_evaluation.enabled=true",
                "deepspeed={enabled: true, config: zero3_offload}",
            ],
            "custom.final_evaluation.enabled",
            "src.predict",
        ),
        (
            [
                "custom.final_evaluation.enabled=true",
                "deepspeed={enabled: true, config: {zero_optimization: {stage: 3}}}",
            ],
            "custom.final_evaluation.enabled",
            "src.predict",
        ),
        (
            ["training.metric_for_best_model=f1_50/cells", "training.greater_is_better=false"],
            "training.greater_is_better",
            "greater_is_better: true",
        ),
    ],
)
def test_a_contradiction_is_one_issue_with_its_remedy(base, overrides, path, words):
    with pytest.raises(ConfigError) as caught:
        load_config(base, overrides)
    (issue,) = caught.value.issues
    assert issue.path == path
    assert words in str(caught.value)


@pytest.mark.parametrize("name", [*FIGURES[:8], *FROM_TOKENS, "eval_f1_mean", "f1_50/cells"])
def test_figures_that_an_evaluation_gives_may_choose(base, name):
    loaded = load_config(base, [f"training.metric_for_best_model={name}"])
    assert loaded.config.training["metric_for_best_model"] == name


def test_the_named_figures_are_those_that_an_evaluation_gives():
    rules = SectionRules(irrelevant="none")
    box = ObjectAnnotation(desc="a", kind="bbox_2d", points=(0, 0, 5, 5))
    dense = Prediction(
        image="x", row=0, width=9, height=9, truth=(box,), objects=(box,), dropped=(), is_valid=True, text="[]",
        finish_reason="stop", dataset="d",
    )  # fmt: skip
    negative = replace(dense, row=1, truth=(), objects=())
    summary = replace(negative, row=2, truth=None, mode="summary", summary="a x 2", text="a x 2")
    found = score([dense, negative, summary], {"d": rules})
    assert set(found) == set(FIGURES)


def test_a_set_is_judged_by_the_groups_of_its_pack():
    pack = load_pack("telecom_zh")
    descs = [pack.grouping.template.replace("{n}", number) + "a" for number in "12"]
    truth, found = (ObjectAnnotation(desc=d, kind="bbox_2d", points=(0, 0, 5, 5)) for d in descs)
    dense = Prediction(
        image="x", row=0, width=9, height=9, truth=(truth,), objects=(found,), dropped=(), is_valid=True, text="[]",
        finish_reason="stop", dataset="d",
    )  # fmt: skip
    figures = score([dense], {"d": section_rules(SimpleNamespace(pack=pack))})
    assert (figures["text_head"], figures["text_exact"]) == (1.0, 0.0)


def held_out_set(name, *records):
    """Records of a data set as they are held out; nothing is read."""
    mode = any(record.summary is not None for record in records)
    builder = SimpleNamespace(config=SimpleNamespace(use_summary=mode))
    items = tuple(
        SimpleNamespace(
            row=row, record=record, truth=record.objects, summary=record.summary, dataset=name
        )
        for row, record in enumerate(records)
    )
    return SimpleNamespace(name=name, items=items, builder=builder)


SCENE = Record(
    images=("a.png",), width=9, height=9, source=Source(file="f", line=1),
    objects=(ObjectAnnotation(desc="a", kind="bbox_2d", points=(0, 0, 5, 5)),),
)  # fmt: skip
NOTE = replace(SCENE, objects=(), summary="a x 2")
NEGATIVE = replace(SCENE, objects=())
RULES = {"cells": SectionRules(irrelevant="none"), "notes": SectionRules(irrelevant="none")}


@pytest.mark.parametrize(
    ("metric", "sets", "is_given"),
    [
        ("f1_50", [held_out_set("cells", SCENE)], True),
        # An untrained model finds nothing; the figure must be there nevertheless.
        ("text_exact", [held_out_set("cells", SCENE)], True),
        ("duplicate_rate", [held_out_set("cells", SCENE)], True),
        ("summary_exact", [held_out_set("cells", SCENE)], False),
        ("hallucination_rate", [held_out_set("cells", SCENE)], False),
        ("hallucination_rate", [held_out_set("cells", SCENE, NEGATIVE)], True),
        ("f1_50", [held_out_set("notes", NOTE)], False),
        ("eval_summary_exact", [held_out_set("notes", NOTE)], True),
        ("f1_50/cells", [held_out_set("cells", SCENE)], False),
        ("f1_50/cells", [held_out_set("cells", SCENE), held_out_set("notes", NOTE)], True),
        ("f1_50/typo", [held_out_set("cells", SCENE), held_out_set("notes", NOTE)], False),
        ("loss/cells", [held_out_set("cells", SCENE)], True),
        ("loss_by_kind/desc", [held_out_set("cells", SCENE)], True),
        ("loss_by_kind", [held_out_set("cells", SCENE)], False),
    ],
)
def test_a_figure_that_the_data_do_not_have_is_refused_before_training(
    base, metric, sets, is_given
):
    config = replace(load_config(base).config, training={"metric_for_best_model": metric})
    names = [one.name for one in sets]
    figures = figure_names(sets, RULES)
    if is_given:
        check_best_metric(config, names, figures)
    else:
        with pytest.raises(ConfigError, match="no evaluation of these data"):
            check_best_metric(config, names, figures)
