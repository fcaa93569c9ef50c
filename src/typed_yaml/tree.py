"""YAML as values that remember where they stand: file, line and column of every key and value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Plain: TypeAlias = Any  # what json can hold; typed by decoding right after


@dataclass(frozen=True, slots=True)
class Place:
    """1-based line and column in a file (or in a command-line override)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Scalar:
    value: str | int | float | bool | None
    place: Place
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping's value and the place of its key."""

    key_place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    entries: Mapping[str, Entry]
    place: Place


Node: TypeAlias = Scalar | ListNode | MapNode


def plain(node: Node) -> Plain:
    """The values alone."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


def child(node: Node, part: str | int) -> Node | None:
    """One step down; None when there is no such key or item."""
    if isinstance(node, MapNode) and isinstance(part, str):
        return node.entries[part].node if part in node.entries else None
    if isinstance(node, ListNode) and isinstance(part, int):
        return node.items[part] if 0 <= part < len(node.items) else None
    return None


def place_of(tree: Node, path: tuple[str | int, ...]) -> Place:
    """The place of the value at `path`, of its key where the last step is one, or of the nearest parent that exists."""
    node, place = tree, tree.place
    for part in path:
        below = child(node, part)
        if below is None:
            break
        is_key = isinstance(node, MapNode) and isinstance(part, str)
        place = node.entries[part].key_place if is_key else below.place  # type: ignore[union-attr,index]
        node = below
    return place


def leaves(
    node: Node, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    """Every scalar and every empty list or mapping, with its path, in file order."""
    if isinstance(node, MapNode) and node.entries:
        for key, entry in node.entries.items():
            yield from leaves(entry.node, (*path, key))
    elif isinstance(node, ListNode) and node.items:
        for position, item in enumerate(node.items):
            yield from leaves(item, (*path, position))
    else:
        yield path, node


def dotted(path: tuple[str | int, ...]) -> str:
    """("ops", 0, "name") -> "ops[0].name"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def undotted(text: str) -> tuple[str | int, ...]:
    """The inverse of `dotted`."""
    parts: list[str | int] = []
    for part in text.split("."):
        name, *positions = part.replace("]", "").split("[")
        parts += [name, *(int(position) for position in positions)]
    return tuple(parts)


def tree_of(values: Plain, place: Place | None = None) -> Node:
    """Plain values as a tree whose places are unknown (all `place`)."""
    here = place or Place("")
    if isinstance(values, Mapping):
        entries = {key: Entry(here, tree_of(value, here)) for key, value in values.items()}
        return MapNode(entries, here)
    if isinstance(values, list | tuple):
        return ListNode(tuple(tree_of(value, here) for value in values), here)
    return Scalar(values, here)
