"""Predicting and evaluating in training and after it. Standard library only: `src.config` composes it."""

from __future__ import annotations

from dataclasses import dataclass, field


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalEvaluationConfig:
    """Predict a held-out JSONL with the final weights, print precision, recall and F1, write the HTML report."""

    enabled: bool = field(default=False, metadata=_help("predict and evaluate after training"))
    jsonl: str | None = field(
        default=None, metadata=_help("what to predict; default custom.val_jsonl")
    )
    limit: int | None = field(default=None, metadata=_help("predict only the first records"))
    batch_size: int = field(default=16, metadata=_help("images generated at once"))
    max_new_tokens: int = field(default=1024, metadata=_help("longest answer, in tokens"))
    report: bool = field(default=True, metadata=_help("write report.html with pictures"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedEvaluationConfig:
    """Answers generated for held-out records whenever `training.eval_strategy` evaluates, and measured as `src.evaluation` does.

    The figures are logged as `eval_f1_50` and so on, and any of them may be `training.metric_for_best_model`.
    """

    enabled: bool = field(
        default=False, metadata=_help("generate and score answers at each evaluation")
    )
    samples: int | None = field(
        default=200,
        metadata=_help(
            "held-out records of each data set, chosen once by custom.seed; null takes all"
        ),
    )
    batch_size: int = field(default=8, metadata=_help("images generated at once on a device"))
    max_new_tokens: int = field(default=1024, metadata=_help("longest answer, in tokens"))
    max_repeats: int | None = field(
        default=8,
        metadata=_help(
            "end an answer that describes an almost equal object so many times; null never does"
        ),
    )
    pictures: int = field(
        default=8,
        metadata=_help("images drawn into the tracker and progress.html at each evaluation"),
    )
