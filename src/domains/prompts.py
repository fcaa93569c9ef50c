"""From a pack's wording to the two texts that a conversation starts with. Pure functions of strings; no cost.

Priority, lowest first: the `generic` pack (the default domain), the chosen domain pack, the config's own prompts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from src.contract.coordinates import Norm
from src.domains.config import DomainPack, PromptMode
from src.errors import ConfigError, Issue
from src.utils.suggest import did_you_mean

PLACEHOLDERS = ("format_hint", "coordinate_hint", "uncertain", "irrelevant")
"""What a prompt may name in braces: the hint of the run's json_format, that of its emit_norm, and the pack's tokens."""

_BRACED_NAME = re.compile(
    r"\{([a-z_]+)\}"
)  # JSON in a prompt opens with {" and is never taken for a placeholder


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
    return (_fill(system_text, values) if system_text else None), _fill(user_text, values)


def check_placeholders(pack: DomainPack, where: str) -> tuple[Issue, ...]:
    """An issue per braced name in the pack's own texts that nothing would ever fill."""
    issues = []
    for path, text in _texts(pack).items():
        for name in _BRACED_NAME.findall(text):
            if name not in PLACEHOLDERS:
                issues.append(
                    Issue(
                        message="unknown placeholder in a prompt",
                        where=where,
                        path=path,
                        rule="prompt-placeholder",
                        got=f"{{{name}}}",
                        expected=", ".join(f"{{{known}}}" for known in PLACEHOLDERS),
                        remedy=did_you_mean(name, PLACEHOLDERS),
                    )
                )
    return tuple(issues)


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
    coordinate_hint = pack.coordinate_hints[emit_norm]
    values = {
        "coordinate_hint": coordinate_hint,
        "uncertain": pack.tokens.uncertain,
        "irrelevant": pack.tokens.irrelevant,
    }
    return {**values, "format_hint": _fill(pack.format_hints[json_format], values)}


def _fill(text: str, values: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        return values[name] if name in values else match.group(0)

    return _BRACED_NAME.sub(replace, text).strip()


def _texts(pack: DomainPack) -> dict[str, str]:
    """Every text of the pack that is filled, by its dotted path."""
    texts = {
        "prompts.dense.user": pack.prompts.dense.user,
        "prompts.dense.system": pack.prompts.dense.system or "",
        "prompts.summary.user": pack.prompts.summary.user,
        "prompts.summary.system": pack.prompts.summary.system or "",
    }
    if pack.prompts.brief is not None:
        texts["prompts.brief.user"] = pack.prompts.brief.user
        texts["prompts.brief.system"] = pack.prompts.brief.system or ""
    texts |= {f"format_hints.{name}": text for name, text in pack.format_hints.items()}
    return texts
