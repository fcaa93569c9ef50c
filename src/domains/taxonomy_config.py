"""How labels and answers of an export become the `desc` that the model writes: the schema. Standard library only.

Everything is matched whole and exactly, after the pack's sanitizers. What matches nothing is reported as unmapped and never taken
for something that resembles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Another question of the same type, declared before this one, has one of these raw answers."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeText:
    """An answer in the annotator's own words, as one item of the desc.

    `template` holds `{value}`; `pattern` (a regular expression that fits the whole text) says what is an answer at all;
    `fallback` is the item when there is none. A separator of the desc inside the text becomes `stand_in`. With `trailing`
    the item ends the desc, whatever its level: a remark. Remarks are what review rules read. `example` is what `render
    --examples` shows.
    """

    template: str = "{value}"
    pattern: str | None = None
    fallback: str | None = None
    stand_in: str = " "
    trailing: bool = False
    example: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeRule:
    """One question about an object. It has either `answers` (raw answer to text; "" says nothing in the desc) or `free_text`.

    `several`: more than one answer may be given, each an item of its own. `level` is where it stands in `form: type_attr`
    (1 follows the type), `key` its name in `form: key_value` and in JSON summaries (default: the question). `when`: it
    applies only then, and an answer to it otherwise is reported and left out. `required`: not answered is reported.
    """

    question: str
    answers: Mapping[str, str] = field(default_factory=dict)
    free_text: FreeText | None = None
    key: str | None = None
    level: int = 1
    several: bool = False
    required: bool = False
    when: Condition | None = None

    @property
    def name(self) -> str:
        return self.question if self.key is None else self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """A type of object: the raw labels that mean it (default: its name) and what is asked about it.

    Questions in `ignored` may be answered and never reach the desc; each is noted.
    """

    name: str
    labels: tuple[str, ...] = ()
    attributes: tuple[AttributeRule, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def raw_labels(self) -> tuple[str, ...]:
        return self.labels or (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """What an export's labels mean. Empty: labels are used as they come.

    `labels` maps a raw label to a whole desc; `types` describe an object by its type and its answers. `label_question` is for
    exports that give the label as the answer to a question: where it is answered, that is the label, and another label beside it
    is reported.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    types: tuple[ObjectType, ...] = ()
    label_question: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.labels and not self.types
