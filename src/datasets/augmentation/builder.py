"""`custom.augmentation` -> a pipeline, with every problem of its ops, curriculum and order told before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from src.contract.budget import CELL, PixelBudget
from src.datasets.augmentation.config import AugmentationConfig, OpSpec, Phase
from src.datasets.augmentation.curriculum import BYPASS, Curriculum, Segment, Value
from src.datasets.augmentation.drawing import Policy
from src.datasets.augmentation.ops.registry import OPS
from src.datasets.augmentation.paint import Painter
from src.datasets.augmentation.pipeline import Emission, Pipeline
from src.datasets.augmentation.state import Rules
from src.datasets.augmentation.table import Floors
from src.errors import ConfigError, Issue
from src.typed_yaml.decoding import decode_plain, plain_issues
from src.utils.suggest import did_you_mean

PATH = "custom.augmentation"
AFFINE = ("hflip", "vflip", "rotate", "rot90", "scale", "translate", "shear")
CUTTING = (
    "resize_by_scale",
    "pad_to_multiple",
    "resize_to_budget",
    "random_crop",
    "roi_crop",
    "small_object_zoom_paste",
    "object_copy_paste",
)
GRID_BREAKING = ("rotate", "rot90", "random_crop", "roi_crop")
ALIGNING = ("expand_to_fit_affine", "pad_to_multiple", "resize_to_budget", "resize_by_scale")
PERCENT = 100.0


def make_policy(spec: OpSpec) -> Policy:
    """The op of a spec whose parameters were checked."""
    policy: Policy = decode_plain(OPS[spec.name], spec.params)
    return policy


def make_pipeline(
    config: AugmentationConfig,
    *,
    seed: int,
    budget: PixelBudget,
    total_steps: int,
    wording: tuple[str, str] | None = None,
    with_curriculum: bool = True,
) -> Pipeline:
    """The pipeline of a run of `total_steps` optimizer steps; `wording` is the pack's (full, partial) text.

    Without the curriculum the ops keep their own values throughout.
    """
    issues = augmentation_issues(config)
    if issues:
        raise ConfigError(*issues)
    policies = [make_policy(spec) for spec in config.ops]
    return Pipeline(
        seed=seed,
        curriculum=Curriculum(
            policies,
            config.bypass_prob,
            _segments(config, policies, total_steps) if with_curriculum else (),
        ),
        rules=Rules(
            floors=Floors(config.min_visible, config.completeness_threshold), parts=config.parts
        ),
        budget=budget,
        painter=Painter(fast_decode=config.fast_decode, backend=config.backend),
        emission=Emission(
            rotated_box=config.rotated_box,
            max_poly_vertices=config.max_poly_vertices,
            wording=wording,
        ),
    )


def augmentation_issues(config: AugmentationConfig) -> list[Issue]:
    """Everything wrong with the section, each with its dotted path."""
    issues = []
    for name in ("bypass_prob", "min_visible", "completeness_threshold"):
        if not 0 <= getattr(config, name) <= 1:
            issues.append(_issue(name, "must lie in 0..1", got=str(getattr(config, name))))
    if config.max_poly_vertices is not None and config.max_poly_vertices < 3:
        issues.append(_issue("max_poly_vertices", "a polygon needs at least 3 vertices"))
    if config.enabled and not config.ops:
        issues.append(_issue("ops", "enabled without an op", remedy="list ops, or enabled: false"))
    seen: set[str] = set()
    for index, spec in enumerate(config.ops):
        if spec.name in seen:
            issues.append(_issue(f"ops[{index}].name", "an op may be listed once", got=spec.name))
        seen.add(spec.name)
        issues += _op_issues(index, spec)
    if not issues:
        issues += _curriculum_issues(config)
    return issues


def _issue(path: str, message: str, **details: str) -> Issue:
    return Issue(message=message, path=f"{PATH}.{path}", rule="config", **details)


def _op_issues(index: int, spec: OpSpec) -> list[Issue]:
    where = f"{PATH}.ops[{index}].params"
    issues = [
        replace(issue, path=f"{where}.{issue.path}" if issue.path else where)
        for issue in plain_issues(OPS[spec.name], spec.params)
    ]
    if issues:
        return issues
    return [
        Issue(message=message, path=f"{where}.{name}", rule="config")
        for name, message in make_policy(spec).problems()
    ]


def _curriculum_issues(config: AugmentationConfig) -> list[Issue]:
    issues: list[Issue] = []
    policies: dict[str, Policy] = {spec.name: make_policy(spec) for spec in config.ops}
    ends = [(phase.until_step, phase.until_percent) for phase in config.curriculum]
    kinds = {"step" if step is not None else "percent" for step, _ in ends}
    for index, (step, percent) in enumerate(ends):
        if (step is None) == (percent is None):
            issues.append(
                _issue(f"curriculum[{index}]", "needs either until_step or until_percent")
            )
        elif percent is not None and not 0 < percent <= PERCENT:
            issues.append(
                _issue(f"curriculum[{index}].until_percent", "must lie in 0..100", got=str(percent))
            )
    if not issues and len(kinds) > 1:
        issues.append(_issue("curriculum", "until_step and until_percent do not mix"))
    if not issues:
        values = [step if step is not None else percent for step, percent in ends]
        for index, (low, high) in enumerate(zip([0, *values], values, strict=False)):
            assert low is not None
            assert high is not None
            if low >= high:
                issues.append(_issue(f"curriculum[{index}]", "phases must end one after another"))
    for index, phase in enumerate(config.curriculum):
        issues += _phase_issues(index, phase, policies)
    return issues


def _phase_issues(index: int, phase: Phase, policies: Mapping[str, Policy]) -> list[Issue]:
    issues = []
    if phase.bypass_prob is not None and not 0 <= phase.bypass_prob <= 1:
        issues.append(_issue(f"curriculum[{index}].bypass_prob", "must lie in 0..1"))
    for name, params in phase.ops.items():
        path = f"curriculum[{index}].ops.{name}"
        if name not in policies:
            issues.append(
                _issue(path, "not an op of this pipeline", remedy=did_you_mean(name, policies))
            )
            continue
        policy = policies[name]
        for parameter in params:
            if parameter not in policy.numeric:
                issues.append(
                    _issue(
                        f"{path}.{parameter}",
                        "a curriculum cannot change this",
                        expected=", ".join(policy.numeric) or "nothing of this op",
                    )
                )
        known = {key: value for key, value in params.items() if key in policy.numeric}
        merged = {**_params(policy), **known}
        found = [
            replace(issue, path=f"{PATH}.{path}.{issue.path}")
            for issue in plain_issues(OPS[name], merged)
        ]
        if not found:
            found = [
                _issue(f"{path}.{key}", message)
                for key, message in decode_plain(OPS[name], merged).problems()
            ]
        issues += found
    return issues


def _params(policy: Policy) -> dict[str, Any]:
    return {field.name: getattr(policy, field.name) for field in fields(policy)}  # type: ignore[arg-type]


def _segments(
    config: AugmentationConfig, policies: list[Policy], total_steps: int
) -> list[Segment]:
    """Steps and complete values of each phase; values that a phase does not name stay as they were before it."""
    by_name = {policy.name: policy for policy in policies}
    before: dict[tuple[str, str], Value] = {BYPASS: config.bypass_prob}
    for phase in config.curriculum:
        for name, params in phase.ops.items():
            for parameter in params:
                before[name, parameter] = getattr(by_name[name], parameter)
    segments, start = [], 0
    for phase in config.curriculum:
        after = dict(before)
        if phase.bypass_prob is not None:
            after[BYPASS] = phase.bypass_prob
        for name, params in phase.ops.items():
            decoded = decode_plain(OPS[name], {**_params(by_name[name]), **params})
            for parameter in params:
                after[name, parameter] = getattr(decoded, parameter)
        end = phase.until_step
        if end is None:
            assert phase.until_percent is not None
            end = round(phase.until_percent / PERCENT * total_steps)
        end = max(end, start + 1)
        segments.append(
            Segment(
                start=start, end=end, interpolation=phase.interpolation, before=before, after=after
            )
        )
        before, start = after, end
    return segments


def order_warnings(config: AugmentationConfig) -> list[str]:
    """Orders of ops that lose corners or the grid, each with its remedy; legal, but rarely meant."""
    names = [spec.name for spec in config.ops]
    warnings = []
    if "expand_to_fit_affine" in names:
        expand = names.index("expand_to_fit_affine")
        cutters = [name for name in names[:expand] if name in CUTTING]
        first_affine = next((i for i, name in enumerate(names) if name in AFFINE), expand)
        lost = [name for name in cutters if names.index(name) > first_affine]
        if lost:
            warnings.append(
                f"{lost[0]} comes between an affine op and expand_to_fit_affine, so corners are cut "
                f"before the canvas grows: move expand_to_fit_affine before {lost[0]}"
            )
        late = [name for name in names[expand + 1 :] if name in AFFINE and name != "rot90"]
        if late:
            warnings.append(
                f"{late[0]} comes after expand_to_fit_affine and may push content over the border: "
                f"move it before expand_to_fit_affine"
            )
    aligned = [index for index, name in enumerate(names) if name in ALIGNING]
    breaking = [index for index, name in enumerate(names) if name in GRID_BREAKING]
    if aligned and breaking and breaking[-1] > aligned[-1]:
        warnings.append(
            f"{names[breaking[-1]]} comes after {names[aligned[-1]]} and leaves the {CELL}-pixel grid; "
            f"the picture is then stretched to it by up to half a cell: move it before, or end with "
            f"pad_to_multiple"
        )
    return warnings
