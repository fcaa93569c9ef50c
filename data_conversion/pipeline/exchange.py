"""One row of a conversation file as one question about one picture and its answer.

Both spellings of turns are read, `messages` with role and content and `conversations` with from and value, and pictures under
`images` or `image`. What is no single exchange about one picture is refused: it is no grounding record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data_conversion.pipeline.answer_text import TO_CHAT
from data_conversion.pipeline.row_files import Row
from src.errors import RecordError

IMAGE = "<image>"
TURN_KEYS = ("messages", "conversations")
ROLE_KEYS = ("role", "from")
TEXT_KEYS = ("content", "value")
USERS = ("user", "human")
ASSISTANTS = ("assistant", "gpt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """`image` as the row names it; `prompt` the user's text without the picture's placeholder; a system turn is left out."""

    image: str
    prompt: str
    answer: str


def has_turns(row: Row) -> bool:
    """Whether the row is a conversation at all."""
    return any(isinstance(_first(row, (key,)), list) for key in TURN_KEYS)


def parse_exchange(row: Row, where: str) -> Exchange:
    """The exchange; `RecordError` for other conversations, with what to do with them."""
    images = _images(row, where)
    if len(images) != 1:
        message = "the row has no picture" if not images else "the row has several pictures"
        raise _refuse(message, where, got=f"{len(images)} pictures", expected="one picture")
    turns = [_turn(turn, where) for turn in _turns(row, where)]
    if turns and turns[0][0] == "system":
        turns = turns[1:]
    roles = [role for role, _ in turns]
    if len(turns) != 2 or roles[0] not in USERS or roles[1] not in ASSISTANTS:
        raise _refuse(
            "the row is not one question and one answer",
            where,
            got=ascii(", ".join(roles[:6]))[:80],
            expected="user, assistant (or human, gpt), after at most one system turn",
        )
    prompt = turns[0][1].replace(IMAGE, "").strip()
    return Exchange(image=images[0], prompt=prompt, answer=turns[1][1])


def _turns(row: Row, where: str) -> list[Any]:
    turns = _first(row, TURN_KEYS)
    if not isinstance(turns, list):
        raise _refuse("the row has no turns", where, expected=" or ".join(TURN_KEYS))
    return turns


def _turn(turn: Any, where: str) -> tuple[str, str]:
    """(role, text)"""
    if isinstance(turn, dict):
        role, text = _first(turn, ROLE_KEYS), _first(turn, TEXT_KEYS)
        if isinstance(role, str) and isinstance(text, str):
            return role, text
    raise _refuse("a turn is not a role and a text", where, got=ascii(turn)[:80])


def _images(row: Row, where: str) -> list[str]:
    value = _first(row, ("images", "image"))
    listed = value if isinstance(value, list) else [] if value is None else [value]
    names = [_first(item, ("path",)) if isinstance(item, dict) else item for item in listed]
    for name in names:
        if not isinstance(name, str):
            raise _refuse("a picture is not named by its path", where, got=ascii(listed)[:80])
    return names


def _first(mapping: Row, keys: tuple[str, ...]) -> Any:
    """The value of the first of `keys` that is there; None without any."""
    return next((mapping[key] for key in keys if key in mapping), None)


def _refuse(message: str, where: str, *, got: str = "", expected: str = "") -> RecordError:
    return RecordError.say(
        message, where=where, rule="not-grounding", got=got, expected=expected, remedy=TO_CHAT
    )
