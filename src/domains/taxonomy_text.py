"""A taxonomy in a few lines of text, for prompts and for the command line."""

from __future__ import annotations

from src.domains.config import DomainPack
from src.domains.desc_form import Item, write_desc
from src.domains.taxonomy_config import AttributeRule


def taxonomy_text(pack: DomainPack) -> str:
    """A line a type, in the pack's own desc form: its answers in brackets, `?` where there may be none.

    Whole descs of `taxonomy.labels` follow as they are. Empty for an empty taxonomy.
    """
    lines = []
    for item in pack.taxonomy.types:
        items = [
            Item(
                key=rule.name,
                text=_choices(rule),
                level=rule.level,
                trailing=rule.free_text is not None and rule.free_text.trailing,
            )
            for rule in item.attributes
        ]
        lines.append(f"- {write_desc(item.name, items, pack.desc_grammar)}")
    lines += [f"- {desc}" for desc in dict.fromkeys(pack.taxonomy.labels.values())]
    return "\n".join(lines)


def _choices(rule: AttributeRule) -> str:
    if rule.free_text is not None:
        shown = rule.free_text.template.replace("{value}", "...")
        texts = [shown] if rule.free_text.fallback is None else [shown, rule.free_text.fallback]
    else:
        texts = [text for text in dict.fromkeys(rule.answers.values()) if text]
    mark = "?" if rule.when is not None or not rule.required else ""
    return f"[{'|'.join(texts)}]{mark}"
