"""What must hold between a config's evaluation settings, and the figure that chooses its best checkpoint."""

from __future__ import annotations

from src.config.schema import TrainingConfig
from src.errors import Issue
from src.evaluation.config import FIGURES, LARGER_IS_BETTER, SMALLER_IS_BETTER
from src.utils.suggest import did_you_mean

FROM_TOKENS = ("loss", "token_acc", "loss_by_kind", "token_acc_by_kind")


def _issue(path: str, message: str, **details: str) -> Issue:
    return Issue(message=message, path=path, rule="config", **details)


def evaluation_issues(config: TrainingConfig) -> list[Issue]:
    """Problems of `custom.evaluation`, `custom.final_evaluation` and `training.metric_for_best_model`."""
    custom = config.custom
    issues = []
    # Of a mix, its own file says what is held out (src.final_evaluation.held_out).
    held_out = custom.val_jsonl or custom.fusion_config
    if custom.final_evaluation.enabled and not (custom.final_evaluation.jsonl or held_out):
        issues.append(
            _issue("custom.final_evaluation", "nothing to predict", remedy="write custom.val_jsonl")
        )
    wanted = custom.evaluation
    for name in ("samples", "batch_size", "max_new_tokens", "max_repeats"):
        value = getattr(wanted, name)
        if value is not None and value < 1:
            issues.append(_issue(f"custom.evaluation.{name}", "must be at least 1", got=str(value)))
    if wanted.pictures < 0:
        issues.append(_issue("custom.evaluation.pictures", "must not be negative"))
    if wanted.enabled and not held_out:
        issues.append(
            _issue("custom.evaluation", "nothing to predict", remedy="write custom.val_jsonl")
        )
    if wanted.enabled and config.training.get("eval_strategy") in (None, "no"):
        issues.append(
            _issue(
                "custom.evaluation.enabled",
                "nothing ever evaluates",
                remedy="write training.eval_strategy: epoch, or steps with eval_steps",
            )
        )
    return [*issues, *_best_metric_issues(config)]


def _best_metric_issues(config: TrainingConfig) -> list[Issue]:
    path = "training.metric_for_best_model"
    named = config.training.get("metric_for_best_model")
    if named is None:
        return []
    metric = named.removeprefix("eval_").split("/")[0]
    if metric not in (*FROM_TOKENS, *FIGURES):
        # HF would find out at the first evaluation.
        known = (*FROM_TOKENS, *FIGURES)
        return [
            _issue(
                path,
                "no evaluation gives this figure",
                got=named,
                expected=" | ".join(known),
                remedy=did_you_mean(metric, known),
            )
        ]
    if metric in FIGURES and not config.custom.evaluation.enabled:
        return [
            _issue(
                path,
                "this figure needs generated answers",
                got=named,
                remedy="set custom.evaluation.enabled: true",
            )
        ]
    is_greater = config.training.get("greater_is_better")
    if metric in SMALLER_IS_BETTER and is_greater is not False:
        return [_direction(named, "false", "smaller")]
    if metric in LARGER_IS_BETTER and is_greater is False:
        return [_direction(named, "true", "larger")]
    return []


def _direction(named: str, value: str, better: str) -> Issue:
    return _issue(
        "training.greater_is_better",
        f"of {named} the {better} value is the better one",
        remedy=f"write training.greater_is_better: {value}",
    )
