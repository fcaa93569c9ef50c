"""What must hold between a config's evaluation settings, and the figure that chooses its best checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

from src.config.schema import TrainingConfig
from src.errors import Issue
from src.evaluation.config import FIGURES, LARGER_IS_BETTER, SMALLER_IS_BETTER
from src.utils.suggest import did_you_mean

ROOT = Path(__file__).resolve().parents[2]
LOSSES = ("loss", "loss_by_kind")
ACCURACIES = ("token_acc", "token_acc_by_kind")
FROM_TOKENS = (*LOSSES, *ACCURACIES)


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
    return [*issues, *_sharding_issues(config), *_best_metric_issues(config)]


def _sharding_issues(config: TrainingConfig) -> list[Issue]:
    """Generating needs whole weights on each device; FSDP never gives them, ZeRO-3 while training alone."""
    issues = []
    custom = config.custom
    if config.training.get("fsdp") and custom.evaluation.enabled:
        issues.append(
            _issue(
                "custom.evaluation.enabled",
                "cannot generate with weights that FSDP spreads over devices",
                remedy="use DeepSpeed instead of training.fsdp, or predict checkpoints with src.predict",
            )
        )
    if custom.final_evaluation.enabled and (config.training.get("fsdp") or _is_zero3(config)):
        issues.append(
            _issue(
                "custom.final_evaluation.enabled",
                "cannot generate with weights that are spread over devices",
                remedy="turn it off and run: python -m src.predict --model RUN/final",
            )
        )
    return issues


def _is_zero3(config: TrainingConfig) -> bool:
    speed = config.deepspeed
    if speed is None or not speed.enabled or speed.config is None:
        return False
    settings = speed.config
    if isinstance(settings, str):
        path = ROOT / settings
        if not path.is_file():
            return settings.startswith("zero3")
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return False  # DeepSpeed tells what is wrong with the file.
    stages = settings["zero_optimization"] if "zero_optimization" in settings else {}
    return "stage" in stages and stages["stage"] == 3


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
    # Left out, HF takes the smaller value of a loss as the better one, and the larger value of anything else.
    if metric in LOSSES and is_greater is True:
        return [_direction(named, "false", "smaller")]
    if metric in SMALLER_IS_BETTER and is_greater is not False:
        return [_direction(named, "false", "smaller")]
    if metric in (*LARGER_IS_BETTER, *ACCURACIES) and is_greater is False:
        return [_direction(named, "true", "larger")]
    return []


def _direction(named: str, value: str, better: str) -> Issue:
    return _issue(
        "training.greater_is_better",
        f"of {named} the {better} value is the better one",
        remedy=f"write training.greater_is_better: {value}",
    )
