"""What a domain pack holds: the wording and vocabulary of one field of work, frozen and typed.

Everything that is vocabulary lives in `configs/domains/<id>/` and decodes into `DomainPack`; code holds none of it. Sections with
rules of their own are in the `*_config.py` beside this file. Standard library only: `src.config` imports it at no cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from src.contract.coordinates import Norm
from src.domains.mission_config import Lexicons, Mission, Verdicts
from src.domains.summary_config import Grouping, SummaryRules
from src.domains.taxonomy_config import Taxonomy
from src.domains.text_config import ReviewRules, Sanitizer

PromptMode = Literal["dense", "brief", "summary"]
Stage = Literal["stage_a", "stage_b"]
DescForm = Literal["plain", "key_value", "type_attr"]


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

    `brief` asks for plain class names, for detection data that are mixed in; without it `dense` is used. `stage_a` sums up one
    picture for a mission, `stage_b` judges a group of pictures by their summaries.
    """

    dense: ModePrompts
    summary: ModePrompts
    brief: ModePrompts | None = None
    stage_a: ModePrompts | None = None
    stage_b: ModePrompts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Fixed words with a meaning of their own: not sure what it is; nothing to be described in this picture."""

    uncertain: str
    irrelevant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """The words in a `desc` for an object shown whole, and those that replace them when a crop cuts it."""

    full: str
    partial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DescGrammar:
    """How a `desc` is put together, so that evaluation can judge its parts.

    `plain`: words; the head term is what stands before the first `item_separator`.
    `key_value`: pairs such as `kind=bolt,state=rusty`; the head term is the value of `head_key` (default: of the first pair).
    `type_attr`: a type, then levels of attributes, such as `bolt/rusty,loose/note`; the head term is the type.
    Full-width and half-width forms of a separator are the same separator. `ValueError` for separators that cannot be told apart.
    """

    form: DescForm = "plain"
    item_separator: str = ","
    pair_separator: str = "="
    level_separator: str = "/"
    head_key: str | None = None

    def __post_init__(self) -> None:
        separators = (self.item_separator, self.pair_separator, self.level_separator)
        if any(len(text) != 1 or text.isspace() for text in separators):
            raise ValueError("a separator is one character that is not a space")
        if len(set(separators)) < len(separators):
            raise ValueError("the three separators must differ")
        if self.head_key is not None and self.form != "key_value":
            raise ValueError("head_key belongs to form: key_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryGrammar:
    """How a summary that is not JSON lists what it counts: `label×count` items, e.g. `bolt×3, nut`.

    An item without a count counts once. Where labels hold a comma themselves, `separators` should name another character only.
    `ValueError` for an empty list or text.
    """

    separators: tuple[str, ...] = (",", "，")
    count_marks: tuple[str, ...] = ("×", "x", "*")

    def __post_init__(self) -> None:
        if not self.separators or not self.count_marks:
            raise ValueError("separators and count_marks name at least one text each")
        if not all((*self.separators, *self.count_marks)):
            raise ValueError("a separator or count mark is not empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainPack:
    """One domain. `language` is a BCP 47 tag such as `en` or `zh-CN`.

    `format_hints` tells the model, per `custom.json_format`, how the answer looks; `coordinate_hints` does so for each
    `custom.emit_norm`. `negative_answer` is what the model learns to say of a negative picture in dense mode (default: the
    answer format's empty list); in summary mode it is `tokens.irrelevant`. `desc_grammar` and `summary_grammar` tell evaluation
    how texts are put together, and conversion puts them together so.

    `summary: null` writes no summaries, `grouping: null` leaves groups out of descs.
    """

    id: str
    language: str
    description: str
    prompts: PackPrompts
    format_hints: Mapping[str, str]
    coordinate_hints: Mapping[Norm, str]
    tokens: Tokens
    taxonomy: Taxonomy = field(default_factory=Taxonomy)
    sanitizers: tuple[Sanitizer, ...] = ()
    review: ReviewRules | None = None
    summary: SummaryRules | None = None
    grouping: Grouping | None = None
    missions: tuple[Mission, ...] = ()
    verdicts: Verdicts | None = None
    lexicons: Lexicons = field(default_factory=Lexicons)
    completeness: Completeness | None = None
    negative_answer: str | None = None
    desc_grammar: DescGrammar = field(default_factory=DescGrammar)
    summary_grammar: SummaryGrammar = field(default_factory=SummaryGrammar)
