"""What must hold between values of a config; all problems at once, each with the path of the value to change."""

from __future__ import annotations

import math

from src.config.evaluation_checks import evaluation_issues
from src.config.schema import TrainingConfig
from src.datasets.augmentation.builder import augmentation_issues, order_warnings
from src.errors import ConfigError, Issue

DEFAULT_MICRO_BATCH = 1


def _issue(path: str, message: str, **details: str) -> Issue:
    return Issue(message=message, path=path, rule="config", **details)


def cross_issues(config: TrainingConfig) -> list[Issue]:
    """Contradictions and missing parts; `where` is filled in by the loader."""
    return [
        *_model_issues(config),
        *_length_issues(config),
        *_batch_issues(config),
        *_custom_issues(config),
        *evaluation_issues(config),
    ]


def config_warnings(config: TrainingConfig) -> list[str]:
    """What is legal but rarely meant, each with its remedy."""
    return order_warnings(config.custom.augmentation)


def _model_issues(config: TrainingConfig) -> list[Issue]:
    issues = []
    if not config.model.get("model"):
        issues.append(
            _issue("model.model", "required key is missing", remedy="a checkpoint folder or hub id")
        )
    speed = config.deepspeed
    if speed is not None and speed.enabled and not speed.config:
        issues.append(
            _issue(
                "deepspeed.config", "DeepSpeed is on without a config", expected="zero2, zero3, ..."
            )
        )
    return issues


def _length_issues(config: TrainingConfig) -> list[Issue]:
    issues = []
    limit = config.global_max_length
    if limit is not None and limit <= 0:
        issues.append(_issue("global_max_length", "must be positive", got=str(limit)))
    for section, name in (("template", "max_length"), ("model", "max_model_len")):
        value = getattr(config, section).get(name)
        if value is not None and limit is not None and value != limit:
            issues.append(
                _issue(
                    f"{section}.{name}",
                    "contradicts global_max_length",
                    got=str(value),
                    expected=str(limit),
                    remedy="remove it; global_max_length sets it",
                )
            )
    strategy = config.template.get("truncation_strategy")
    if strategy not in (None, "delete"):
        issues.append(
            _issue(
                "template.truncation_strategy",
                "samples are never cut: image tokens would lose their image",
                got=str(strategy),
                remedy="remove it; custom.on_over_long says what happens to long samples",
            )
        )
    max_pixels = config.template.get("max_pixels")
    if max_pixels is not None and max_pixels < config.custom.min_pixels:
        issues.append(
            _issue("template.max_pixels", "smaller than custom.min_pixels", got=str(max_pixels))
        )
    return issues


def _batch_issues(config: TrainingConfig) -> list[Issue]:
    issues = []
    training = config.training
    effective = training.get("effective_batch_size")
    for name in (
        "effective_batch_size",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
    ):
        value = training.get(name)
        if isinstance(value, int) and value < 1:
            issues.append(_issue(f"training.{name}", "must be at least 1", got=str(value)))
    if effective is not None and training.get("gradient_accumulation_steps") is not None:
        issues.append(
            _issue(
                "training.gradient_accumulation_steps",
                "follows from effective_batch_size",
                remedy="remove one of the two",
            )
        )
    micro = training.get("per_device_train_batch_size") or DEFAULT_MICRO_BATCH
    if isinstance(effective, int) and effective > 0 and micro > 0 and effective % micro:
        issues.append(_uneven(effective, micro, 1))
    if training.get("dataloader_multiprocessing_context") not in (None, "fork"):
        issues.append(
            _issue(
                "training.dataloader_multiprocessing_context",
                "ms-swift's Qwen3-VL collator needs the model's class, which a spawned worker cannot find",
                expected="fork",
                remedy="remove it",
            )
        )
    data_seed = config.data.get("data_seed")
    if data_seed is not None and data_seed != config.custom.seed:
        issues.append(
            _issue(
                "data.data_seed",
                "contradicts custom.seed, which orders the data",
                got=str(data_seed),
                expected=str(config.custom.seed),
                remedy="remove it",
            )
        )
    return issues


def _custom_issues(config: TrainingConfig) -> list[Issue]:
    custom = config.custom
    issues = []
    if custom.fusion_config is not None:
        for name, instead in (
            ("train_jsonl", "name the file in the fusion config"),
            ("val_jsonl", "name the file in the fusion config"),
            ("use_summary", "write mode: summary at the data set"),
        ):
            if getattr(custom, name):
                issues.append(
                    _issue(
                        "custom.fusion_config",
                        f"stands beside custom.{name}",
                        remedy=f"remove custom.{name} and {instead}, or remove custom.fusion_config",
                    )
                )
    elif not custom.train_jsonl:
        issues.append(
            _issue(
                "custom.train_jsonl",
                "required key is missing",
                remedy="contract JSONL to train on, or custom.fusion_config for several",
            )
        )
    issues += augmentation_issues(custom.augmentation)
    issues += _batching_issues(config)
    issues += _prefix_issues(custom.assistant_prefix_format)
    for name in ("sample_limit", "train_sample_limit", "val_sample_limit"):
        value = getattr(custom, name)
        if value is not None and value < 1:
            issues.append(_issue(f"custom.{name}", "must be at least 1", got=str(value)))
    if custom.user_prompt is not None and config.prompts.user is not None:
        issues.append(_issue("custom.user_prompt", "given twice", remedy="keep prompts.user alone"))
    return issues


def _batching_issues(config: TrainingConfig) -> list[Issue]:
    batching, issues = config.custom.batching, []
    if batching.group_window < 1:
        issues.append(_issue("custom.batching.group_window", "must be at least 1"))
    cap, limit = batching.max_tokens_per_micro_batch, config.global_max_length
    if cap is None:
        return issues
    path = "custom.batching.max_tokens_per_micro_batch"
    if cap < 1:
        issues.append(_issue(path, "must be at least 1", got=str(cap)))
    elif limit is not None and cap < limit:
        issues.append(
            _issue(
                path,
                "less than one sample may have",
                got=str(cap),
                expected=f"at least global_max_length, {limit}",
            )
        )
    for name, remedy in (
        ("per_device_train_batch_size", "remove it: the cap decides sizes"),
        ("gradient_accumulation_steps", "remove it: it follows from the cap"),
    ):
        if config.training.get(name) is not None:
            issues.append(
                _issue(f"training.{name}", "stands beside a cap on tokens", remedy=remedy)
            )
    if config.training.get("effective_batch_size") is None:
        issues.append(
            _issue(
                "training.effective_batch_size",
                "required beside a cap on tokens",
                remedy="samples of an optimizer step over all devices",
            )
        )
    return issues


def _prefix_issues(prefix: str | None) -> list[Issue]:
    if prefix is None:
        return []
    fits = (
        "\n" not in prefix
        and "{task}" in prefix
        and ("{domain}" in prefix or "{dataset}" in prefix)
    )
    if fits:
        return []
    return [
        _issue(
            "custom.assistant_prefix_format",
            "not a usable prefix",
            got=repr(prefix),
            expected="one line with {task} and {domain} or {dataset}",
        )
    ]


def micro_batch_size(config: TrainingConfig) -> int:
    """Samples in one forward pass of one device."""
    size: int = config.training.get("per_device_train_batch_size") or DEFAULT_MICRO_BATCH
    return size


def gradient_accumulation(config: TrainingConfig, world_size: int) -> int:
    """Micro-batches per optimizer step and device; `ConfigError` when the batch sizes do not divide exactly."""
    effective = config.training.get("effective_batch_size")
    if effective is None:
        steps: int = config.training.get("gradient_accumulation_steps") or 1
        return steps
    share = micro_batch_size(config) * world_size
    if effective % share:
        raise ConfigError(_uneven(effective, micro_batch_size(config), world_size))
    count: int = effective // share
    return count


def effective_batch_size(config: TrainingConfig, world_size: int) -> int:
    """Samples per optimizer step over all devices."""
    return gradient_accumulation(config, world_size) * micro_batch_size(config) * world_size


def _uneven(effective: int, micro: int, world_size: int) -> Issue:
    share = micro * world_size
    below, above = effective // share * share, math.ceil(effective / share) * share
    fitting = " or ".join(str(value) for value in (below, above) if value)
    return _issue(
        "training.effective_batch_size",
        "does not divide into micro-batches",
        got=f"{effective} = {micro} per device x {world_size} devices x {effective / share:.3f}",
        expected=f"a multiple of {share}, such as {fitting}",
        remedy="change effective_batch_size, per_device_train_batch_size or the number of devices",
    )
