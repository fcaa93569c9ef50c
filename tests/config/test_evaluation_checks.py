"""Settings of evaluation that contradict each other are told before anything is loaded, not at the first evaluation."""

import pytest

from src.config.evaluation_checks import FROM_TOKENS
from src.config.loader import load_config
from src.contract.predictions import Prediction
from src.errors import ConfigError
from src.evaluation.config import FIGURES, EvaluationConfig
from src.evaluation.report import evaluate

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


def test_the_named_figures_are_those_of_a_report():
    item = Prediction(
        image="x", row=0, width=9, height=9, truth=(), objects=(), dropped=(), is_valid=True, text="[]",
        finish_reason="stop",
    )  # fmt: skip
    found = set(evaluate([item], EvaluationConfig()).scalars())
    # A rate of duplicates needs an object.
    assert found | {"duplicate_rate"} == set(FIGURES)
