"""The three forms in which chat corpora come, each to (role, text) turns.

alpaca (Taori et al. 2023, as LLaMA-Factory extends it): instruction, input, output, and perhaps system and history, a list of
[question, answer]. sharegpt: conversations of {from, value}, and perhaps system. openai: messages of {role, content}, where
content is text or a list of {type: text, text}. Which one an entry has is told by its keys.
What cannot be a text conversation (tools, pictures, other types) raises `RecordError` with a rule for the quarantine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from src.contract.records import Role, Source
from src.errors import RecordError

Form = Literal["alpaca", "sharegpt", "openai"]
KEY_OF_FORM: dict[Form, str] = {
    "openai": "messages",
    "sharegpt": "conversations",
    "alpaca": "instruction",
}
ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
}
PICTURES = ("image", "images", "video", "videos", "audio", "audios")
TOOLS = ("tools", "tool_calls", "functions", "function_call")
Turn = tuple[Role, Any]
"""(role of the contract, text); the contract's validator judges the text."""


@dataclass(slots=True, kw_only=True)
class Conversation:
    """One entry: its turns, and the fields that the contract has no place for."""

    form: Form
    turns: list[Turn]
    left_out: Counter[str] = field(default_factory=Counter)


def read_entry(entry: Any, source: Source) -> Conversation:
    """The conversation of one entry of a corpus. `RecordError` when it is none."""
    if not isinstance(entry, dict):
        raise _refuse(source, "chat-form", "an entry is a JSON object", type(entry).__name__)
    forms = [form for form, key in KEY_OF_FORM.items() if key in entry]
    if len(forms) != 1:
        raise _refuse(
            source, "chat-form", "the entry has not exactly one of " + ", ".join(KEY_OF_FORM.values()),
            ", ".join(entry) or "no keys",
        )  # fmt: skip
    _refuse_values(entry, (*PICTURES, *TOOLS), source)
    form = forms[0]
    if form == "alpaca":
        return _alpaca(entry, source)
    return _of_turns(entry, form, source)


def _alpaca(entry: Mapping[str, Any], source: Source) -> Conversation:
    conversation = Conversation(form="alpaca", turns=_system(entry))
    history = entry["history"] if _is_given(entry, "history") else []
    for pair in history if isinstance(history, list) else [history]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise _refuse(source, "chat-form", "history is a list of [question, answer]", pair)
        conversation.turns += [("user", pair[0]), ("assistant", pair[1])]
    if "output" not in entry:
        raise _refuse(source, "chat-form", "the entry has no output", ", ".join(entry))
    texts = (
        (entry["instruction"], entry["input"])
        if _is_given(entry, "input")
        else (entry["instruction"],)
    )
    if not all(isinstance(text, str) for text in texts):
        raise _refuse(source, "chat-form", "instruction and input are texts", texts)
    question = "\n".join(text for text in texts if text)
    conversation.turns += [("user", question), ("assistant", entry["output"])]
    known = ("instruction", "input", "output", "system", "history")
    conversation.left_out.update(key for key in entry if key not in known)
    return conversation


def _of_turns(entry: Mapping[str, Any], form: Form, source: Source) -> Conversation:
    role_key, text_key = ("role", "content") if form == "openai" else ("from", "value")
    conversation = Conversation(form=form, turns=_system(entry))
    turns = entry[KEY_OF_FORM[form]]
    if not isinstance(turns, list) or not turns:
        raise _refuse(source, "chat-form", "the conversation is a list of turns", turns)
    for turn in turns:
        if not isinstance(turn, dict) or role_key not in turn or text_key not in turn:
            raise _refuse(source, "chat-form", f"a turn has {role_key} and {text_key}", turn)
        _refuse_values(turn, TOOLS, source)
        role = turn[role_key]
        if not isinstance(role, str) or role not in ROLES:
            raise _refuse(source, "chat-role", "a role that is no part of a conversation", role)
        conversation.turns.append((ROLES[role], _text(turn[text_key], source)))
        conversation.left_out.update(
            f"turn.{key}" for key in turn if key not in (role_key, text_key)
        )
    known = (KEY_OF_FORM[form], "system")
    conversation.left_out.update(key for key in entry if key not in known)
    return conversation


def _system(entry: Mapping[str, Any]) -> list[Turn]:
    return [("system", entry["system"])] if _is_given(entry, "system") else []


def _is_given(entry: Mapping[str, Any], key: str) -> bool:
    """An absent or null field, and an empty text, mean that there is none; any other value is judged."""
    return key in entry and entry[key] not in (None, "")


def _text(content: Any, source: Source) -> Any:
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.keys() != {"type", "text"} or part["type"] != "text":
            raise _refuse(source, "chat-media", "a part of a turn is not text", part)
        if not isinstance(part["text"], str):
            raise _refuse(source, "chat-form", "the text of a part is no text", part)
        texts.append(part["text"])
    return "".join(texts)


def _refuse_values(holder: Mapping[str, Any], keys: tuple[str, ...], source: Source) -> None:
    for key in keys:
        if holder.get(key):
            rule = "chat-tools" if key in TOOLS else "chat-media"
            raise _refuse(source, rule, f"{key} cannot be kept in a text conversation", holder[key])


def _refuse(source: Source, rule: str, message: str, got: Any) -> RecordError:
    return RecordError.say(
        message,
        where=str(source),
        rule=rule,
        got=ascii(got)[:120],
        expected="a text conversation in alpaca, sharegpt or openai form",
        remedy="correct the entry, or leave it in quarantine",
    )
