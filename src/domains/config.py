"""What a domain pack holds: the wording and vocabulary of one field of work, frozen and typed.

Everything that is vocabulary lives in `configs/domains/<id>/pack.yaml` and decodes into `DomainPack`; code holds none of it.
Standard library only, so that `src.config` can import it at no cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from src.contract.coordinates import Norm

PromptMode = Literal["dense", "brief", "summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModePrompts:
    """The prompts of one mode. `system: null` sends no system turn.

    Both texts may hold the placeholders of `src.domains.prompts.PLACEHOLDERS`.
    """

    user: str
    system: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPrompts:
    """One pair of prompts per task: describing every object, and summing up a picture.

    `brief` asks for plain class names, for detection data that are mixed in; without it `dense` is used.
    """

    dense: ModePrompts
    summary: ModePrompts
    brief: ModePrompts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Fixed words with a meaning of their own: not sure what it is; nothing to be described in this picture."""

    uncertain: str
    irrelevant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """How labels of an export become the `desc` that the model writes.

    `labels` maps by exact match only; a label that it lacks stays as it is and is listed as unmapped in the conversion
    report. An empty mapping means that labels are used as they come.
    """

    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """The words in a `desc` for an object shown whole, and those that replace them when a crop cuts it."""

    full: str
    partial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainPack:
    """One domain. `language` is a BCP 47 tag such as `en` or `zh-CN`.

    `format_hints` tells the model, per `custom.json_format`, how the answer looks; `coordinate_hints` does so for each
    `custom.emit_norm`. `negative_answer` is what the model learns to say of a negative picture in dense mode (default: the
    answer format's empty list); in summary mode it is `tokens.irrelevant`.
    """

    id: str
    language: str
    description: str
    prompts: PackPrompts
    format_hints: Mapping[str, str]
    coordinate_hints: Mapping[Norm, str]
    tokens: Tokens
    taxonomy: Taxonomy = field(default_factory=Taxonomy)
    completeness: Completeness | None = None
    negative_answer: str | None = None
