"""Rules of desc, summary and message text: what a tokenizer or a terminal would read as a command."""

from __future__ import annotations

import re
from typing import Any

from src.contract.line_issues import LineIssues

# Any spelling that Qwen's tokenizers turn into a token of its own (an image token more than the
# grid has, a supervised end), or that ms-swift's templates replace by an image, box or reference.
SPECIAL = re.compile(
    r"<\|[A-Za-z0-9_]+\|>|</?think>|</?tool_call>|</?tool_response>"
    r"|<(?:image|video|audio|bbox|ref-object|cot-process|start-image)>"
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check_text(
    value: Any, path: str, name: str, state: LineIssues, *, multiline: bool = False
) -> bool:
    """Whether `value` is legal text; `multiline` allows line breaks and outer white space."""
    if not isinstance(value, str):
        state.add(path, "type", f"{name} must be text", "write a string", got=value)
        return False
    stripped = value.strip()
    if not stripped:
        state.add(path, "empty-text", f"{name} is empty", "write what is there, or remove it")
        return False
    fits = True
    if not multiline and len(value) != len(stripped):
        state.add(
            path, "text-space", f"{name} begins or ends with white space", "strip it", got=value
        )
        fits = False
    if not multiline and CONTROL.search(value):
        state.add(
            path,
            "control-text",
            f"{name} has a line break or control character",
            "write one line",
            got=value,
        )
        fits = False
    if "<" in value and (found := SPECIAL.search(value)):
        state.add(
            path,
            "special-token",
            f"{name} spells a special token of the model",
            "remove it: the model would read it as a command, not as text",
            got=found.group(0),
        )
        fits = False
    return fits
