"""What prompts may name in braces, and where a pack has prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from src.domains.config import DomainPack

PLACEHOLDERS = ("format_hint", "coordinate_hint", "uncertain", "irrelevant", "taxonomy")
"""The hint of the run's json_format, that of its emit_norm, the pack's tokens, and its types with their answers."""
STAGE_PLACEHOLDERS = (
    "uncertain", "irrelevant", "taxonomy", "mission", "focus", "rules", "passed", "failed",
)  # fmt: skip
"""Of stage_a and stage_b: the mission's name, focus and numbered rules, and the verdicts."""

_BRACED_NAME = re.compile(
    r"\{([a-z_]+)\}"
)  # JSON in a prompt opens with {" and is never taken for a placeholder


def names_in(text: str) -> list[str]:
    """The names that stand in braces."""
    return _BRACED_NAME.findall(text)


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every known name filled in, in one pass; other words in braces stay as they are."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        return values[name] if name in values else match.group(0)

    return _BRACED_NAME.sub(replace, text).strip()


def prompt_texts(pack: DomainPack) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of the pack that is filled, with its path."""
    modes = {
        "dense": pack.prompts.dense,
        "summary": pack.prompts.summary,
        "brief": pack.prompts.brief,
        "stage_a": pack.prompts.stage_a,
        "stage_b": pack.prompts.stage_b,
    }
    for mode, prompts in modes.items():
        if prompts is not None:
            yield ("prompts", mode, "user"), prompts.user
            yield ("prompts", mode, "system"), prompts.system or ""
    for name, text in pack.format_hints.items():
        yield ("format_hints", name), text
