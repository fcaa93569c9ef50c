"""What a group of pictures is judged by: missions, the words of a verdict, word lists. Schema only; standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """One question that a group of pictures answers. `id` names folders and files; `rules` are numbered from 1 in prompts."""

    id: str
    name: str
    focus: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The two words that a verdict can be."""

    passed: str
    failed: str

    def __post_init__(self) -> None:
        if self.passed == self.failed:
            raise ValueError("the two verdicts must differ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicons:
    """Lists of words and phrases by which answers are read.

    `negative_triggers` state a defect; `negations` before one undo it; `pending_phrases` put a decision off; `third_states` are
    verdicts that are neither of the two and therefore malformed.
    """

    negative_triggers: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    pending_phrases: tuple[str, ...] = ()
    third_states: tuple[str, ...] = ()
