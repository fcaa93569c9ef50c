"""Rules of a chat record's `messages`."""

from __future__ import annotations

from typing import Any, get_args

from src.contract.line_issues import LineIssues
from src.contract.records import Message, Role
from src.contract.text_rules import check_text

ROLES: tuple[Role, ...] = get_args(Role)


def check_messages(messages: Any, state: LineIssues) -> tuple[Message, ...]:
    """The turns of a chat: an optional system turn first, the assistant's last; issues to `state`."""
    if not isinstance(messages, list) or not messages:
        message, remedy = "messages must be a non-empty list", "write role and content"
        state.add("messages", "type", message, remedy, got=messages)
        return ()
    parsed = [_message(item, position, state) for position, item in enumerate(messages)]
    last = parsed[-1]
    if last is not None and last.role != "assistant":
        message, remedy = "the last message is not the assistant's", "end with the answer to learn"
        state.add(f"messages[{len(parsed) - 1}]", "message", message, remedy, got=last.role)
    return tuple(item for item in parsed if item is not None)


def _message(item: Any, position: int, state: LineIssues) -> Message | None:
    path = f"messages[{position}]"
    if not isinstance(item, dict) or item.keys() != {"role", "content"}:
        message = "a message has exactly role and content"
        state.add(path, "message", message, "write both", got=item)
        return None
    role = item["role"]
    if role not in ROLES or (role == "system" and position):
        remedy = "system (first only), user or assistant"
        state.add(f"{path}.role", "message", "not a legal role here", remedy, got=role)
        return None
    if not check_text(item["content"], f"{path}.content", "content", state, multiline=True):
        return None
    return Message(role=role, content=item["content"])
