"""A tree into frozen dataclasses, or one `ConfigError` with every problem, its place and a suggestion.

Decoding is pydantic's, in strict JSON mode: a quoted "false" is not a boolean, an integer is a legal float, a list a legal tuple.
Cost: the import of pydantic (about 80 ms) and some ms for the first adapter of a class.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from src.errors import ConfigError, Issue
from src.typed_yaml.tree import MapNode, Node, Scalar, child, dotted, place_of, plain, tree_of
from src.utils.suggest import closest

T = TypeVar("T")
Path_ = tuple[str | int, ...]
_UNKNOWN_KEY = {"unexpected_keyword_argument", "extra_forbidden"}
_MISSING = {"missing", "missing_argument", "missing_keyword_only_argument"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What suggestions and guidance draw on beyond the schema itself.

    `guidance` maps a key (bare, or dotted from the root) that was renamed or removed to what to do instead; `elsewhere` maps
    a section to further legal keys in it (pass-through sections).
    """

    guidance: Mapping[str, str]
    elsewhere: Mapping[str, Sequence[str]]


EMPTY = Vocabulary(guidance={}, elsewhere={})


def decode(cls: type[T], tree: Node, vocabulary: Vocabulary = EMPTY) -> T:
    """An instance of the dataclass `cls`; `ConfigError` with all problems at once."""
    try:
        decoded: T = _adapter(cls).validate_json(  # type: ignore[arg-type]
            json.dumps(plain(tree)), strict=True
        )
    except ValidationError as error:
        issues = [_issue(cls, tree, vocabulary, detail) for detail in error.errors()]
        unique = {(issue.where, issue.path, issue.message): issue for issue in issues}
        raise ConfigError(*unique.values()) from None
    return decoded


def decode_issues(cls: type[Any], tree: Node, vocabulary: Vocabulary = EMPTY) -> tuple[Issue, ...]:
    """The problems that `decode` would raise; empty when it would succeed."""
    try:
        decode(cls, tree, vocabulary)
    except ConfigError as error:
        return error.issues
    return ()


def decode_plain(cls: type[T], values: Mapping[str, Any]) -> T:
    """An instance of the dataclass `cls` from values that `plain_issues` found nothing wrong with."""
    decoded: T = _adapter(cls).validate_json(json.dumps(values), strict=True)  # type: ignore[arg-type]
    return decoded


def plain_issues(cls: type[Any], values: Mapping[str, Any]) -> tuple[Issue, ...]:
    """The problems of plain values for `cls`; paths are relative to them, places unknown."""
    return tuple(replace(issue, where="") for issue in decode_issues(cls, tree_of(values)))


@lru_cache(maxsize=64)
def _adapter(cls: Any) -> TypeAdapter[Any]:
    if "__pydantic_config__" not in vars(cls):
        # The root's config reaches nested standard dataclasses, which have none of their own.
        cls.__pydantic_config__ = {"extra": "forbid"}
    return TypeAdapter(cls)


def unknown_key(
    tree: Node,
    path: Path_,
    siblings: Sequence[str],
    known: Mapping[str, Sequence[str]],
    guidance: Mapping[str, str],
) -> Issue:
    """The issue of a key that does not exist, with guidance, a near sibling, or the section that it belongs to."""
    name = str(path[-1])
    where = str(place_of(tree, path))
    full = dotted(path)
    advice = guidance.get(full) or guidance.get(name)
    if advice is None:
        homes = [
            f"{section}.{name}" if section else name
            for section, names in known.items()
            if name in names
        ]
        near = closest(name, siblings)
        if homes:
            advice = f"did you mean {' or '.join(sorted(homes))}?"
        elif near is not None:
            advice = f"did you mean {near}?"
        else:
            near = closest(name, sorted({other for names in known.values() for other in names}))
            owners = [s for s, names in known.items() if near in names]
            advice = f"did you mean {owners[0]}.{near}?".replace(" .", " ") if near else ""
    return Issue(
        message="unknown key",
        where=where,
        path=full,
        rule="unknown-key",
        got=name,
        expected=_listed(siblings),
        remedy=advice or "remove it",
    )


def _listed(names: Sequence[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered) if len(ordered) <= 12 else f"one of {len(ordered)} keys"


def known_keys(cls: type[Any], vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """Every mapping of the schema by its dotted path ("" is the root), with its legal keys."""
    known = {path: tuple(names) for path, names in _walk(cls, "")}
    for section, names in vocabulary.elsewhere.items():
        known[section] = (*known.get(section, ()), *names)
    return known


def _walk(cls: type[Any], path: str) -> Iterator[tuple[str, list[str]]]:
    yield path, [field.name for field in fields(cls)]
    for name, hint in get_type_hints(cls).items():
        inner = dataclass_in(hint)
        if inner is not None:
            yield from _walk(inner, f"{path}.{name}" if path else name)


def dataclass_in(hint: Any) -> type[Any] | None:
    """The dataclass of a field, looked up through `X | None` and `tuple[X, ...]`."""
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    if get_origin(hint) in (Union, UnionType, tuple):
        for inner in get_args(hint):
            if inner not in (NoneType, Ellipsis):
                found = dataclass_in(inner)
                if found is not None:
                    return found
    return None


def _issue(cls: type[Any], tree: Node, vocabulary: Vocabulary, detail: Any) -> Issue:
    path = _real_path(tree, detail["loc"])
    kind = detail["type"]
    known = known_keys(cls, vocabulary)
    section = dotted(tuple(part for part in path[:-1] if isinstance(part, str)))
    if kind in _UNKNOWN_KEY:
        return unknown_key(tree, path, known.get(section, ()), known, vocabulary.guidance)
    where = str(place_of(tree, path))
    if kind in _MISSING:
        return Issue(
            message="required key is missing",
            where=where,
            path=dotted(path),
            rule="missing-key",
            remedy=f"add `{path[-1]}: ...`" + (f" to section {section}" if section else ""),
        )
    node = _at(tree, path)
    remedy = ""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        if kind.endswith(("_type", "_parsing")) and "string" not in kind:
            remedy = "write it without quotes" if node.quoted else ""
            remedy = remedy or ("write true or false" if kind.startswith("bool") else "")
        elif kind == "literal_error":
            near = closest(node.value, _choices(detail))
            remedy = f"did you mean {near}?" if near else ""
    return Issue(
        message=detail["msg"].removeprefix("Value error, "),
        where=where,
        path=dotted(path),
        rule=kind.replace("_", "-"),
        got=_got(node),
        expected=" | ".join(_choices(detail)),
        remedy=remedy,
    )


def _choices(detail: Any) -> list[str]:
    expected = detail["ctx"]["expected"] if "ctx" in detail and "expected" in detail["ctx"] else ""
    return [word.strip("' ") for word in expected.replace(" or ", ", ").split(", ") if word]


def _at(tree: Node, path: Path_) -> Node | None:
    node: Node | None = tree
    for part in path:
        node = child(node, part) if node is not None else None
    return node


def _got(node: Node | None) -> str:
    if node is None:
        return ""
    if isinstance(node, Scalar):
        text = json.dumps(node.value, ensure_ascii=False)
        return text if len(text) <= 80 else f"{text[:77]}..."
    return "a mapping" if isinstance(node, MapNode) else "a list"


def _real_path(tree: Node, loc: Sequence[str | int]) -> Path_:
    """pydantic's location without the union tags that it mixes in: steps that the tree does not have, but for the last."""
    path: list[str | int] = []
    node: Node | None = tree
    for position, part in enumerate(loc):
        below = child(node, part) if node is not None else None
        if below is not None:
            path.append(part)
            node = below
        elif position == len(loc) - 1 and isinstance(node, MapNode):
            path.append(part)
    return tuple(path)
