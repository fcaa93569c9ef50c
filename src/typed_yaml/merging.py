"""`extends`: a file stands on one or several others; mappings merge, lists and scalars replace.

Lists of named mappings can merge by name where their reader says so (`by_name`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from src.errors import ConfigError
from src.typed_yaml.reading import read_file
from src.typed_yaml.tree import ListNode, MapNode, Node, Scalar

EXTENDS = "extends"


@dataclass(frozen=True, slots=True)
class MergedTree:
    """The tree with every base merged in, and the files it came from, bases first."""

    tree: MapNode
    files: tuple[Path, ...]


def read_merged(path: Path, *, by_name: Collection[str] = ()) -> MergedTree:
    """Read a file and all that it extends, relative to the file that says so.

    Several bases merge in their order, later ones win, the file itself wins last. A cycle is refused with its chain. The
    top-level lists in `by_name` merge entry by entry: those of the same `name` merge, new ones follow.
    """
    return _read(path.resolve(), path, (), by_name)


def _read(path: Path, shown: Path, chain: tuple[Path, ...], by_name: Collection[str]) -> MergedTree:
    node = read_file(path, _shown(shown))
    if not isinstance(node, MapNode):
        raise ConfigError.say(
            "the top level must be a mapping", where=str(node.place), expected="section: ..."
        )
    own = {key: entry for key, entry in node.entries.items() if key != EXTENDS}
    merged = MapNode({}, node.place)
    files: list[Path] = []
    for name, place in _bases(node):
        base = (path.parent / name).resolve()
        if base in (*chain, path):
            links = [*chain, path, base]
            raise ConfigError.say(
                "extends runs in a circle",
                where=place,
                path=EXTENDS,
                got=" -> ".join(link.name for link in links[links.index(base) :]),
                remedy="remove one of these links",
            )
        if not base.is_file():
            raise ConfigError.say(
                "the extended file does not exist",
                where=place,
                path=EXTENDS,
                got=name,
                remedy="the path is relative to the file that extends",
            )
        below = _read(base, base, (*chain, path), by_name)
        merged = merge(merged, below.tree, by_name)
        files += [file for file in below.files if file not in files]
    return MergedTree(merge(merged, MapNode(own, node.place), by_name), (*files, path))


def _shown(path: Path) -> str:
    """Messages name a file relative to where the user stands, when it lies below."""
    absolute = path if path.is_absolute() else Path.cwd() / path
    return (
        str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(path)
    )


def _bases(node: MapNode) -> list[tuple[str, str]]:
    if EXTENDS not in node.entries:
        return []
    value = node.entries[EXTENDS].node
    items = value.items if isinstance(value, ListNode) else (value,)
    names = []
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str) or not item.value:
            raise ConfigError.say(
                "extends takes a path or a list of paths", where=str(item.place), path=EXTENDS
            )
        names.append((item.value, str(item.place)))
    return names


def merge(below: MapNode, above: MapNode, by_name: Collection[str] = ()) -> MapNode:
    """`above` over `below`: mappings merge key by key, lists in `by_name` by their entries' names, the rest is replaced."""
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        old = entries[key].node if key in entries else None
        if isinstance(old, MapNode) and isinstance(entry.node, MapNode):
            merged: Node = merge(old, entry.node)
            entries[key] = type(entry)(entry.key_place, merged)
        elif key in by_name and isinstance(old, ListNode) and isinstance(entry.node, ListNode):
            entries[key] = type(entry)(entry.key_place, _merge_named(old, entry.node))
        else:
            entries[key] = entry
    return MapNode(entries, above.place)


def _merge_named(below: ListNode, above: ListNode) -> ListNode:
    items = list(below.items)
    places = {_name(item): index for index, item in enumerate(items) if _name(item) is not None}
    for item in above.items:
        name = _name(item)
        if name is None or name not in places:
            items.append(item)
            continue
        old = items[places[name]]
        assert isinstance(old, MapNode)
        assert isinstance(item, MapNode)
        items[places[name]] = merge(old, item)
    return ListNode(tuple(items), above.place)


def _name(node: Node) -> str | None:
    entry = node.entries.get("name") if isinstance(node, MapNode) else None
    value = entry.node if entry is not None else None
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else None
