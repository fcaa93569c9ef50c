"""From a pack's wording to the two texts that a conversation starts with. Pure functions of strings; no cost.

Priority, lowest first: the `generic` pack (the default domain), the chosen domain pack, the config's own prompts.
"""

from __future__ import annotations

from src.contract.coordinates import Norm
from src.domains.config import DomainPack, ModePrompts, PromptMode, Stage
from src.domains.mission_config import Mission
from src.domains.placeholders import fill
from src.domains.taxonomy_text import taxonomy_text
from src.errors import ConfigError


def render_prompts(
    pack: DomainPack,
    mode: PromptMode,
    json_format: str,
    emit_norm: Norm,
    system: str | None = None,
    user: str | None = None,
) -> tuple[str | None, str]:
    """(system prompt or None, user prompt) for a run.

    `system` and `user` are the config's explicit prompts: they win over the pack, and an empty `system` means no system
    turn at all. Placeholders are filled in explicit prompts too; other words in braces stay as they are.
    Raises `ConfigError` when the pack has no hint for `json_format`.
    """
    by_mode = {"dense": pack.prompts.dense, "summary": pack.prompts.summary}
    by_mode["brief"] = pack.prompts.brief or pack.prompts.dense
    prompts = by_mode[mode]
    values = _values(pack, json_format, emit_norm)
    system_text = prompts.system if system is None else system
    user_text = prompts.user if user is None else user
    return (fill(system_text, values) if system_text else None), fill(user_text, values)


def stage_prompts(pack: DomainPack, stage: Stage) -> ModePrompts | None:
    """The pack's own texts of a stage."""
    return pack.prompts.stage_a if stage == "stage_a" else pack.prompts.stage_b


def render_stage(pack: DomainPack, stage: Stage, mission: Mission) -> tuple[str | None, str]:
    """(system prompt or None, user prompt) of a stage for one of the pack's missions.

    Raises `ConfigError` when the pack has no prompts for the stage.
    """
    prompts = stage_prompts(pack, stage)
    if prompts is None:
        raise ConfigError.say(
            f"domain pack {pack.id} has no prompts for this stage",
            path=f"prompts.{stage}",
            rule="stage-prompts",
            remedy=f"add prompts.{stage}",
        )
    assert pack.verdicts is not None, "missions come with verdicts"
    values = _tokens(pack) | {
        "mission": mission.name,
        "focus": mission.focus,
        "rules": "\n".join(f"{number}. {rule}" for number, rule in enumerate(mission.rules, 1)),
        "passed": pack.verdicts.passed,
        "failed": pack.verdicts.failed,
    }
    return (fill(prompts.system, values) if prompts.system else None), fill(prompts.user, values)


def _values(pack: DomainPack, json_format: str, emit_norm: Norm) -> dict[str, str]:
    if json_format not in pack.format_hints:
        raise ConfigError.say(
            f"domain pack {pack.id} has no hint for this answer format",
            path=f"format_hints.{json_format}",
            rule="format-hint",
            got=json_format,
            expected=" | ".join(sorted(pack.format_hints)),
            remedy="add the hint to the pack, or choose another custom.json_format",
        )
    values = _tokens(pack) | {"coordinate_hint": pack.coordinate_hints[emit_norm]}
    return {**values, "format_hint": fill(pack.format_hints[json_format], values)}


def _tokens(pack: DomainPack) -> dict[str, str]:
    return {
        "uncertain": pack.tokens.uncertain,
        "irrelevant": pack.tokens.irrelevant,
        "taxonomy": taxonomy_text(pack),
    }
